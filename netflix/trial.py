"""Acts that are tried, and taken back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from netflix.extensions import db


@contextmanager
def trying() -> Iterator[Callable[[], None]]:
    """Whatever is committed meanwhile is not: it is there for the act itself, and gone in the end.

    What it yields takes back what there is so far, so that nobody waits for the locks of a long trial. Of the
    database alone: an act that also writes elsewhere cannot be tried like this.
    """
    session = db.session()
    session.commit = session.flush  # type: ignore[method-assign]
    try:
        yield session.rollback
    finally:
        del session.commit  # type: ignore[method-assign]
        session.rollback()
