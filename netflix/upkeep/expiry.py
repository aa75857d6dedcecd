"""Deleting what has run out: sessions, links, mails that nobody took, accounts whose people have left, old events.

In small transactions, each as large as the last one's time allows, with a rest between them: nobody who signs in
beside it waits long, also in SQLite, where one writes at a time.
"""

import gc
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Protocol, cast

from sqlalchemy import ColumnElement, and_, delete, false, func, select, text, true
from sqlalchemy.orm import InstrumentedAttribute

from netflix import clock
from netflix import config as settings
from netflix.accounts.asked import Asked
from netflix.accounts.invitation import Invitation
from netflix.accounts.one_time_link import OneTimeLink
from netflix.accounts.user import User
from netflix.bans.ban import Ban
from netflix.events import ageing, event
from netflix.events.event import Kind
from netflix.extensions import AS_IT_IS, db
from netflix.factors.challenge import UsedChallenge
from netflix.mail.outbox import Mail
from netflix.signin import leaving
from netflix.signin.device import Device
from netflix.signin.session import Session

UNCONFIRMED_KEPT = timedelta(days=30)


class Pace:
    """How many rows go at a time, and for how long in all. `longest` is the longest transaction, in seconds."""

    # Rows of a kind whose cost is not known yet, and of any kind unless the operator says.
    FIRST = 25
    MOST = 1000
    LONGEST_REST = 0.25

    def __init__(self, most: int = MOST, lasts: timedelta | None = None) -> None:
        self.most = most
        self.ends = time.monotonic() + lasts.total_seconds() if lasts else None
        self.longest = self.last = 0.0
        self.aim = InTurn.AIM
        self.begin()

    @property
    def is_over(self) -> bool:
        return self.ends is not None and time.monotonic() >= self.ends

    def begin(self) -> None:
        """With another kind of rows."""
        self.size = min(self.FIRST, self.most)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One transaction; the next is sized by the time that it took.

        Garbage is collected between them: to look through all of the site's objects takes longer than one may.
        """
        collects = gc.isenabled()
        gc.disable()
        started = time.monotonic()
        try:
            yield
        finally:
            if collects:
                gc.enable()
        self.last = time.monotonic() - started
        self.longest = max(self.longest, self.last)
        factor = min(2.0, max(0.25, self.aim / self.last)) if self.last else 2.0
        # Not below the first: what each transaction costs by itself does not shrink with it.
        self.size = min(self.most, max(self.FIRST, int(self.size * factor)))

    def rest(self) -> None:
        """As long as the last one took: who waits for SQLite's one lock looks again after ever longer pauses."""
        time.sleep(min(max(self.last, self.aim / 4), self.LONGEST_REST))


class Ageing(Protocol):
    """One kind of what runs out, by the noun that it is told by."""

    noun: str

    def due(self) -> int:
        """How many there are now."""

    def remove(self, most: int) -> int:
        """Deletes up to so many, uncommitted; answers how many. Fewer than `most` means that no more are left."""


class Rows:
    """Rows of one table that age by one column. An index serves it, and each turn starts where the last ended.

    Two at once share the work: on PostgreSQL each passes over what the other holds.
    """

    def __init__(
        self, noun: str, key: InstrumentedAttribute[Any], ages_by: InstrumentedAttribute[Any], over: ColumnElement[bool]
    ) -> None:
        self.noun, self.key, self.ages_by, self.over = noun, key, ages_by, over
        self.reached: datetime | None = None

    def due(self) -> int:
        return db.session.scalar(select(func.count()).select_from(self.key.class_).where(self.over)) or 0

    def remove(self, most: int) -> int:
        further = self.ages_by >= self.reached if self.reached else true()
        some = select(self.key).where(self.over, further).order_by(self.ages_by).limit(most)
        removed = self.deleted(some.with_for_update(skip_locked=True))
        self.reached = max(removed, default=self.reached)
        return len(removed)

    def deleted(self, some: Any) -> Sequence[datetime]:
        going = delete(self.key.class_).where(self.key.in_(some)).returning(self.ages_by)
        return db.session.scalars(going, execution_options=AS_IT_IS).all()


class Unconfirmed(Rows):
    """Accounts whose e-mail nobody confirmed; none but where the operator wants them gone, and no administrator's."""

    def __init__(self) -> None:
        wanted = true() if settings.current().purge_unverified else false()
        old = User.created_at <= clock.now() - UNCONFIRMED_KEPT
        over = and_(wanted, User.verified_at.is_(None), ~User.is_admin, old)
        super().__init__("unconfirmed account", User.id, User.created_at, over)

    def deleted(self, some: Any) -> Sequence[datetime]:
        """With an event for each."""
        going = delete(User).where(User.id.in_(some)).returning(User.id, User.created_at)
        removed = db.session.execute(going, execution_options=AS_IT_IS).all()
        for number, _ in removed:
            event.record(Kind.USER_DELETED, number, reason="not confirmed")
        return [at for _, at in removed]


class Left:
    """Accounts of who left, once the time to come back is over."""

    noun = "given-up account"

    def due(self) -> int:
        return leaving.due()

    def remove(self, most: int) -> int:
        return leaving.complete(most)


