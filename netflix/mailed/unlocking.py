"""A way in for an owner whom strangers keep waiting: by a mailed link a browser becomes known to the account."""

from netflix import links
from netflix.accounts import one_time_link
from netflix.accounts.asked import Asked
from netflix.accounts.one_time_link import OneTimeLink, Purpose
from netflix.accounts.user import User
from netflix.errors import LinkGone
from netflix.events import event
from netflix.events.event import Kind
from netflix.extensions import db
from netflix.lockdown import lockdown
from netflix.mail import outbox
from netflix.signin.device import Device
from netflix.signin.visitor import Visitor


def answer(user: User, asked: Asked) -> None:
    """A link to who may have one: an e-mail that was never confirmed may be another person's."""
    if user.is_verified:
        link = OneTimeLink.issued(user, Purpose.UNLOCK)
        address = links.link(f"/confirm/unlock/{link.token}")
        outbox.post(user.email, "unlock", link.expires_at, link=address, address=asked.address)
        event.record(Kind.UNLOCK_ASKED, user.id, asked.address, event.STRANGER)


def unlock(carried: str, visitor: Visitor) -> Device:
    """Makes the visitor's browser a known one, with attempts of its own; the password is asked as ever.

    Its codes count as a stranger's until one is right: who reads the mailbox would else have as many as they like.

    Raises LinkGone or LockedDown.
    """
    lockdown.check_open()
    user, _ = one_time_link.used(carried, Purpose.UNLOCK)
    if user.is_disabled:
        db.session.rollback()
        raise LinkGone
    known = Device.added(user.id, visitor)
    known.user, known.by_link = user, True
    event.record(Kind.UNLOCKED, user.id, visitor.address)
    known.note_room(visitor.address)
    db.session.commit()
    return known
