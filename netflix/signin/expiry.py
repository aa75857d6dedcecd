"""Deleting what has run out: sessions and one-time links."""

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from sqlalchemy import ColumnElement, CursorResult, delete, func, select
from sqlalchemy.orm import InstrumentedAttribute

from netflix import clock
from netflix.accounts.invitation import Invitation
from netflix.extensions import db
from netflix.signin.recovery import Recovery
from netflix.signin.session import Session


class Expired(NamedTuple):
    """How many rows of each."""

    sessions: int
    links: int

    def __str__(self) -> str:
        return (
            f"{self.sessions} expired session{'s' * (self.sessions != 1)} "
            f"and {self.links} expired link{'s' * (self.links != 1)}"
        )


def expired() -> Expired:
    """What `purge` would delete now."""
    sessions, *links = (db.session.scalar(select(func.count()).where(over)) or 0 for _, over in run_out())
    return Expired(sessions, sum(links))


def purge(batch: int = 500) -> Expired:
    """Deletes it, with a commit for each batch, so that no page waits long. Two at once share the work."""
    sessions, *links = (sum(deleted(key, over, batch)) for key, over in run_out())
    return Expired(sessions, sum(links))


def run_out() -> list[tuple[InstrumentedAttribute[int], ColumnElement[bool]]]:
    """The primary key of each table, and which of its rows have run out."""
    now = clock.now()
    # A session's idle end is never after its absolute one.
    return [
        (Session.id, Session.idle_until <= now),
        (Recovery.user_id, Recovery.expires_at <= now),
        (Invitation.id, Invitation.expires_at <= now),
    ]


def deleted(key: InstrumentedAttribute[int], over: ColumnElement[bool], batch: int) -> Iterator[int]:
    """Yields how many each batch deleted, until none is left that nobody else is deleting."""
    some = select(key).where(over).limit(batch).with_for_update(skip_locked=True)
    while True:
        result = cast(CursorResult[Any], db.session.execute(delete(key.class_).where(key.in_(some))))
        db.session.commit()
        if not result.rowcount:
            return
        yield result.rowcount
