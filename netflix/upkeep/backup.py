"""A copy of the site's data in one file, made while it serves. Nothing that opens a door is in it.

A tar with a manifest and a part: of SQLite a copy by its own backup API, of PostgreSQL what `pg_dump` writes. Sessions,
links and mails are left out, so a restore ends them all; keys are left out, and the manifest tells under which the
passwords are.
"""

import hashlib
import hmac
import io
import json
import os
import re
import secrets
import shutil
import sqlite3
import subprocess
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import create_engine, delete, func, make_url, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from netflix import clock, database, schema
from netflix import config as settings
from netflix.accounts.asked import Asked
from netflix.accounts.one_time_link import OneTimeLink
from netflix.accounts.user import User
from netflix.config import PREFIX, Config
from netflix.database import LONGEST_WAIT
from netflix.errors import AlreadyExists, DatabaseBusy, DatabaseDamaged, Declined
from netflix.events import event
from netflix.events.event import Kind
from netflix.extensions import db
from netflix.factors.challenge import UsedChallenge
from netflix.files import as_it_was, hold, sweep
from netflix.mail.outbox import Mail
from netflix.signin.session import Session
from netflix.version import __version__

KIND, FORMAT = "netflix backup", 1
MANIFEST, SQLITE, POSTGRESQL = "manifest.json", "database.sqlite", "database.pgdump"
# What opens a door, or would be done twice.
LEFT_OUT = (Session, OneTimeLink, Asked, UsedChallenge, Mail)
# In a folder each is named by the time.
BY_TIME = r"netflix-\d{8}T\d{6}Z\.tar"
PAGES = 2000
CHUNK = 1 << 20

Told = Callable[[int, int], object]


def untold(done: int, of: int) -> None:
    """Nobody wants to know how far it is."""


@dataclass(frozen=True)
class Manifest:
    """What is told of a backup, in it."""

    id: str
    version: str
    schema: str
    made_at: str
    # The part's name says of which database.
    part: str
    size: int
    sha256: str
    users: int
    # Tells whether a key is that of the passwords, and nothing about it.
    password_key: str
    settings: Mapping[str, str]
    not_kept: Sequence[str]
    # Under the same key over all the rest, and by its checksum over the part.
    seal: str = ""

    def is_under(self, password_key: str) -> bool:
        return hmac.compare_digest(self.password_key.encode(), fingerprint(password_key, self.id).encode())

    def is_as_made(self, password_key: str) -> bool:
        return hmac.compare_digest(self.seal.encode(), self.sealed(password_key).encode())

    def sealed(self, password_key: str) -> str:
        told = json.dumps(vars(self) | {"seal": ""}, sort_keys=True)
        return hmac.digest(password_key.encode(), f"netflix backup manifest {told}".encode(), "sha256").hex()

    def as_json(self) -> bytes:
        return json.dumps({"kind": KIND, "format": FORMAT} | vars(self), indent=2).encode()


def fingerprint(password_key: str, backup: str) -> str:
    return hmac.digest(password_key.encode(), f"netflix backup {backup}".encode(), "sha256").hex()


def back_up(path: Path, overwrite: bool = False, told: Told = untold) -> tuple[Path, Manifest]:
    """Writes it to `path`, whole or not at all; in a folder it is named by the time.

    Raises AlreadyExists, DatabaseBusy, DatabaseDamaged, and Declined where it cannot be made.
    """
    config = settings.current()
    if path.is_dir():
        path = path / f"netflix-{clock.now():%Y%m%dT%H%M%SZ}.tar"
    if not path.parent.is_dir():
        raise Declined(f"There is no folder '{path.parent}'.", "Make it, for its owner alone (mode 700).")
    if path.exists() and not overwrite:
        raise AlreadyExists(f"'{path}' is there already.", "Name another file, or add --yes.")
    users = db.session.scalar(select(func.count()).select_from(User)) or 0
    db.session.rollback()
    with drafts(path) as (part, packed), ExitStack() as held:
        with writing(path):
            for draft in (part, packed):
                file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                held.callback(os.close, file)
                hold(file)
            is_sqlite = make_url(config.database_url).get_backend_name() == "sqlite"
            (copy_sqlite if is_sqlite else dump_postgresql)(config, part, told)
            made = manifest(config, SQLITE if is_sqlite else POSTGRESQL, part, users)
            pack(packed, made, part)
        # Who cannot write in the record finds out here, before there is a file that it does not tell of.
        event.record(Kind.BACKED_UP, object=path.name[:100], backup=made.id)
        with as_it_was(path):
            with writing(path):
                packed.replace(path)
                sync(path.parent)
            db.session.commit()
    return path, made


