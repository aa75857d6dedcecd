"""What ties each event to the one before it, and where the chain of them starts and ends.

Each event's digest is an HMAC over its row and the digest before it, under a key that is not in the database
(ASVS 5.0 16.4.2): who can write the tables cannot forge it. Both ends are sealed under that key too, so that no event
is taken away from them unseen, unless somebody kept an older end with its seal and puts it back.
"""

import hmac
import json
from collections.abc import Sequence
from typing import Any, Self, TypeVar

from sqlalchemy import LargeBinary, select, update
from sqlalchemy.orm import Mapped, mapped_column

from netflix import config as settings
from netflix.extensions import AS_IT_IS, Model, db

NOTHING = bytes(32)
T = TypeVar("T")


def chain_key() -> bytes:
    return hmac.digest(settings.current().password_key.encode(), b"netflix event chain", "sha256")


def link(before: bytes, values: Sequence[Any], key: bytes = b"") -> bytes:
    """The digest that follows from the digest before and an event's number, time and the rest; `key` is the chain's,
    where known.
    """
    number, at, *rest = values
    return hmac.digest(key or chain_key(), before + json.dumps([number, at.isoformat(), *rest]).encode(), "sha256")


def sealed(what: bytes, number: int, digest: bytes) -> bytes:
    return hmac.digest(chain_key(), what + b" %d " % number + digest, "sha256")


def only(noun: type[T]) -> T | None:
    """The one row of its table, as it is now."""
    return db.session.scalar(select(noun).execution_options(populate_existing=True))


class ChainEnd(Model):
    """One row: how many events there are, and the last one's digest. Writing it is what puts events in order."""

    __tablename__ = "event_chain"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    length: Mapped[int]
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    seal: Mapped[bytes] = mapped_column(LargeBinary(32))

    @classmethod
    def present(cls) -> Self:
        """Where there is none, one that is not sealed."""
        return only(cls) or cls(length=0, digest=NOTHING, seal=b"")

    @property
    def is_sealed(self) -> bool:
        return hmac.compare_digest(self.seal, sealed(b"written", self.length, self.digest))


class ChainStart(Model):
    """One row: the last event that was purged, where the rest of the chain starts. Nothing was when it is number 0.

    Who can write the table cannot pass a removal off as a purge.
    """

    __tablename__ = "event_chain_start"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int]
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    seal: Mapped[bytes] = mapped_column(LargeBinary(32))

    @classmethod
    def present(cls) -> Self:
        """Where there is none, one that is not sealed."""
        return only(cls) or cls(number=0, digest=NOTHING, seal=b"")

    @property
    def is_sealed(self) -> bool:
        seal = sealed(b"purged", self.number, self.digest) if self.number else NOTHING
        return hmac.compare_digest(self.seal, seal)


def extend(events: int = 1) -> tuple[int, bytes]:
    """Takes the numbers of so many new events: answers how many there were, and the last one's digest.

    Until the transaction ends, whoever else has something to write waits here.
    """
    lengthened = update(ChainEnd).values(length=ChainEnd.length + events).returning(ChainEnd.length, ChainEnd.digest)
    length, digest = db.session.execute(lengthened, execution_options=AS_IT_IS).one()
    return length - events, digest


def close(length: int, digest: bytes) -> None:
    """What was extended ends with this digest."""
    closed = update(ChainEnd).values(digest=digest, seal=sealed(b"written", length, digest))
    db.session.execute(closed, execution_options=AS_IT_IS)


def hold_start() -> ChainStart:
    """Until the transaction ends, whoever else purges waits here."""
    db.session.execute(update(ChainStart).values(number=ChainStart.number), execution_options=AS_IT_IS)
    return ChainStart.present()


def move_start(number: int, digest: bytes) -> None:
    """All up to this event was purged."""
    moved = update(ChainStart).values(number=number, digest=digest, seal=sealed(b"purged", number, digest))
    db.session.execute(moved, execution_options=AS_IT_IS)
