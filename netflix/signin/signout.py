"""Signing out: on this browser, on another one, or on all others."""

from sqlalchemy import delete

from netflix.errors import NotFound
from netflix.events import event
from netflix.events.event import Kind
from netflix.extensions import db
from netflix.signin.session import CurrentSession, Session


def sign_out(session: CurrentSession, address: str) -> None:
    """The row goes, so a cookie that was copied before is worth nothing after (ASVS 5.0 7.4.1)."""
    db.session.execute(delete(Session).where(Session.id == session.id))
    event.record(Kind.SESSION_ENDED, session.user_id, address, reason="signed out", session=session.id)
    db.session.commit()


def end_session(user_id: int, session_id: int, address: str) -> None:
    """Ends one of the user's own sessions. Raises NotFound for anybody else's."""
    own = delete(Session).where(Session.id == session_id, Session.user_id == user_id)
    if db.session.execute(own.returning(Session.id)).scalar() is None:
        db.session.rollback()
        raise NotFound("That browser is not signed in any more.", "Go back to your dashboard to see who is.")
    event.record(Kind.SESSION_ENDED, user_id, address, reason="ended from another browser", session=session_id)
    db.session.commit()


def end_other_sessions(session: CurrentSession, address: str) -> int:
    """Ends every session of its user but this one; answers how many."""
    ended = Session.end_all(session.user_id, but=session.id)
    if ended:
        event.record(Kind.SESSION_ENDED, session.user_id, address, reason="all other browsers", sessions=ended)
    db.session.commit()
    return ended
