"""Whether an account is theirs who opened a link in their mail: that they read the mail does not say so.

Somebody else may have made the account with their address, or be moving it there.
"""

from netflix.accounts import one_time_link
from netflix.accounts.one_time_link import OneTimeLink, Purpose
from netflix.accounts.user import User
from netflix.errors import NotAccepted, accept
from netflix.events.event import Kind
from netflix.extensions import db
from netflix.lockdown import lockdown
from netflix.signin import attempt
from netflix.signin.session import CurrentSession
from netflix.signin.visitor import Visitor

WRONG = {"password": ["That is not the account's password. Check it and try again."]}


def used(
    carried: str, purpose: Purpose, session: CurrentSession | None, password: str, visitor: Visitor
) -> tuple[User, str]:
    """As `one_time_link.used`, by who is signed in to its account or knows the password.

    A guess counts as an attempt to sign in. Raises LinkGone, NotAccepted, TooManyAttempts, Busy or SignInRequired, and
    LockedDown for who is not signed in.
    """
    user = OneTimeLink.carried_by(carried, purpose).user
    kept = user.password_hash
    own = session if session and session.user_id == user.id else None
    if not own:
        lockdown.check_open()
        prove(user, password, visitor)
    user, email = one_time_link.used(carried, purpose)
    if own:
        own.hold()
    elif user.password_hash != kept:
        db.session.rollback()
        raise NotAccepted(WRONG)
    return user, email


def prove(user: User, password: str, visitor: Visitor) -> None:
    """Raises NotAccepted, TooManyAttempts or Busy."""
    accept(password=[] if password else ["Type the account's password."])
    visitor = attempt.recognised(user.id, user.email, visitor)
    counted = attempt.proved(user, password, visitor, WRONG, Kind.SIGN_IN_FAILED, link="mailed")
    attempt.forgive(counted, user.email, visitor)
