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


def is_on() -> bool:
    return _administrators.get() is not None


def note_administrator(user_id: int, may_sign_in: bool) -> None:
    """In a trial: that an act has made a user an administrator who may sign in, or that they are none any more.

    The act is taken back before the next one is tried, and that one has to know. Who is not there yet has a number
    below 0.
    """
    if (noted := _administrators.get()) is not None:
        noted[user_id] = may_sign_in


def administrators(those_there: set[int]) -> set[int]:
    """Those who are there now, as the acts that this trial has taken back would have left them."""
    noted = _administrators.get() or {}
    return (those_there | {one for one, so in noted.items() if so}) - {one for one, so in noted.items() if not so}
