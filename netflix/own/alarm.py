"""Somebody says that what was done as them was not them: everything ends, and the password is replaced.

With it go the factors that were added since a day before, or, of no event, for as long as a session lasts at most.
"""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import update

from netflix import clock
from netflix.accounts.user import User
from netflix.errors import Declined, SignInRequired
from netflix.events import event
from netflix.events.event import Kind
from netflix.extensions import AS_IT_IS, db
from netflix.factors import removal
from netflix.factors.passkey import Passkey
from netflix.lockdown import lockdown
from netflix.mail import notice, outbox
from netflix.signin import access, browser, change, recovery
from netflix.signin.device import Device
from netflix.signin.session import CurrentSession, Session
from netflix.signin.visitor import Visitor


def is_mailed(session: CurrentSession) -> bool:
    """Whether a link for a new password reaches them: mail is on, and the e-mail is known to be theirs."""
    return outbox.is_on() and session.verified_at is not None


def start_recovery(session: CurrentSession, number: int | None, visitor: Visitor) -> None:
    """Ends everything and forgets the password at once, and mails a link for a new one.

    For who proved lately that it is them: whoever took over a session gains nothing, and does not shut the owner out.
    `number` is the event that was not them. Raises NotFound, SignInRequired, LockedDown (the link would open nothing
    meanwhile), or Declined where no mail reaches them.
    """
    lockdown.check_open()
    if not is_mailed(session):
        raise Declined("No mail reaches you from this site.", "Choose a new password on the page itself.")
    noticed = since(session, number)
    session.hold()
    user = db.session.get(User, session.user_id)
    if user is None:
        raise SignInRequired
    access.shut_out(user)
    Device.end_all(user.id)
    removal.end_since(user.id, noticed, visitor)
    user.password_hash = None
    link = recovery.issue(user, visitor.address)
    outbox.post(user.email, "alarm", link.expires_at, link=recovery.address_of(link))
    report(user, number, visitor)
    db.session.commit()


def since(session: CurrentSession, number: int | None) -> datetime:
    """When that happened, at least. Raises NotFound for anybody else's event."""
    return event.of(session.user_id, number).at if number else clock.now() - Session.REMEMBERED_ABSOLUTE


def report(user: User, number: int | None, visitor: Visitor) -> None:
    detail: dict[str, Any] = {"event": number} if number else {}
    event.record(Kind.REPORTED, user.id, visitor.address, **detail)


class Replaced(NamedTuple):
    """What is known and good after it."""

    device: Device
    passkeys: int


def replace(session: CurrentSession, number: int | None, present: str, chosen: str, visitor: Visitor) -> Replaced:
    """Sets the chosen password, and ends every session, this one too, and every known device.

    Answers a new one, and how many passkeys stay: this browser just proved the password, and in a lockdown nobody could
    sign in on a stranger. `number` is the event that was not them. Whoever took over a session gains nothing by it: the
    present password is asked.

    Raises as `change.checked`, NotFound, or SignInRequired when the session was ended or the password replaced
    meanwhile.
    """
    noticed = since(session, number)
    user, kept = change.checked(session, present, chosen, visitor)
    session.hold()
    access.shut_out(user)
    Device.end_all(user.id)
    known = Device.added(user.id, visitor)
    known.user = user
    same = update(User).where(User.id == user.id, User.password_hash == user.password_hash)
    new = same.values(password_hash=kept, must_change_since=None).returning(User.id)
    replaced = db.session.execute(new, execution_options=AS_IT_IS)
    if replaced.scalar() is None:
        db.session.rollback()
        raise SignInRequired
    notice.tell(user.told_at, Kind.PASSWORD_CHANGED, visitor.address, browser.named(visitor.user_agent))
    removal.end_since(user.id, noticed, visitor)
    report(user, number, visitor)
    event.record(Kind.PASSWORD_CHANGED, user.id, visitor.address)
    passkeys = Passkey.count(user.id)
    db.session.commit()
    return Replaced(known, passkeys)
