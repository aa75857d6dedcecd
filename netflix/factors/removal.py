"""Taking second factors off an account: all by the operator, whose owner lost them; the latest, of an intruder."""

from datetime import datetime, timedelta

from sqlalchemy import select

from netflix.accounts.user import User
from netflix.events.event import Event, Kind
from netflix.extensions import db
from netflix.factors import change, recovery_code, two_step
from netflix.factors.passkey import Passkey
from netflix.signin.access import Outcome
from netflix.signin.session import Session
from netflix.signin.visitor import Visitor

# What a person noticed is seldom the first that an intruder did.
BEFORE = timedelta(days=1)


def reset_second_factor(email: str) -> Outcome:
    """Two-step sign-in, recovery codes, passkeys and all sessions; the password stays. Raises NotFound.

    Who has none of these stays signed in: it may be a slip in the e-mail.
    """
    user = User.named(email)
    outcome = Outcome(user.email, False)
    User.hold(user.id)
    was_on = two_step.remove(user.id)
    if Passkey.end_all(user.id) or was_on:
        Session.end_all(user.id)
        change.note(Kind.FACTOR_REMOVED, user.id, change.NOBODY, "all")
        outcome = outcome._replace(changed=True)
    db.session.commit()
    return outcome


def end_all(user_id: int, visitor: Visitor, **by: str) -> None:
    """Two-step sign-in, recovery codes and passkeys, where there are any; committed by the act that called.

    It holds the user's row.
    """
    was_on = two_step.remove(user_id)
    if Passkey.end_all(user_id) or was_on:
        change.note(Kind.FACTOR_REMOVED, user_id, visitor, "all", **by)


def end_since(user_id: int, noticed: datetime, visitor: Visitor, keeps_second_step: bool = False, **by: str) -> None:
    """Takes off what was added since a day before somebody else's doing; committed by the act that called.

    It holds the user's row. Recovery codes alone go where two-step sign-in is older than they. With
    `keeps_second_step` an account that had one before keeps the one that it has, though it is another since.
    """
    since = noticed - BEFORE
    about = (Event.user_id == user_id, Event.kind.in_((str(Kind.FACTOR_ADDED), str(Kind.FACTOR_REMOVED))))
    changes = list(db.session.scalars(select(Event).where(*about, Event.at >= since).order_by(Event.id)))
    added = {row.details["factor"] for row in changes if row.kind == Kind.FACTOR_ADDED} - {"passkey"}
    if keeps_second_step and was_on_before(changes):
        added.clear()
    if "totp" in added:
        two_step.remove(user_id)
    elif "recovery codes" in added:
        recovery_code.end_all(user_id)
    if Passkey.end_all(user_id, since) or added:
        change.note(Kind.FACTOR_REMOVED, user_id, visitor, "lately added", **by)


def was_on_before(changes: list[Event]) -> bool:
    """Whether two-step sign-in was on before all of these: then the first that is about it took it off."""
    of_it = [row.kind for row in changes if row.details["factor"] in ("totp", "all")]
    return bool(of_it) and of_it[0] == Kind.FACTOR_REMOVED