@contextmanager
def drafts(path: Path) -> Iterator[tuple[Path, Path]]:
    """Two names beside `path`, of files that are gone in the end; so are then those of a backup that was killed."""
    sweep(path.parent, rf"\.({BY_TIME}|{re.escape(path.name)})\.[0-9a-f]{{8}}\.(tar|part)")
    mark = secrets.token_hex(4)
    part, packed = (path.with_name(f".{path.name}.{mark}.{end}") for end in ("part", "tar"))
    try:
        yield part, packed
    finally:
        for draft in (packed, *(part.with_name(f"{part.name}{end}") for end in ("", "-journal", "-wal", "-shm"))):
            draft.unlink(missing_ok=True)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raises DatabaseBusy or DatabaseDamaged for what is wrong with what is read, and Declined for all else."""
    try:
        yield
    except (OSError, sqlite3.Error, DBAPIError) as error:
        reason = getattr(error, "strerror", None) or str(getattr(error, "orig", error))
        refusal = database.refusal(error)
        if isinstance(refusal, DatabaseBusy | DatabaseDamaged):
            raise refusal from error
        raise Declined(
            f"'{path}' could not be written ({reason}).",
            "Free the disk, or name a file elsewhere; `netflix-admin doctor` looks at the rest.",
        ) from error


def copy_sqlite(config: Config, part: Path, told: Told) -> None:
    live_file = make_url(config.database_url).database or ""
    with closing(sqlite3.connect(live_file, isolation_level=None)) as live, closing(sqlite3.connect(part)) as copy:
        # One look at all of it: without, each write of the site would make the copy begin anew.
        live.execute("BEGIN")
        live.execute("SELECT count(*) FROM sqlite_master").fetchone()
        (size,) = live.execute("PRAGMA page_size").fetchone()
        live.backup(copy, pages=PAGES, progress=lambda _, left, of: told((of - left) * size, of * size))
        live.execute("ROLLBACK")
        copy.execute("PRAGMA journal_mode = DELETE")
    engine = create_engine(f"sqlite:///{part}", poolclass=NullPool)
    with engine.connect() as connection:
        for table in LEFT_OUT:
            connection.execute(delete(table))
        connection.commit()
        # Written anew, without what was deleted here or long before.
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("VACUUM"))
        said = connection.scalar(text("PRAGMA quick_check(1)"))
    if said != "ok":
        # The copy would be worth nothing.
        raise DatabaseDamaged


def dump_postgresql(config: Config, part: Path, told: Told) -> None:
    left_out = [f"--exclude-table-data={table.__tablename__}" for table in LEFT_OUT]
    # It waits by its own measure, and not by the server's.
    how = ("--format=custom", "--no-owner", "--no-privileges", f"--lock-wait-timeout={LONGEST_WAIT}")
    run("pg_dump", *how, *left_out, f"--file={part}", on=config)


def run(program: str, *args: str, on: Config | None = None) -> None:
    """One of PostgreSQL's own programs, on the site's database; a password is in its environment alone.

    Raises Declined, and DatabaseBusy where others hold what it needs.
    """
    found = shutil.which(program)
    if found is None:
        raise Declined(f"There is no `{program}` on the path.", "Install PostgreSQL's client programs.")
    told, secret = conninfo(on.database_url) if on else ([], {})
    # What stands in the address itself holds.
    waits = {"PGOPTIONS": f"-c lock_timeout={LONGEST_WAIT}"}
    done = subprocess.run(  # noqa: S603
        [found, *told, *args], env=os.environ | waits | secret, capture_output=True, text=True, check=False
    )
    if done.returncode:
        reason = next((line for line in done.stderr.splitlines() if "error" in line.lower()), done.stderr.strip())
        if "lock timeout" in reason or "statement timeout" in reason:
            raise DatabaseBusy
        raise Declined(f"`{program}` failed ({reason.strip()}).", "Nothing was changed; mend that and try again.")


def conninfo(database_url: str) -> tuple[list[str], dict[str, str]]:
    """How PostgreSQL's programs are told where: by an argument that everybody may see, and by their environment."""
    url = make_url(database_url)
    asked = {name: value if isinstance(value, str) else ",".join(value) for name, value in url.query.items()}
    # Of several servers each host has its port.
    places = [place.rpartition(":") if ":" in place else (place, "", "") for place in asked.get("host", "").split(",")]
    hosts, ports = ",".join(host for host, _, _ in places), ",".join(port for _, _, port in places).strip(",")
    asked |= {"host": url.host or hosts, "port": str(url.port or ports or asked.get("port", ""))}
    asked |= {"user": url.username or asked.get("user", ""), "dbname": url.database or ""}
    password = str(url.password or asked.get("password", ""))
    told = " ".join(f"{name}={quoted(value)}" for name, value in asked.items() if value and "password" not in name)
    return [f"--dbname={told}"], {"PGPASSWORD": password} if password else {}


def quoted(value: str) -> str:
    """As libpq reads it."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def manifest(config: Config, name: str, part: Path, users: int) -> Manifest:
    mark = secrets.token_hex(8)
    with part.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    made = Manifest(
        id=mark,
        version=__version__,
        schema=schema.head(),
        made_at=clock.now().isoformat(timespec="seconds"),
        part=name,
        size=part.stat().st_size,
        sha256=digest,
        users=users,
        password_key=fingerprint(config.password_key, mark),
        settings={
            variable(known.name): shown(getattr(config, known.name))
            for known in fields(config)
            if not known.metadata["secret"]
        },
        not_kept=[variable(known.name) for known in fields(config) if known.metadata["secret"]],
    )
    return replace(made, seal=made.sealed(config.password_key))


def variable(name: str) -> str:
    return PREFIX + name.upper()


def shown(value: Any) -> str:
    """As it is set."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        # Rates are divided by semicolons, and have none of their own.
        return ("; " if any(" per " in str(one) for one in value) else ",").join(map(str, value))
    return str(value)


def pack(packed: Path, made: Manifest, part: Path) -> None:
    content = made.as_json()
    with packed.open("r+b") as file, part.open("rb") as source:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
            add(tar, MANIFEST, len(content), io.BytesIO(content))
            add(tar, made.part, made.size, source)
        file.flush()
        os.fsync(file.fileno())


def add(tar: tarfile.TarFile, name: str, size: int, source: BinaryIO) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, 0o600, int(clock.now().timestamp())
    tar.addfile(member, source)


def sync(folder: Path) -> None:
    """A name that was moved is there also after a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
