"""How each database is reached."""

from sqlalchemy import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection

from netflix.config import Config


def engine_options(config: Config) -> dict[str, object]:
    """Connections for the threads that are at work; the others wait, but not until a person gives up."""
    if make_url(config.database_url).get_backend_name() == "sqlite":
        return {"pool_size": 16, "max_overflow": 16, "pool_timeout": 5}
    return {
        "pool_size": 5,
        "max_overflow": 11,
        "pool_timeout": 5,
        "pool_pre_ping": True,
        # Milliseconds: a server that is gone without a word would hold whoever asks it for a quarter of an hour.
        "connect_args": {"connect_timeout": 5, "tcp_user_timeout": 10_000},
    }


# What is deleted, such as a mail with a link in it, is overwritten, or a copy of the file would still have it.
ERASING = "secure_delete = ON"


def prepare_sqlite(connection: DBAPIConnection, _: object) -> None:
    """Readers do not wait for a writer, writers wait for each other, and foreign keys hold."""
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "busy_timeout = 5000", "foreign_keys = ON", ERASING):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