class OldEvents:
    """The oldest part of the record, as far as it is older than what is kept."""

    noun = "old event"

    def __init__(self, before: datetime, unverified: int) -> None:
        self.before, self.unverified = before, unverified
        self.through = ageing.last_before(before)
        self.is_told = False

    def due(self) -> int:
        return ageing.count(self.through)

    def remove(self, most: int) -> int:
        removed = ageing.remove(self.through, self.before, most, not self.is_told, self.unverified)
        self.is_told |= removed > 0
        return removed


def run_out(events_before: datetime | None = None, unverified: int = 0) -> list[Ageing]:
    now = clock.now()
    out, lasting = now - Ban.KEPT, Ban.until.is_(None) | (Ban.until > now - Ban.KEPT)
    given_up = and_(Mail.due_at.is_(None), Mail.good_until <= now - Mail.KEPT)
    found: list[Ageing] = [
        # A session's idle end is never after its absolute one.
        Rows("expired session", Session.id, Session.idle_until, Session.idle_until <= now),
        Rows("forgotten browser", Device.id, Device.seen_at, Device.seen_at <= now - Device.LASTS),
        Rows("expired link", OneTimeLink.digest, OneTimeLink.expires_at, OneTimeLink.expires_at <= now),
        Rows("expired link", Invitation.id, Invitation.expires_at, Invitation.expires_at <= now),
        Rows("unanswered request", Asked.id, Asked.created_at, Asked.created_at <= now - Asked.LASTS),
        Rows("used challenge", UsedChallenge.digest, UsedChallenge.expires_at, UsedChallenge.expires_at <= now),
        Rows("ended ban", Ban.id, Ban.until, Ban.until <= out),
        Rows("ended ban", Ban.id, Ban.revoked_at, and_(Ban.revoked_at <= out, lasting)),
        Rows("unsent mail", Mail.id, Mail.good_until, given_up),
        Unconfirmed(),
        Left(),
    ]
    return found + ([OldEvents(events_before, unverified)] if events_before else [])


def expired(events_before: datetime | None = None) -> Counter[str]:
    """How many of each `purge` would delete now, such as 2 of "expired link"."""
    found: Counter[str] = Counter()
    for kind in run_out(events_before):
        found[kind.noun] += kind.due()
    return +found


def check(events_before: datetime | None, unverified: int = 0) -> None:
    """Raises Declined as `purge` would."""
    if events_before:
        ageing.check(ageing.last_before(events_before), events_before, unverified)


def purge(
    pace: Pace | None = None,
    events_before: datetime | None = None,
    gone: Counter[str] | None = None,
    told: Callable[[int], object] = int,
    unverified: int = 0,
) -> Counter[str]:
    """Deletes it, with a commit for each turn of `pace`, and answers what is gone; of events none but with a time.

    `gone` has it also when the purge is ended half way; `told` hears how many after each turn. Raises Declined when
    the record of events is not whole after event `unverified`: what was done to it must not be purged away.
    """
    pace = pace or Pace()
    gone = Counter() if gone is None else gone
    in_turn = InSqlite() if db.engine.dialect.name == "sqlite" else InTurn()
    pace.aim = in_turn.AIM
    try:
        for kind in run_out(events_before, unverified):
            pace.begin()
            while not pace.is_over:
                most = pace.size
                in_turn.begin()
                with pace.turn():
                    count = kind.remove(most)
                    db.session.commit()
                in_turn.end()
                gone[kind.noun] += count
                told(count)
                if count < most:
                    break
                pace.rest()
    finally:
        in_turn.leave()
        tell(+gone)
    return +gone


def tell(gone: Counter[str]) -> None:
    """In the record, however the purge ended; where only events went, it stands there already."""
    if set(gone) - {OldEvents.noun}:
        event.record(Kind.PURGED, **cast("dict[str, Any]", gone))
        db.session.commit()


class InTurn:
    """Beside a transaction: what the purge does while it keeps nobody waiting."""

    # Seconds that one should take: a third of what anybody may wait, and few wait for rows that have run out.
    AIM = 0.03

    def begin(self) -> None:
        """Waits until it may write."""

    def end(self) -> None:
        """After the commit."""

    def leave(self) -> None:
        """After the last one."""


class InSqlite(InTurn):
    """One writes at a time, so to wait is not the purge's own time. And what was written is brought into the file
    after the commit has let others in: SQLite itself would do it within, and wait for the disk."""

    # A tenth of what anybody may wait, since all do, and a machine can be busy.
    AIM = 0.01
    # Seconds: after each time the next to write waits for the disk once, so not too often either.
    EVERY = 0.5

    def __init__(self) -> None:
        self.brought_in = time.monotonic()

    def begin(self) -> None:
        db.session.execute(text("PRAGMA wal_autocheckpoint = 0"))
        db.session.execute(text("BEGIN IMMEDIATE"))

    def end(self) -> None:
        if time.monotonic() - self.brought_in >= self.EVERY:
            db.session.execute(text("PRAGMA wal_checkpoint(PASSIVE)"))
            self.brought_in = time.monotonic()

    def leave(self) -> None:
        db.session.rollback()
        db.session.execute(text("PRAGMA wal_checkpoint(PASSIVE)"))
        db.session.execute(text("PRAGMA wal_autocheckpoint = 1000"))
        db.session.rollback()


def in_words(found: Counter[str]) -> str:
    """Such as "1 expired session, 3 expired links and 1 unsent mail"."""
    told = [f"{count:,} {noun}{'s' * (count != 1)}" for noun, count in found.items()]
    return " and ".join(filter(None, [", ".join(told[:-1]), told[-1]]))
