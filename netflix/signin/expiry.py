"""Deleting what has run out: sessions, one-time links, mails that nobody took, accounts whose people have left."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, and_, delete, false, func, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute

from netflix import clock
from netflix import config as settings
from netflix.accounts.asked import Asked
from netflix.accounts.invitation import Invitation
from netflix.accounts.one_time_link import OneTimeLink
from netflix.accounts.user import User
from netflix.bans.ban import Ban
from netflix.events import event
from netflix.events.event import Kind
from netflix.extensions import db
from netflix.mail.outbox import Mail
from netflix.signin import leaving
from netflix.signin.device import Device
from netflix.signin.session import Session

UNCONFIRMED = "unconfirmed account"
UNCONFIRMED_KEPT = timedelta(days=30)
LEFT = "given-up account"


def expired() -> Counter[str]:
    """How many of each `purge` would delete now, such as 2 of "expired link"."""
    found: Counter[str] = Counter()
    for noun, _, over in run_out():
        found[noun] += db.session.scalar(select(func.count()).where(over)) or 0
    found[UNCONFIRMED] = db.session.scalar(select(func.count()).select_from(User).where(unconfirmed())) or 0
    found[LEFT] = leaving.due()
    return +found


def purge(batch: int = 500) -> Counter[str]:
    """Deletes it, with a commit for each batch, so that no page waits long. Two at once share the work."""
    gone: Counter[str] = Counter()
    for noun, key, over in run_out():
        gone[noun] += sum(deleted(key, over, batch))
    gone[UNCONFIRMED] += sum(unconfirmed_removed(batch))
    gone[LEFT] = leaving.complete(batch)
    return +gone


def unconfirmed() -> ColumnElement[bool]:
    """Accounts whose e-mail nobody confirmed; none but where the operator wants them gone, and no administrator's."""
    wanted = true() if settings.current().purge_unverified else false()
    return and_(wanted, User.verified_at.is_(None), ~User.is_admin, User.created_at <= clock.now() - UNCONFIRMED_KEPT)


def unconfirmed_removed(batch: int) -> Iterator[int]:
    """As `deleted`, with an event for each."""
    while True:
        some = select(User.id).where(unconfirmed()).limit(batch).with_for_update(skip_locked=True)
        removed = db.session.scalars(delete(User).where(User.id.in_(some)).returning(User.id)).all()
        for number in removed:
            event.record(Kind.USER_DELETED, number, reason="not confirmed")
        db.session.commit()
        if not removed:
            return
        yield len(removed)


def in_words(found: Counter[str]) -> str:
    """Such as "1 expired session, 3 expired links and 1 unsent mail"."""
    told = [f"{count} {noun}{'s' * (count != 1)}" for noun, count in found.items()]
    return " and ".join(filter(None, [", ".join(told[:-1]), told[-1]]))


def run_out() -> list[tuple[str, InstrumentedAttribute[Any], ColumnElement[bool]]]:
    """What each is called, the primary key of its table, and which of its rows have run out."""
    now = clock.now()
    # A session's idle end is never after its absolute one.
    return [
        ("expired session", Session.id, Session.idle_until <= now),
        ("forgotten browser", Device.id, Device.seen_at <= now - Device.LASTS),
        ("expired link", OneTimeLink.digest, OneTimeLink.expires_at <= now),
        ("expired link", Invitation.id, Invitation.expires_at <= now),
        ("unanswered request", Asked.id, Asked.created_at <= now - Asked.LASTS),
        ("ended ban", Ban.id, or_(Ban.until <= now - Ban.KEPT, Ban.revoked_at <= now - Ban.KEPT)),
        ("unsent mail", Mail.id, and_(Mail.due_at.is_(None), Mail.good_until <= now - Mail.KEPT)),
    ]


def deleted(key: InstrumentedAttribute[Any], over: ColumnElement[bool], batch: int) -> Iterator[int]:
    """Yields how many each batch deleted, until none is left that nobody else is deleting."""
    some = select(key).where(over).limit(batch).with_for_update(skip_locked=True)
    while True:
        result = cast(CursorResult[Any], db.session.execute(delete(key.class_).where(key.in_(some))))
        db.session.commit()
        if not result.rowcount:
            return
        yield result.rowcount
