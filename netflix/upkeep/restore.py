"""Bringing a backup back in the place of the database, whole or not at all."""

import fcntl
import hashlib
import json
import os
import secrets
import socket
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from sqlalchemy import MetaData, create_engine, inspect, make_url, text
from sqlalchemy.exc import DBAPIError

from netflix import config as settings
from netflix import database, schema
from netflix.config import Config
from netflix.errors import Declined
from netflix.events import event
from netflix.events.event import Kind
from netflix.extensions import db
from netflix.files import sweep
from netflix.upkeep.backup import CHUNK, FORMAT, KIND, MANIFEST, POSTGRESQL, SQLITE, Manifest, Told, run, sync, untold

LONGEST_MANIFEST = 1 << 20
STOP = "Stop the site and whatever else has it open, and try again."
# Not its own workers, such as autovacuum's.
OTHERS = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND backend_type = 'client backend'"
)


def looked_at(path: Path, serving: bool = False) -> Manifest:
    """What a backup tells of itself, where it can be restored here. Changes nothing, and raises Declined.

    `serving`: though the site is running.
    """
    with opened(path) as (_, found):
        pass
    if not serving:
        check_idle(settings.current())
    return found


def check(config: Config, found: Manifest) -> None:
    """Raises Declined for what is not to be restored here."""
    if (found.part == SQLITE) != is_sqlite(config):
        theirs, ours = ("SQLite", "PostgreSQL") if found.part == SQLITE else ("PostgreSQL", "SQLite")
        raise Declined(f"The backup is of {theirs}, and this site has {ours}.", "Check NETFLIX_DATABASE_URL.")
    if found.schema not in schema.versions():
        raise Declined(
            f"The backup was made by a newer version of the site ({found.version}, tables {found.schema}).",
            "Update the site first.",
        )
    if not found.is_under(config.password_key):
        raise Declined(
            "The backup was made under another password key: with the present one nobody could sign in.",
            f"Put back that site's `password.key` into {config.instance} (or set NETFLIX_PASSWORD_KEY), and try again.",
        )
    if not found.is_as_made(config.password_key):
        raise Declined(
            "The backup was changed since it was made, by somebody who has not the password key.",
            "Nothing was changed here. Take another one, from where nobody but you can write.",
        )


def is_there() -> bool:
    """Whether there is a database that would be replaced."""
    config = settings.current()
    if is_sqlite(config):
        return database_file(config).exists()
    with db.engine.connect() as connection:
        return inspect(connection).has_table("alembic_version")


def restore(path: Path, told: Told = untold) -> Manifest:
    """Replaces the database by what `looked_at` was content with. Raises Declined, and then nothing was changed."""
    config = settings.current()
    # What is open here would be in the way itself.
    db.session.remove()
    db.engine.dispose()
    # Again: it may have been started while somebody was asked.
    check_idle(config)
    with prepared(path, told) as (draft, found):
        if is_sqlite(config):
            put_sqlite(config, draft)
        else:
            put_postgresql(config, draft, found)
    event.record(Kind.RESTORED, backup=found.id, made_at=found.made_at)
    db.session.commit()
    return found


def rehearse(path: Path, told: Told = untold) -> Manifest:
    """All of it but the last step, also while the site is served. Changes nothing, and raises Declined."""
    with prepared(path, told) as (_, found):
        return found


@contextmanager
def prepared(path: Path, told: Told) -> Iterator[tuple[Path, Manifest]]:
    """A file that was read through, checked, and only has to be put in the database's place. Raises Declined."""
    config = settings.current()
    with opened(path) as (source, found), draft_of(config) as draft:
        unpack(source, found, draft, told)
        yield ready_sqlite(draft, found) if is_sqlite(config) else ready_postgresql(draft), found


def is_sqlite(config: Config) -> bool:
    return make_url(config.database_url).get_backend_name() == "sqlite"


def database_file(config: Config) -> Path:
    return Path(make_url(config.database_url).database or "")


