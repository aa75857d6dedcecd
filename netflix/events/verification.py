"""Whether the record is what was written: nothing changed, removed or inserted."""

from collections.abc import Iterator

from sqlalchemy import select

from netflix.events.chain import NOTHING, ChainEnd, ChainStart
from netflix.events.event import Event, Wanted, following
from netflix.extensions import db

# What is looked at to tell whose the record is.
ENOUGH = 100


def is_under_another_key() -> bool:
    """Whether neither its end nor any of its last events is what the present password key would have made of them.

    Whoever has not the key could make it look so, but only by changing all of them.
    """
    if (end := ChainEnd.present()).is_sealed or not end.length:
        return False
    start = ChainStart.present()
    latest = list(db.session.scalars(select(Event).order_by(Event.id.desc()).limit(ENOUGH + 1)))
    before = {row.id + 1: row.digest for row in latest} | {start.number + 1: start.digest}
    known = [row for row in latest if row.id in before]
    return bool(known) and not any(row.linked(before[row.id]) == row.digest for row in known)


def last_unknown() -> int:
    """Up to which event none follows from the one before under the present key, where a later one does; else 0.

    They were written under another key, or changed since: who can write the table can make the one look like the other.
    """
    start = ChainStart.present()
    last, digest = start.number, start.digest
    for row in following(Wanted()):
        if row.linked(digest) == row.digest:
            return last if last > start.number else 0
        last, digest = row.id, row.digest
    return 0


def faults(latest: int | None = None, after: int = 0) -> Iterator[str]:
    """What is wrong with the chain, a sentence for each place; nothing when nobody touched it.

    `latest` looks at so many of the last events only, `after` at those after that one. Meanwhile more may be written,
    and old ones purged.
    """
    end, start = ChainEnd.present(), ChainStart.present()
    if not start.is_sealed and start.number >= after:
        yield "What says where the record starts is not what was written."
    last, digest = (start.number, start.digest) if start.is_sealed else (0, NOTHING)
    purged = last
    if latest is not None:
        after = max(after, end.length - latest, last)
    if after > last:
        last = after
        digest = db.session.scalar(select(Event.digest).where(Event.id == last)) or b""
    while True:
        for row in following(Wanted(), after):
            if row.id > last + 1 and (moved := ChainStart.present()).number > last and moved.is_sealed:
                last, digest = moved.number, moved.digest
            if row.id <= last:
                if row.id <= purged:
                    yield f"Event {row.id} was purged, and is there again."
                continue
            if row.id != last + 1:
                yield (
                    f"Events {last + 1} to {row.id - 1} are missing."
                    if row.id > last + 2
                    else f"Event {last + 1} is missing."
                )
            elif row.linked(digest) != row.digest:
                yield f"Event {row.id} is not what was written."
            last, digest = row.id, row.digest
        end = ChainEnd.present()
        if end.length <= last or last == after:
            break
        after = last
    if (last, digest) != (end.length, end.digest):
        yield f"The record ends with event {last}, and {end.length} were written."
    if not end.is_sealed:
        yield "What says where the record ends is not what was written."
