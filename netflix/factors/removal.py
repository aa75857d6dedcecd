"""Taking second factors off an account: all by the operator, whose owner lost them; the latest, of an intruder."""

from datetime import datetime, timedelta

from sqlalchemy import select

from netflix.accounts.user import User
from netflix.events.event import Event, Kind
from netflix.extensions import db
from netflix.factors import change, recovery_code, two_step
from netflix.factors.passkey import Passkey
from netflix.signin.session import Session
from netflix.signin.visitor import Visitor

# What a person noticed is seldom the first that an intruder did.
BEFORE = timedelta(days=1)


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


def end_all(user_id: int, visitor: Visitor, **by: str) -> None:
    """Two-step sign-in, recovery codes and passkeys, where there are any; committed by the act that called.

    It holds the user's row.
    """
    was_on = two_step.remove(user_id)
    if Passkey.end_all(user_id) or was_on:
        change.note(Kind.FACTOR_REMOVED, user_id, visitor, "all", **by)


def end_since(user_id: int, noticed: datetime, visitor: Visitor, **by: str) -> None:
    """Takes off what was added since a day before somebody else's doing; committed by the act that called.

    It holds the user's row. Recovery codes alone go where two-step sign-in is older than they.
    """
    since = noticed - BEFORE
    happened = (Event.user_id == user_id, Event.kind == str(Kind.FACTOR_ADDED), Event.at >= since)
    added = {row.details["factor"] for row in db.session.scalars(select(Event).where(*happened))}
    if "totp" in added:
        two_step.remove(user_id)
    elif "recovery codes" in added:
        recovery_code.end_all(user_id)
    if Passkey.end_all(user_id, since) or added - {"passkey"}:
        change.note(Kind.FACTOR_REMOVED, user_id, visitor, "lately added", **by)
