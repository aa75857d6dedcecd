"""Two-step sign-in: turning it on and off, and new recovery codes."""

from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import update

from netflix import sealed
from netflix.accounts import email as addresses
from netflix.accounts import hashing
from netflix.accounts.user import User
from netflix.errors import Declined, NotAccepted
from netflix.events.event import Kind
from netflix.extensions import db
from netflix.factors import change, recovery_code, second_step
from netflix.factors.totp import Key
from netflix.limits import counter, policy
from netflix.signin.session import CurrentSession
from netflix.signin.visitor import Visitor

# How long a set-up page may be open.
LASTS = timedelta(minutes=30)


class Setup(NamedTuple):
    """A key that is not used yet; `carried` is how the page's own form brings it back, sealed for its user alone."""

    key: Key
    carried: str

    @classmethod
    def fresh(cls, session: CurrentSession) -> "Setup":
        """Raises EmailNotConfirmed."""
        change.check_confirmed(session)
        key = Key.fresh()
        return cls(key, sealed.seal(key.secret, purpose(session)))

    @classmethod
    def carried_by(cls, session: CurrentSession, carried: str) -> "Setup":
        """A fresh one when that is too old or not this user's."""
        try:
            return cls(Key(sealed.opened(carried, purpose(session), LASTS)), carried)
        except ValueError:
            return cls.fresh(session)


def purpose(session: CurrentSession) -> str:
    return f"totp set-up {session.user_id}"


def turn_on(session: CurrentSession, setup: Setup, code: str, visitor: Visitor) -> list[str]:
    """From now on the password alone opens nothing. Answers the recovery codes, which are never shown again.

    Raises NotAccepted, TooManyAttempts, Busy, SignInRequired, or Declined when it is on already.
    """
    step = setup.key.step(recovery_code.bare(code))
    if step is None:
        raise NotAccepted({"code": [second_step.WRONG]})
    codes, kept = fresh_codes(session)
    session.hold()
    switched = (
        update(User)
        .where(User.id == session.user_id, User.totp_secret.is_(None))
        .values(totp_secret=setup.key.sealed, totp_step=step)
        .returning(User.id)
    )
    if db.session.execute(switched).scalar() is None:
        db.session.rollback()
        raise Declined("Two-step sign-in is on already.", "Turn it off first if you have a new device.")
    recovery_code.replace(session.user_id, kept)
    change.note(Kind.FACTOR_ADDED, session.user_id, visitor, "totp")
    db.session.commit()
    return codes


def renew_codes(session: CurrentSession, visitor: Visitor) -> list[str]:
    """A new set in the place of what was left. Raises TooManyAttempts, Busy, SignInRequired, or Declined when off."""
    codes, kept = fresh_codes(session)
    session.hold()
    user = db.session.get(User, session.user_id)
    if user is None or not user.has_second_factor:
        db.session.rollback()
        raise Declined("Two-step sign-in is off.", "Turn it on first.")
    recovery_code.replace(user.id, kept)
    change.note(Kind.FACTOR_ADDED, user.id, visitor, "recovery codes")
    db.session.commit()
    return codes


def turn_off(session: CurrentSession, visitor: Visitor) -> None:
    """The password alone opens the account again; to turn it off twice is as good as once.

    Raises TooManyAttempts or SignInRequired.
    """
    counter.hit((policy.FACTORS_OF_ACCOUNT, addresses.normalised(session.email)))
    session.hold()
    if remove(session.user_id):
        change.note(Kind.FACTOR_REMOVED, session.user_id, visitor, "totp")
    db.session.commit()


def remove(user_id: int) -> bool:
    """Whether it was on; committed by the act that called."""
    switched = update(User).where(User.id == user_id, User.totp_secret.is_not(None)).returning(User.id)
    was_on = db.session.execute(switched.values(totp_secret=None, totp_step=None)).scalar() is not None
    recovery_code.end_all(user_id)
    return was_on


def fresh_codes(session: CurrentSession) -> tuple[list[str], list[str]]:
    """As they are shown, and as they are kept. Raises TooManyAttempts or Busy."""
    counter.hit((policy.FACTORS_OF_ACCOUNT, addresses.normalised(session.email)))
    codes = recovery_code.fresh()
    with hashing.known(session.user_id):
        return codes, recovery_code.hashed(codes)
