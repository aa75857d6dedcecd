"""A one-time link by which a person chooses a new password."""

from netflix import links
from netflix.accounts import hashing, one_time_link, registration
from netflix.accounts import password as passwords
from netflix.accounts.one_time_link import OF_THE_PASSWORD, OneTimeLink, Purpose
from netflix.accounts.user import User
from netflix.errors import LinkGone, accept
from netflix.events import event
from netflix.events.actor import OPERATOR, Actor
from netflix.events.event import Kind
from netflix.extensions import db
from netflix.limits import counter, policy
from netflix.lockdown import lockdown
from netflix.mail import notice
from netflix.signin import browser
from netflix.signin.session import Session


def issue(user: User, address: str = "", by: Actor = OPERATOR) -> OneTimeLink:
    """A new link for a new password; committed by the act that called.

    `address` is where somebody asked for it by mail; else it was `by`.
    """
    link = OneTimeLink.issued(user, Purpose.RECOVER)
    if address:
        event.record(Kind.RECOVERY_ASKED, user.id, address, event.STRANGER)
    else:
        event.record(Kind.LINK_MADE, user.id, by.address, by.name, link="new password")
    return link


def invite(email: str, is_admin: bool) -> str:
    """A new user, and the one-time link by which they choose a password. Raises NotAccepted or AlreadyExists."""
    registration.check(email, None)
    link = issue(registration.add(email, None, is_admin))
    db.session.commit()
    return address_of(link)


def redeem(carried: str, password: str, address: str, user_agent: str = "") -> User:
    """Sets the password that was chosen and ends the link and all sessions, in one transaction.

    Raises LinkGone, LockedDown, NotAccepted, TooManyAttempts or Busy; of two at once, one gets LinkGone.
    """
    lockdown.check_open()
    holder = OneTimeLink.carried_by(carried, Purpose.RECOVER).user
    user_id, email = holder.id, holder.email
    db.session.rollback()
    accept(password=passwords.faults(password, email))
    counted = counter.hit((policy.RECOVERY_FROM_ADDRESS, address))
    with counter.refunding(counted, unless=LinkGone), hashing.known(user_id):
        kept = passwords.stored(password)
    user, _ = one_time_link.used(carried, Purpose.RECOVER)
    one_time_link.end(user.id, *OF_THE_PASSWORD)
    user.password_hash = kept
    User.end_demand(user.id)
    ended = Session.end_all(user.id)
    notice.tell(user.told_at, Kind.PASSWORD_CHANGED, address, browser.named(user_agent), way="one-time link")
    event.record(Kind.PASSWORD_CHANGED, user.id, address, event.STRANGER, way="one-time link", sessions_ended=ended)
    db.session.commit()
    # Whoever typed wrong codes knew the password that is gone. Those in a row stay, or a mailbox would be without end.
    counter.forget((policy.SECOND_STEP_TO_ACCOUNT, user.email_key))
    return user


def address_of(link: OneTimeLink) -> str:
    return opened_by(link.token)


def opened_by(token: str) -> str:
    return links.link(f"/recover/{token}")
