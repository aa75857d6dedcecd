"""Time: always aware, always UTC, and the same from every database."""

from datetime import UTC, datetime

from sqlalchemy import DateTime, Dialect
from sqlalchemy.types import TypeDecorator


def now() -> datetime:
    return datetime.now(UTC)


def told(instant: datetime) -> str:
    """As a person reads it."""
    return f"{instant.day} {instant:%b %Y, %H:%M} UTC"


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime. SQLite keeps no zone and would answer a naive one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        # PostgreSQL answers in the zone of its session.
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
