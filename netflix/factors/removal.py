"""The operator takes the second factors off an account whose owner has lost them."""

from netflix.accounts.user import User
from netflix.events.event import Kind
from netflix.extensions import db
from netflix.factors import change, two_step
from netflix.factors.passkey import Passkey
from netflix.signin.session import Session


def reset_second_factor(email: str) -> User:
    """Two-step sign-in, recovery codes, passkeys and all sessions; the password stays. Raises NotFound."""
    user = User.named(email)
    User.hold(user.id)
    two_step.remove(user.id)
    Passkey.end_all(user.id)
    Session.end_all(user.id)
    change.note(Kind.FACTOR_REMOVED, user.id, change.NOBODY, "all")
    db.session.commit()
    return user
