"""Whether an account is theirs who opened a link in their mail: that they read the mail does not say so.

Somebody else may have made the account with their address, or be moving it there.
"""

from netflix.accounts import hashing, one_time_link
from netflix.accounts import password as passwords
from netflix.accounts.one_time_link import OneTimeLink, Purpose
from netflix.accounts.user import User
from netflix.errors import NotAccepted, accept
from netflix.events.event import Kind
from netflix.extensions import db
from netflix.limits import counter
from netflix.signin import attempt
from netflix.signin.session import CurrentSession
from netflix.signin.visitor import Visitor

WRONG = {"password": ["That is not the account's password. Check it and try again."]}


def used(
    carried: str, purpose: Purpose, session: CurrentSession | None, password: str, visitor: Visitor
) -> tuple[User, str]:
    """As `one_time_link.used`, by who is signed in to its account or knows the password.

    A guess counts as an attempt to sign in. Raises LinkGone, NotAccepted, TooManyAttempts, Busy or SignInRequired.
    """
    user = OneTimeLink.carried_by(carried, purpose).user
    if session and session.user_id == user.id:
        session.hold()
        return one_time_link.used(carried, purpose)
    kept = user.password_hash
    prove(user, password, visitor)
    user, email = one_time_link.used(carried, purpose)
    if user.password_hash != kept:
        db.session.rollback()
        raise NotAccepted(WRONG)
    return user, email


def prove(user: User, password: str, visitor: Visitor) -> None:
    """Raises NotAccepted, TooManyAttempts or Busy."""
    accept(password=[] if password else ["Type the account's password."])
    visitor = attempt.recognised(user.id, user.email, visitor)
    counted = counter.hit(*attempt.subjects(user.email, visitor))
    with counter.refunding(counted):
        # As at sign-in, no connection is held while hashing.
        db.session.commit()
        with hashing.known(user.id):
            is_right = passwords.matches(password, user.password_hash, user.id)
    # A guess stays counted, also when it cannot be written down.
    if not is_right:
        attempt.failed(Kind.SIGN_IN_FAILED, user, user.email, visitor.address, link="mailed")
        raise NotAccepted(WRONG)
    attempt.forgive(counted, user.email, visitor)
