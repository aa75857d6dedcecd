"""What the operator decides about a user's way in; each ends every session that should not go on."""

from sqlalchemy import delete, select

from netflix import clock
from netflix.accounts import one_time_link
from netflix.accounts import password as passwords
from netflix.accounts.one_time_link import OF_THE_PASSWORD
from netflix.accounts.user import User
from netflix.errors import Declined, NotFound, accept
from netflix.events import event
from netflix.events.event import Kind
from netflix.extensions import db
from netflix.mail import notice
from netflix.signin import recovery
from netflix.signin.session import Session


def shut_out(user: User) -> None:
    """Ends every session and link of a user; committed by the act that called."""
    # A sign-in that writes this row first is seen and ended; one that comes later waits, and finds what changed.
    User.hold(user.id)
    Session.end_all(user.id)
    one_time_link.end(user.id, *OF_THE_PASSWORD)


def set_password(email: str, password: str) -> User:
    """Raises NotFound, Declined for a disabled user, NotAccepted or Busy."""
    accept(password=passwords.faults(password, email))
    user = to_be_let_in(email)
    # No connection is held while hashing.
    db.session.commit()
    kept = passwords.stored(password)
    user.password_hash = kept
    shut_out(user)
    User.end_demand(user.id)
    notice.tell(user.told_at, Kind.PASSWORD_CHANGED)
    event.record(Kind.PASSWORD_CHANGED, user.id)
    db.session.commit()
    return user


def reset_by_link(email: str) -> str:
    """Forgets the password, ends all sessions, and answers a one-time link. Raises NotFound or Declined."""
    user = to_be_let_in(email)
    user.password_hash = None
    Session.end_all(user.id)
    link = recovery.issue(user)
    db.session.commit()
    return recovery.address_of(link)


def to_be_let_in(email: str) -> User:
    """Raises NotFound, or Declined for a disabled user."""
    user = User.named(email)
    if user.is_disabled:
        raise Declined(f"{user.email} is disabled.", "First let them in again: `netflix-admin users enable EMAIL`.")
    return user


def disable(email: str) -> User:
    """Raises NotFound, or Declined for the last administrator. Disabling twice is as good as once."""
    user = User.named(email)
    keep_an_administrator(user)
    user.disabled_at = user.disabled_at or clock.now()
    shut_out(user)
    event.record(Kind.USER_CHANGED, user.id, disabled=True)
    db.session.commit()
    return user


def enable(email: str) -> User:
    """Raises NotFound."""
    user = User.named(email)
    user.disabled_at = None
    event.record(Kind.USER_CHANGED, user.id, disabled=False)
    db.session.commit()
    return user


def remove(email: str) -> User:
    """Deletes a user and, by their foreign keys, all that is theirs. Raises NotFound, or Declined as `disable`."""
    user = User.named(email)
    keep_an_administrator(user)
    db.session.delete(user)
    event.record(Kind.USER_DELETED, user.id)
    db.session.commit()
    return user


def promote(email: str) -> User:
    """Makes a user an administrator. Raises NotFound.

    Their sessions end: a browser that was signed in for less does not become an administrator's by itself
    (OWASP Session Management Cheat Sheet, Renew the Session ID After Any Privilege Level Change).
    """
    user = User.named(email)
    if not user.is_admin:
        user.is_admin = True
        Session.end_all(user.id)
        event.record(Kind.RIGHTS_CHANGED, user.id, admin=True)
    db.session.commit()
    return user


def demote(email: str) -> User:
    """An administrator is a member again. Raises NotFound or Declined.

    Their sessions go on, as a member's: every request reads the row.
    """
    user = User.named(email)
    keep_an_administrator(user)
    user.is_admin = False
    event.record(Kind.RIGHTS_CHANGED, user.id, admin=False)
    db.session.commit()
    return user


def keep_an_administrator(user: User) -> None:
    """Raises Declined when nobody else could administer the site."""
    User.hold_administrators()
    others = select(User.id).where(User.is_admin, User.disabled_at.is_(None), User.id != user.id)
    if user.is_admin and not user.is_disabled and db.session.scalar(others.limit(1)) is None:
        raise Declined(
            f"{user.email} is the only administrator who may sign in.",
            "Make another first: `netflix-admin users promote EMAIL`.",
        )


def end_session(session_id: int) -> None:
    """Raises NotFound."""
    whose = db.session.execute(delete(Session).where(Session.id == session_id).returning(Session.user_id)).scalar()
    if whose is None:
        db.session.rollback()
        raise NotFound(f"There is no session {session_id}.", "See `netflix-admin sessions list`.")
    event.record(Kind.SESSION_ENDED, whose, reason="ended by the operator", session=session_id)
    db.session.commit()


def end_sessions_of(email: str) -> int:
    """Ends a user's sessions; answers how many there were. Raises NotFound."""
    user = User.named(email)
    ended = Session.end_all(user.id)
    if ended:
        event.record(Kind.SESSION_ENDED, user.id, reason="ended by the operator", sessions=ended)
    db.session.commit()
    return ended


def end_every_session() -> int:
    """Everybody has to sign in again; answers how many sessions there were."""
    ended = len(db.session.execute(delete(Session).returning(Session.id)).all())
    if ended:
        event.record(Kind.SESSION_ENDED, reason="everybody's ended by the operator", sessions=ended)
    db.session.commit()
    return ended
