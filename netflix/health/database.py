"""The database: its version, whether it can be written and is whole, and what of it piles up."""

from collections.abc import Iterator

from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from netflix import clock, schema
from netflix.accounts import password
from netflix.accounts.user import User
from netflix.config import Config
from netflix.database import LOOK, first_line, is_busy
from netflix.errors import DatabaseUnavailable
from netflix.events import verification
from netflix.extensions import db
from netflix.health.finding import Finding, fault, ok, warning
from netflix.mail.outbox import Mail

# Of the record; all of it is `events verify`'s.
LATEST = 1000
OF_THE_DISK = (
    "Look into the system's log for what is wrong with the disk; on a sound one restore a backup: "
    "`netflix-admin restore FILE`."
)
BACKUP = "Restore a backup: `netflix-admin restore FILE`."


def findings(config: Config) -> Iterator[Finding]:
    """What cannot be asked any more once something is found is not asked."""
    try:
        schema.check(config)
    except DatabaseUnavailable as refusal:
        # It points to the doctor.
        remedy = OF_THE_DISK if refusal.remedy == LOOK else refusal.remedy
        yield fault("schema", refusal.sentence, remedy)
        return
    yield ok("schema", f"Version {schema.head()}, as this site needs.")
    whole = list(integrity())
    yield from whole
    if any(found.remedy for found in whole):
        return
    yield from writable()
    if is_under_another_key(config):
        yield fault(
            "password key",
            "The password key is another one than the accounts were made under.",
            f"Put back the `password.key` that was in {config.instance} (or set NETFLIX_PASSWORD_KEY). If it is lost "
            "for good, everybody needs a new link: `netflix-admin users reset-password`.",
        )
    else:
        yield ok("password key", "It is the one that the accounts were made under.")
        yield from record()
    yield from mails()


def writable() -> Iterator[Finding]:
    """Written as it is, and taken back."""
    try:
        db.session.execute(text("UPDATE alembic_version SET version_num = version_num"))
    except DBAPIError as error:
        reason = first_line(error)
        remedy = "Free the disk, and check the modes of the database's file and folder, and who owns them."
        if is_busy(error):
            remedy = "Look for who holds it: a backup, or a program that was left open."
        yield fault("writable", f"The database cannot be written ({reason}).", remedy)
    else:
        yield ok("writable", "It can be written.")
    finally:
        db.session.rollback()


def integrity() -> Iterator[Finding]:
    try:
        yield from (in_sqlite if db.engine.dialect.name == "sqlite" else in_postgresql)()
    except DBAPIError as error:
        yield fault("integrity", f"The database cannot be read through ({first_line(error)}).", BACKUP)
    finally:
        db.session.rollback()


def in_sqlite() -> Iterator[Finding]:
    said = db.session.scalar(text("PRAGMA quick_check(1)"))
    if said != "ok":
        yield fault("integrity", f"The database's file is damaged: {' '.join(str(said).split())}.", BACKUP)
        return
    lost = db.session.execute(text("PRAGMA foreign_key_check")).all()
    if lost:
        tables = ", ".join(sorted({row[0] for row in lost}))
        rows = "1 row belongs" if len(lost) == 1 else f"{len(lost):,} rows belong"
        yield fault("integrity", f"{rows} to nothing that is there, in: {tables}.", BACKUP)
    else:
        yield ok("integrity", "The file is whole, and no row has lost what it belongs to.")


def in_postgresql() -> Iterator[Finding]:
    broken = db.session.scalars(text("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid")).all()
    failed = text("SELECT coalesce(checksum_failures, 0) FROM pg_stat_database WHERE datname = current_database()")
    if broken:
        yield fault("integrity", f"Not valid are the indexes: {', '.join(broken)}.", "REINDEX them.")
    elif db.session.scalar(failed):
        yield fault("integrity", "PostgreSQL found pages whose checksum is wrong.", BACKUP)
    else:
        yield ok("integrity", "All indexes are valid, and no checksum has failed.")


def is_under_another_key(config: Config) -> bool:
    """By the record, or else by what is kept of passwords, where none is under this key and some are under another."""
    if verification.is_under_another_key():
        return True
    return not is_any_kept(password.scheme_id(config)) and is_any_kept(f"{password.SCHEME}.")


def is_any_kept(mark: str) -> bool:
    """Whether somebody's password is kept so."""
    return db.session.scalar(select(User.id).where(User.password_hash.startswith(mark)).limit(1)) is not None


def record() -> Iterator[Finding]:
    faults = list(verification.faults(LATEST))
    unknown = verification.last_unknown() if faults else 0
    if unknown and not any(verification.faults(LATEST, unknown)):
        told = f"Events up to {unknown} are from another password key, or were tampered with."
        yield fault("record", told, "See `netflix-admin events verify`; only who runs the site knows which it is.")
    elif faults:
        more = f" And {len(faults) - 1} more." if len(faults) > 1 else ""
        yield fault(
            "record", f"{faults[0]}{more}", "See `netflix-admin events verify`; compare it with the log and a backup."
        )
    else:
        yield ok("record", f"The last {LATEST:,} events are as they were written.")


def mails() -> Iterator[Finding]:
    given_up = db.session.scalar(select(func.count()).where(Mail.due_at.is_(None))) or 0
    late = Mail.due_at.is_not(None) & (Mail.created_at < clock.now() - Mail.LONGEST_PAUSE)
    waiting = db.session.scalar(select(func.count()).where(late)) or 0
    if given_up or waiting:
        yield warning(
            "mails",
            f"{given_up} could not be sent, and {waiting} have been waiting for more than an hour.",
            "See why: `netflix-admin mail list`.",
        )
    else:
        yield ok("mails", "None waits for long.")
