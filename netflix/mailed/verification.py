"""Showing that an e-mail is one's own, by a link that was sent there."""

from netflix import clock, links
from netflix.accounts import one_time_link
from netflix.accounts.asked import Asked
from netflix.accounts.one_time_link import OneTimeLink, Purpose
from netflix.accounts.user import User
from netflix.errors import Declined, LinkGone, SignInRequired
from netflix.events import event
from netflix.events.event import Kind
from netflix.extensions import db
from netflix.factors import removal
from netflix.limits import counter, policy
from netflix.lockdown import lockdown
from netflix.mail import outbox
from netflix.mailed import holder
from netflix.signin.device import Device
from netflix.signin.session import CurrentSession, Session
from netflix.signin.visitor import Visitor


def answer_registration(user: User, asked: Asked) -> None:
    """To a newcomer the link; to who was there before, that somebody tried. Neither is told on the web."""
    if user.is_verified:
        outbox.post(
            user.email, "known", address=asked.address, login=links.link("/login"), recover=links.link("/recover")
        )
    else:
        post_link(user)


def post_link(user: User) -> None:
    """Committed by the act that called."""
    link = OneTimeLink.issued(user, Purpose.VERIFY, user.email)
    address = links.link(f"/confirm/verify/{link.token}")
    outbox.post(user.email, "verify", link.expires_at, link=address)


def send_again(user_id: int, address: str) -> None:
    """A new link, which ends the one before. Raises TooManyAttempts or SignInRequired."""
    user = db.session.get(User, user_id)
    if user is None:
        raise SignInRequired
    if not user.is_verified:
        counter.hit((policy.MAIL_FROM_ADDRESS, address), (policy.EMAIL_OF_ACCOUNT, user.email_key))
        post_link(user)
    db.session.commit()


def confirm(carried: str, session: CurrentSession | None, password: str, visitor: Visitor) -> None:
    """The e-mail is theirs, who also holds the account. Raises as `holder.used`."""
    user, _ = holder.used(carried, Purpose.VERIFY, session, password, visitor)
    user.verified_at = clock.now()
    event.record(Kind.EMAIL_VERIFIED, user.id, visitor.address)
    db.session.commit()


def take_over(carried: str, visitor: Visitor) -> str:
    """The account is theirs who read the mail, and nothing stays by which who made it could come in.

    Answers the token of a link for a new password. Raises LinkGone, LockedDown, or Declined for an administrator's.
    """
    lockdown.check_open()
    user, _ = one_time_link.used(carried, Purpose.VERIFY)
    if user.is_verified:
        db.session.rollback()
        raise LinkGone
    if user.is_admin:
        db.session.rollback()
        raise Declined("An administrator's account is not handed over by a link.", "Ask the person who runs this site.")
    was_leaving = user.is_leaving
    user.verified_at = clock.now()
    user.password_hash = user.deleting_at = None
    Session.end_all(user.id)
    Device.end_all(user.id)
    one_time_link.end(user.id, *Purpose)
    link = OneTimeLink.issued(user, Purpose.RECOVER)
    removal.end_all(user.id, visitor, by=event.STRANGER)
    if was_leaving:
        event.record(Kind.USER_STAYED, user.id, visitor.address, event.STRANGER)
    event.record(Kind.EMAIL_VERIFIED, user.id, visitor.address, event.STRANGER, taken_over=True)
    db.session.commit()
    return link.token
