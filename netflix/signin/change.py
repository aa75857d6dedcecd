"""Changing one's own password."""

from netflix.accounts import hashing
from netflix.accounts import password as passwords
from netflix.accounts.user import User
from netflix.errors import SignInRequired, accept
from netflix.events import event
from netflix.events.event import Kind
from netflix.extensions import db
from netflix.mail import notice
from netflix.signin import access, attempt, browser, signin
from netflix.signin.session import CurrentSession, Session
from netflix.signin.visitor import Visitor

WRONG = {"current_password": ["That is not your present password. Check it and try again."]}


def change_password(session: CurrentSession, present: str, chosen: str, visitor: Visitor) -> Session:
    """Sets the chosen password, and ends every session for a fresh one. Raises as `checked`, or WrongCredentials.

    And SignInRequired when the session was ended meanwhile: whoever ended it meant it.
    """
    user, kept = checked(session, present, chosen, visitor)
    session.hold()
    access.shut_out(user)
    User.end_demand(user.id)
    notice.tell(user.told_at, Kind.PASSWORD_CHANGED, visitor.address, browser.named(visitor.user_agent))
    event.record(Kind.PASSWORD_CHANGED, user.id, visitor.address)
    return signin.opened(user, kept, session.remembered, visitor, follows=session)


def checked(session: CurrentSession, present: str, chosen: str, visitor: Visitor) -> tuple[User, str]:
    """The user, who proved the present password (ASVS 5.0 6.2.3), and the chosen one as it is to be kept.

    Raises NotAccepted, TooManyAttempts, Busy or SignInRequired.
    """
    accept(password=passwords.faults(chosen, session.email) or unchanged(session, present, chosen))
    user = proved(session, present, visitor)
    with hashing.known(user.id):
        return user, passwords.stored(chosen)


def proved(session: CurrentSession, present: str, visitor: Visitor) -> User:
    """The session's user, when the password is theirs. A guess counts as an attempt to sign in.

    Raises NotAccepted, TooManyAttempts, Busy, or, when somebody else deleted the account meanwhile, SignInRequired.
    """
    visitor = attempt.recognised(session.user_id, session.email, visitor)
    user = db.session.get(User, session.user_id)
    if user is None:
        raise SignInRequired
    counted = attempt.proved(user, present, visitor, WRONG, Kind.PASSWORD_NOT_CHANGED)
    attempt.forgive(counted, user.email, visitor)
    return user


def unchanged(session: CurrentSession, present: str, chosen: str) -> list[str]:
    """Whoever has to change it chooses another."""
    same = passwords.normalised(present) == passwords.normalised(chosen)
    return ["That is the one you have. Choose another."] if session.must_change_since and same else []
