"""Acts that are tried, and taken back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from netflix.extensions import db

_administrators: ContextVar[dict[int, bool] | None] = ContextVar("netflix_trial_administrators", default=None)


@contextmanager
def trying() -> Iterator[Callable[[], None]]:
    """Whatever is committed meanwhile is not: it is there for the act itself, and gone in the end.

    What it yields takes back what there is so far, so that nobody waits for the locks of a long trial. Of the
    database alone: an act that also writes elsewhere cannot be tried like this.
    """
    session, token = db.session(), _administrators.set({})
    session.commit = session.flush  # type: ignore[method-assign]
    try:
        yield session.rollback
    finally:
        del session.commit  # type: ignore[method-assign]
        session.rollback()
        _administrators.reset(token)


def note_administrator(user_id: int, is_one: bool) -> None:
    """In a trial: that an act has made a user one, or none, though it is taken back before the next act is tried."""
    if (noted := _administrators.get()) is not None:
        noted[user_id] = is_one


def administrators(is_one: bool) -> set[int]:
    """Whom the acts that this trial has taken back made one, or none; nobody outside of a trial."""
    return {user_id for user_id, so in (_administrators.get() or {}).items() if so is is_one}
