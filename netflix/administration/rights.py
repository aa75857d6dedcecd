"""Whom these pages are for."""

from netflix.accounts import email as addresses
from netflix.errors import TooManyAttempts
from netflix.events import event
from netflix.events.event import Kind
from netflix.extensions import db
from netflix.limits import counter, policy
from netflix.signin.session import CurrentSession


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
