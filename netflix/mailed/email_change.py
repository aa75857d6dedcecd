"""Changing one's e-mail: the new address confirms, the old one is told and can take it back."""

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError

from netflix import clock, links
from netflix.accounts import email as addresses
from netflix.accounts import one_time_link
from netflix.accounts.one_time_link import LASTS, OneTimeLink, Purpose
from netflix.accounts.user import User
from netflix.errors import Declined, NotAccepted, accept
from netflix.events import event
from netflix.events.event import Kind
from netflix.extensions import AS_IT_IS, db
from netflix.factors import removal
from netflix.limits import counter, policy
from netflix.lockdown import lockdown
from netflix.mail import outbox
from netflix.mailed import asking, holder
from netflix.signin import change
from netflix.signin.device import Device
from netflix.signin.session import CurrentSession, Session
from netflix.signin.visitor import Visitor


def ask(session: CurrentSession, present: str, email: str, visitor: Visitor) -> None:
    """Proves the present password and posts a link to the new address; nothing changes until it is opened.

    Whether the new address is somebody's is told to its owner alone. A guess at the password counts as an attempt to
    sign in. Raises NotAccepted, TooManyAttempts, Busy, SignInRequired, or Declined where mail is off.
    """
    asking.check_on()
    accept(email=addresses.new_faults(email))
    chosen = addresses.normalised(email)
    user = change.proved(session, present, visitor)
    if user.email == email.strip():
        raise NotAccepted({"email": ["That is your e-mail already."]})
    counter.hit(
        (policy.MAIL_FROM_ADDRESS, visitor.address),
        (policy.EMAIL_OF_ACCOUNT, user.email_key),
        (policy.EMAIL_TO_NEW, chosen),
    )
    session.hold()
    link = OneTimeLink.issued(user, Purpose.CHANGE_EMAIL, email.strip())
    outbox.post(
        link.email, "change_email", link.expires_at, link=links.link(f"/confirm/email/{link.token}"), present=user.email
    )
    if user.told_at:
        recover = links.link("/recover")
        outbox.post(user.told_at, "change_email_asked", chosen=link.email, address=visitor.address, recover=recover)
    event.record(Kind.EMAIL_CHANGE_ASKED, user.id, visitor.address)
    db.session.commit()


def confirm(carried: str, session: CurrentSession | None, password: str, visitor: Visitor) -> None:
    """The new address takes the old one's place.

    Raises as `holder.used`, or Declined when it is another account's.
    """
    user, email = holder.used(carried, Purpose.CHANGE_EMAIL, session, password, visitor)
    before, was_theirs = user.email, user.is_verified
    gone = make_free(email, user)
    rename(user, email)
    one_time_link.end(user.id, Purpose.RECOVER, Purpose.UNLOCK, Purpose.VERIFY)
    if was_theirs:
        tell_old_address(user, before, visitor.address)
    note_freed(gone, visitor)
    event.record(Kind.EMAIL_CHANGED, user.id, visitor.address, **named(before, email))
    db.session.commit()


def tell_old_address(user: User, before: str, address: str) -> None:
    """With a link that takes it back, unless an older address holds one: a second change does not end that."""
    if OneTimeLink.of(user.id, Purpose.UNDO_EMAIL):
        outbox.post(before, "email_changed", chosen=user.email, address=address, undo="")
        return
    link = OneTimeLink.issued(user, Purpose.UNDO_EMAIL, before)
    undo = links.link(f"/confirm/undo/{link.token}")
    outbox.post(before, "email_changed", link.expires_at, chosen=user.email, address=address, undo=undo)


def undo(carried: str, visitor: Visitor) -> str:
    """Gives the old address back; whoever changed it knew the password, so that goes, and every session and link.

    And a deletion that they asked for, and what they may have added to sign in with; not what was there before, or the
    old mailbox would be a way round it. Who loses the account by it, perhaps to somebody who reads an old mailbox, is
    told. Answers the token of a link for a new password.

    Raises LinkGone, LockedDown, or Declined when the address is another account's.
    """
    lockdown.check_open()
    changed_at = OneTimeLink.carried_by(carried, Purpose.UNDO_EMAIL).expires_at - LASTS[Purpose.UNDO_EMAIL]
    user, before = one_time_link.used(carried, Purpose.UNDO_EMAIL)
    gone = make_free(before, user)
    changed = user.email
    rename(user, before)
    outbox.post(changed, "email_restored", restored=before, address=visitor.address)
    was_leaving = user.is_leaving
    user.password_hash = user.deleting_at = None
    Session.end_all(user.id)
    Device.end_all(user.id)
    one_time_link.end(user.id, *Purpose)
    link = OneTimeLink.issued(user, Purpose.RECOVER)
    since = changed_at - LASTS[Purpose.CHANGE_EMAIL]
    removal.end_since(user.id, since, visitor, keeps_second_step=True, by=event.STRANGER)
    note_freed(gone, visitor)
    if was_leaving:
        event.record(Kind.USER_STAYED, user.id, visitor.address, event.STRANGER)
    event.record(Kind.EMAIL_RESTORED, user.id, visitor.address, event.STRANGER, **named(changed, before))
    db.session.commit()
    return link.token


def make_free(email: str, user: User) -> int | None:
    """Whoever registered with it since, and never showed that it is theirs, gives way to who just did: their number."""
    another = (User.email_key == addresses.normalised(email), User.id != user.id)
    giving_way = delete(User).where(*another, User.verified_at.is_(None), ~User.is_admin).returning(User.id)
    return db.session.execute(giving_way, execution_options=AS_IT_IS).scalar()


def note_freed(gone: int | None, visitor: Visitor) -> None:
    """After all other rows: the record is held last, or two acts could wait for each other."""
    if gone is not None:
        reason = "the e-mail is another's"
        event.record(Kind.USER_DELETED, gone, visitor.address, event.STRANGER, reason=reason)


def named(before: str, after: str) -> dict[str, str]:
    """By what the record tells, to who has an e-mail in hand, whose account it was or is."""
    before, after = (counter.in_record(addresses.normalised(email)) for email in (before, after))
    return {"account_before": before, "account": after}


def rename(user: User, email: str) -> None:
    """The mail server's word is taken that it is theirs. Raises Declined when it is another account's."""
    user.email, user.email_key, user.verified_at = email, addresses.normalised(email), clock.now()
    try:
        db.session.flush()
    except IntegrityError as error:
        db.session.rollback()
        raise Declined(
            "That e-mail belongs to another account.", "Sign in to that one, or choose another e-mail."
        ) from error
