"""Taking away the oldest part of the record, so that the rest can still be checked.

The number and digest of the last event that went are kept, sealed under the chain's key, in the transaction that
deletes it; and the record tells that it was done.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import delete, select

from netflix.errors import Declined
from netflix.events.chain import ChainStart, hold_start, link, move_start
from netflix.events.event import BATCH, LINKED, Event, Kind, record
from netflix.extensions import AS_IT_IS, db


def last_before(time: datetime) -> int:
    """The number of the last event that is older; 0 when there is none."""
    older = select(Event.id).where(Event.at < time).order_by(Event.at.desc(), Event.id.desc()).limit(1)
    return db.session.scalar(older) or 0


def count(through: int) -> int:
    """How many events there are up to a number."""
    return max(0, through - ChainStart.present().number)


def remove(through: int, before: datetime, most: int, telling: bool, unverified: int = 0) -> int:
    """Deletes up to `most` of the oldest events, none after `through`; committed by the act that called.

    `telling` writes an event of all that are due, of which a purge that is stopped leaves some. Answers how many.
    Raises Declined, and deletes none, where one is not what was written, or the last is not from `before` that time.
    Of those up to `unverified` that is not asked: whoever runs the site says that their key was lost.
    """
    if not count(through):
        return 0
    start = hold_start()
    if start.number >= through:
        # By another purge, a moment ago.
        return 0
    last, digest = sound(start, through, before, unverified, most)
    db.session.execute(delete(Event).where(Event.id <= last), execution_options=AS_IT_IS)
    move_start(last, digest)
    if telling:
        said: dict[str, Any] = {"unverified": min(unverified, through)} if unverified > start.number else {}
        record(Kind.EVENTS_PURGED, object="events", first=start.number + 1, due=through, **said)
    return last - start.number


def check(through: int, before: datetime, unverified: int = 0) -> None:
    """Changes nothing, and raises Declined as `remove` would of all of them."""
    start = ChainStart.present()
    if start.number < through:
        sound(start, through, before, unverified)


def sound(
    start: ChainStart, through: int, before: datetime, unverified: int, most: int | None = None
) -> tuple[int, bytes]:
    """The last of up to `most` of the oldest and its digest, where all are what was written. Raises Declined."""
    if not was_written_before(before, through, start, unverified):
        raise not_whole(through)
    is_known = start.is_sealed or start.number < unverified
    last, digest = start.number, start.digest
    oldest = select(*LINKED, Event.digest).where(Event.id <= through).order_by(Event.id).limit(most)
    for row in db.session.execute(oldest, execution_options={"yield_per": BATCH}):
        if row.id > unverified and not (is_known and row.id == last + 1 and link(digest, row[:-1]) == row.digest):
            raise not_whole(row.id)
        last, digest = row.id, row.digest
    return last, digest


def was_written_before(time: datetime, number: int, start: ChainStart, unverified: int) -> bool:
    """Asked of its digest: an event whose time was changed for a while would have younger ones go in its name."""
    row = db.session.execute(select(*LINKED, Event.digest).where(Event.id == number)).one_or_none()
    ahead = select(Event.digest).where(Event.id == number - 1)
    digest = start.digest if number == start.number + 1 else db.session.scalar(ahead)
    if row is None or digest is None or row.at >= time:
        return False
    return number <= unverified or link(digest, row[:-1]) == row.digest


def not_whole(number: int) -> Declined:
    db.session.rollback()
    return Declined(
        f"The record of events is not whole at event {number}, so that its old part was kept.",
        "Look at what `netflix-admin events verify` says.",
    )
