"""How each database is reached, and what is said of one that fails."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Engine, create_engine, event, inspect, literal, make_url, select, table
from sqlalchemy.engine.interfaces import DBAPIConnection, ExceptionContext
from sqlalchemy.exc import InterfaceError, OperationalError

from netflix.errors import DatabaseBusy, DatabaseDamaged, DatabaseUnavailable, NotMigrated

# Milliseconds that one waits for what another holds.
LONGEST_WAIT = 5000
# PostgreSQL's names of what went wrong: lock_not_available, undefined_table, undefined_column.
BUSY, LACKING = "55P03", ("42P01", "42703")
# Of SQLite's words.
LACKING_IN_SQLITE = ("no such table", "no such column")
# Of SQLite's words too, which it has for many things; and bytes with which nothing can be written any more.
FAILED_ON_DISK, NO_ROOM = "disk I/O error", 1 << 20
LOOK = "Look for the cause: `netflix-admin doctor`."
# What is deleted, such as a mail with a link in it, is overwritten, or a copy of the file would still have it.
ERASING = "secure_delete = ON"


def engine_options(url: str | URL) -> dict[str, object]:
    """Connections for the threads that are at work; the others wait, but not until a person gives up."""
    asked = make_url(url)
    if asked.get_backend_name() == "sqlite":
        return {"pool_size": 16, "max_overflow": 16, "pool_timeout": 5}
    # What the address says itself comes later, and holds.
    given = asked.query.get("options", "")
    return {
        "pool_size": 5,
        "max_overflow": 11,
        "pool_timeout": 5,
        "pool_pre_ping": True,
        "connect_args": {
            # Milliseconds: a server that is gone without a word would hold whoever asks it for a quarter of an hour.
            "connect_timeout": 5,
            "tcp_user_timeout": 10_000,
            "options": f"-c lock_timeout={LONGEST_WAIT} {given if isinstance(given, str) else ' '.join(given)}".strip(),
        },
    }


def prepare_sqlite(connection: DBAPIConnection, _: object) -> None:
    """Readers do not wait for a writer, writers wait for each other, and foreign keys hold."""
    cursor = connection.cursor()
    for pragma in (
        "journal_mode = WAL",
        "synchronous = NORMAL",
        f"busy_timeout = {LONGEST_WAIT}",
        "foreign_keys = ON",
        ERASING,
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def open_only(_: object, __: object, args: list[Any], given: dict[str, Any]) -> None:
    """SQLite would make an empty file of whatever is asked for, and a site without anybody in it."""
    if args[0] != ":memory:" and not given.get("uri"):
        args[0], given["uri"] = f"file:{quote(args[0])}?mode=rw", True


def notice_full(context: ExceptionContext) -> None:
    """On a full disk SQLite says at times only that the disk failed."""
    error = context.original_exception
    engine = context.engine
    if engine and engine.url.database and FAILED_ON_DISK in str(error) and is_full(Path(engine.url.database).parent):
        error.args = (f"{error}; the disk is full",)


def is_full(folder: Path) -> bool:
    try:
        free = os.statvfs(folder)
    except OSError:
        return False
    return free.f_bavail * free.f_frsize < NO_ROOM


def listen(made: Engine) -> None:
    """What each engine of SQLite does."""
    event.listen(made, "do_connect", open_only)
    event.listen(made, "handle_error", notice_full)


def make(url: str) -> None:
    """The file, where it is one and is not there: for its owner alone. Where it cannot be made, to open it says so."""
    if is_missing(url):
        with suppress(OSError):
            os.close(os.open(make_url(url).database or "", os.O_WRONLY | os.O_CREAT, 0o600))


def engine(url: str | URL) -> Engine:
    """One for who asks before there is a site, or beside it; to be disposed of."""
    made = create_engine(url, **engine_options(url))
    if made.dialect.name == "sqlite":
        listen(made)
    return made


def is_missing(url: str) -> bool:
    """Whether there is no file, where it is one."""
    asked = make_url(url)
    return asked.get_backend_name() == "sqlite" and not Path(asked.database or "").exists()


def has_accounts(url: str) -> bool:
    """Whether there are any, or events, which tell of some. Raises DBAPIError."""
    if is_missing(url):
        return False
    asked = engine(url)
    try:
        with asked.connect() as connection:
            known = inspect(connection)
            return any(
                known.has_table(name)
                and connection.execute(select(literal(1)).select_from(table(name)).limit(1)).first()
                for name in ("user", "event")
            )
    finally:
        asked.dispose()


def first_line(error: BaseException | None) -> str:
    """What the database itself said."""
    return str(getattr(error, "orig", error)).partition("\n")[0].rstrip(":. ")


def state(error: Exception) -> str | None:
    """PostgreSQL's name of what went wrong."""
    return getattr(getattr(error, "orig", error), "sqlstate", None)


def is_busy(error: Exception) -> bool:
    return state(error) == BUSY or "locked" in first_line(error)


def refusal(error: Exception) -> DatabaseUnavailable:
    """What is said of a database's error, and what to do."""
    reason = first_line(error)
    if is_busy(error):
        return DatabaseBusy()
    if any(sign in reason for sign in DatabaseDamaged.SIGNS):
        return DatabaseDamaged()
    if "is full" in reason or "No space left" in reason:
        return DatabaseUnavailable(f"There is no room left for the database ({reason}).", "Make room on its disk.")
    if state(error) in LACKING or any(sign in reason for sign in LACKING_IN_SQLITE):
        return NotMigrated(f"The database is not migrated ({reason}).")
    if "unable to open" in reason:
        return DatabaseUnavailable(
            f"The database cannot be opened ({reason}).",
            "Check NETFLIX_DATABASE_URL, and the modes of its file and folder.",
        )
    if isinstance(error, (OperationalError, InterfaceError)) and hasattr(error.orig, "sqlstate"):
        return DatabaseUnavailable(f"The database does not answer ({reason}).")
    return DatabaseUnavailable(f"The database failed ({reason}).", LOOK)
