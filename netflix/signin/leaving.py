"""Leaving: one's account is deleted a week after one asked, unless one signs in before."""

from datetime import datetime

from sqlalchemy import delete, func, select

from netflix import clock
from netflix.accounts import email as addresses
from netflix.accounts.user import User
from netflix.errors import SignInRequired, accept
from netflix.events import event
from netflix.events.actor import Actor
from netflix.events.event import Kind
from netflix.extensions import AS_IT_IS, db
from netflix.mail import notice, outbox
from netflix.signin import access, browser
from netflix.signin.device import Device
from netflix.signin.session import CurrentSession


def leave(session: CurrentSession, typed: str, address: str) -> datetime:
    """Ends every session, link and known device of theirs at once; answers when the account will be deleted.

    `typed` is their own e-mail, to be sure. Raises NotAccepted, SignInRequired, or Declined for the last administrator.
    """
    same = addresses.normalised(typed) == addresses.normalised(session.email)
    accept(email=[] if same else ["That is not your e-mail address. Nothing was deleted."])
    user = db.session.get(User, session.user_id)
    if user is None:
        raise SignInRequired
    access.keep_an_administrator(user, Actor(user.id, address))
    session.hold()
    access.shut_out(user)
    Device.end_all(user.id)
    user.deleting_at = ends = clock.now() + User.GRACE
    notice.tell(user.told_at, Kind.USER_LEAVING, address, browser.named(session.user_agent))
    event.record(Kind.USER_LEAVING, user.id, address)
    db.session.commit()
    return ends


def due() -> int:
    """How many `complete` would delete now."""
    return db.session.scalar(select(func.count()).where(User.deleting_at <= clock.now())) or 0


def complete(most: int) -> int:
    """Deletes up to so many of those whose time to come back is over; committed by the act that called.

    Answers how many. The record keeps their numbers. Two at once share the work.
    """
    over = select(User.id).where(User.deleting_at <= clock.now()).order_by(User.deleting_at).limit(most)
    going = delete(User).where(User.id.in_(over.with_for_update(skip_locked=True))).returning(User.id, User.email)
    gone = db.session.execute(going, execution_options=AS_IT_IS).all()
    for _, email in gone:
        outbox.withdraw(email)
    for number, _ in gone:
        event.record(Kind.USER_DELETED, number, by=f"user:{number}", asked="themselves")
    return len(gone)