@contextmanager
def opened(path: Path) -> Iterator[tuple[IO[bytes], Manifest]]:
    """The part, to be read, and the manifest, of what may be restored here. Raises Declined.

    Names of files in it are compared, and never used.
    """
    try:
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as tar:
            first, second = tar.next(), tar.next()
            if first is None or first.name != MANIFEST or not is_plain(first) or first.size > LONGEST_MANIFEST:
                raise ValueError("there is no manifest in it")
            found = read(content(tar, first).read())
            if second is None or not is_plain(second) or (second.name, second.size) != (found.part, found.size):
                raise ValueError("what it tells of is not in it")
            check(settings.current(), found)
            part = content(tar, second)
            yield part, found
    except OSError as error:
        if isinstance(error, tarfile.TarError) or error.strerror is None:
            raise no_backup(path, error) from error
        raise Declined(f"'{path}' cannot be read ({error.strerror}).", "Check its name and modes.") from error
    except (tarfile.TarError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise no_backup(path, error) from error


def is_plain(member: tarfile.TarInfo) -> bool:
    """Neither a link nor one with holes, which is as large as somebody says."""
    return member.isreg() and not member.issparse()


def content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    file = tar.extractfile(member)
    assert file  # noqa: S101  (for mypy: a plain one has content)
    return file


def no_backup(path: Path, error: Exception) -> Declined:
    return Declined(
        f"'{path}' is no backup of this site, or a damaged one ({error}).", "Nothing was changed. Take another one."
    )


def read(manifest: bytes) -> Manifest:
    """Raises ValueError, KeyError, TypeError or RecursionError."""
    told = json.loads(manifest)
    if not isinstance(told, dict) or told.pop("kind") != KIND or told.pop("format") != FORMAT:
        raise ValueError("it is of another kind")
    if any(known.type is str and not isinstance(told.get(known.name, ""), str) for known in fields(Manifest)):
        raise ValueError("its manifest cannot be read")
    found = Manifest(**told)
    if found.part not in (SQLITE, POSTGRESQL):
        raise ValueError("it holds no database")
    return found


def check_idle(config: Config) -> None:
    """Raises Declined while the site is served, as far as can be told from here."""
    if config.keeps_own_redis and (config.instance / "redis.owner").exists():
        with (config.instance / "redis.owner").open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Declined("The site is running.", STOP) from None
    with suppress(OSError, ValueError):
        told = urlsplit(config.served_at.read_text().strip())
        # Behind the address that people type a proxy answers, whether the site runs or not.
        host, port = (config.host, config.port) if config.url else (told.hostname or "", told.port or 80)
        with socket.create_connection((host, port), 2):
            raise Declined(f"The site is running, at {host} port {port}.", STOP)
    if not is_sqlite(config):
        with db.engine.connect() as connection:
            others = connection.scalar(OTHERS) or 0
        db.engine.dispose()
        if others:
            raise Declined(f"The database is in use, by {others} other{'s' * (others != 1)}.", STOP)


@contextmanager
def draft_of(config: Config) -> Iterator[Path]:
    """A file beside the database, or in the instance folder. Raises Declined where there is no room."""
    folder = database_file(config).parent if is_sqlite(config) else config.instance
    # What one that was killed left; nobody else restores meanwhile.
    sweep(folder, r"\.restoring\.[0-9a-f]{8}(\.sql)?")
    draft = folder / f".restoring.{secrets.token_hex(4)}"
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        yield draft
    except (OSError, sqlite3.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise Declined(f"It could not be restored ({reason}).", "Nothing was changed. Mend that first.") from error
    finally:
        for end in ("", ".sql", "-journal", "-wal", "-shm"):
            draft.with_name(draft.name + end).unlink(missing_ok=True)


def unpack(source: IO[bytes], found: Manifest, draft: Path, told: Told) -> None:
    """Raises ValueError where the content is not what the manifest says."""
    digest, done = hashlib.sha256(), 0
    with draft.open("r+b") as file:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
            file.write(chunk)
            told(done := done + len(chunk), found.size)
        file.flush()
        os.fsync(file.fileno())
    if digest.hexdigest() != found.sha256:
        raise ValueError("its checksum is wrong")


def ready_sqlite(draft: Path, found: Manifest) -> Path:
    """Raises ValueError."""
    engine = create_engine(f"sqlite:///{draft}")
    try:
        with engine.connect() as connection:
            whole = connection.scalar(text("PRAGMA quick_check(1)")) == "ok"
            lost = connection.execute(text("PRAGMA foreign_key_check")).first()
    finally:
        engine.dispose()
    if not whole or lost:
        raise ValueError("its database is damaged")
    if found.schema != schema.head():
        schema.upgrade(f"sqlite:///{draft}")
    return draft


def put_sqlite(config: Config, draft: Path) -> None:
    file = database_file(config)
    with alone(file):
        draft.replace(file)
    sync(file.parent)


@contextmanager
def alone(file: Path) -> Iterator[None]:
    """The present database, in nobody else's hands, with nothing beside it that belongs to it.

    Raises Declined while others have it open.
    """
    if file.exists():
        with closing(sqlite3.connect(file, timeout=0)) as present:
            # One that is damaged is nobody's, which is why it is replaced.
            with suppress(sqlite3.DatabaseError):
                take(present)
            leave_nothing_beside(file)
            yield
    else:
        leave_nothing_beside(file)
        yield


def take(present: sqlite3.Connection) -> None:
    """Until it is closed nobody else has it. Raises Declined while others have it open, and sqlite3.DatabaseError."""
    try:
        # Only who is alone may leave the write-ahead log; what stands in it is written back.
        present.execute("PRAGMA journal_mode = DELETE")
        present.execute("BEGIN EXCLUSIVE")
    except sqlite3.DatabaseError as error:
        if "locked" in str(error):
            raise Declined("The database is in use.", STOP) from error
        raise


def leave_nothing_beside(file: Path) -> None:
    """A log of another database would be taken for the new one's."""
    for end in ("-wal", "-shm", "-journal"):
        file.with_name(file.name + end).unlink(missing_ok=True)


def ready_postgresql(draft: Path) -> Path:
    script = draft.with_name(f"{draft.name}.sql")
    os.close(os.open(script, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    run("pg_restore", "--no-owner", "--no-privileges", f"--file={script}", str(draft))
    return script


def put_postgresql(config: Config, script: Path, found: Manifest) -> None:
    """In one transaction, with all tables of the site, also those that the backup does not know."""
    known = MetaData()
    try:
        with db.engine.connect() as connection:
            known.reflect(connection)
        quote = db.engine.dialect.identifier_preparer.quote
    except DBAPIError as error:
        raise database.refusal(error) from error
    finally:
        db.engine.dispose()
    ours = [quote(name) for name in known.tables if name in {*db.metadata.tables, "alembic_version"}]
    drop = [f"--command=DROP TABLE {', '.join(ours)} CASCADE"] if ours else []
    whole = ("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction")
    run("psql", *whole, *drop, f"--file={script}", on=config)
    if found.schema != schema.head():
        schema.upgrade(config.database_url)
