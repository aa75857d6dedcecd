"""Whom these pages are for, and whether any of them could come in."""

from sqlalchemy import or_, select

from netflix import clock
from netflix.accounts import email as addresses
from netflix.accounts.user import User
from netflix.errors import TooManyAttempts
from netflix.events import event
from netflix.events.event import Kind
from netflix.extensions import db
from netflix.factors.passkey import Passkey
from netflix.limits import counter, policy
from netflix.signin.device import Device
from netflix.signin.session import CurrentSession


def may_any_come_in() -> bool:
    """Whether during a lockdown at least one administrator could sign in anew."""
    lately = Device.seen_at > clock.now() - Device.LASTS
    ways = (
        User.totp_secret.is_not(None),
        select(Passkey.id).where(Passkey.user_id == User.id).exists(),
        select(Device.id).where(Device.user_id == User.id, lately).exists(),
    )
    wanted = select(User.id).where(User.is_admin, User.disabled_at.is_(None), or_(*ways)).limit(1)
    return db.session.scalar(wanted) is not None


def may_enter(session: CurrentSession, page: str, address: str) -> bool:
    """Whether an administrator asks; anybody else is written down (ASVS 5.0 16.3.2).

    So often an hour and no more: nobody fills the disk by asking. `page` is the address's pattern.
    """
    if session.is_admin:
        return True
    try:
        counter.hit((policy.DENIED_TO_ACCOUNT, addresses.normalised(session.email)))
    except TooManyAttempts:
        return False
    event.record(Kind.DENIED, session.user_id, address, page=page)
    db.session.commit()
    return False
