"""The second step: a code of the authenticator app, or one of the recovery codes, beside the password."""

from netflix.accounts import email as addresses
from netflix.accounts import hashing
from netflix.accounts.user import User
from netflix.errors import NotAccepted, accept
from netflix.events.event import Kind
from netflix.extensions import db
from netflix.factors import recovery_code, totp
from netflix.factors.recovery_code import RecoveryCode
from netflix.limits import counter, policy
from netflix.limits.policy import Limit
from netflix.signin import signin
from netflix.signin.first_step import FirstStep
from netflix.signin.session import Session
from netflix.signin.visitor import Visitor

TOTP = "totp"
RECOVERY_CODE = "recovery code"
WRONG = "That code is not right, or was used before. Wait for the next one, and check your device's clock."


def subjects(email: str, visitor: Visitor) -> tuple[tuple[Limit, str], ...]:
    """Whom a code is counted for."""
    return (
        (policy.SECOND_STEP_FROM_ADDRESS, visitor.address),
        (policy.SECOND_STEP_TO_ACCOUNT, addresses.normalised(email)),
    )


def sign_in(first: FirstStep, code: str, visitor: Visitor) -> Session:
    """Opens the session that the first step alone did not.

    Counted before the code is checked, and given back when it was right, as at the first step. Raises NotAccepted,
    FirstStepRequired, TooManyAttempts, Busy, or WrongCredentials when the account was changed meanwhile.
    """
    accept(code=faults(code))
    user = first.user()
    known = signin.own_device(user, visitor)
    db.session.commit()
    counted = counter.hit(*subjects(user.email, visitor))
    with counter.refunding(counted), hashing.known(user.id):
        factor = used(user, code)
    if factor is None:
        db.session.rollback()
        signin.failed(Kind.SIGN_IN_FAILED, user, user.email, visitor.address, counted, second_step="code")
        raise NotAccepted({"code": [WRONG]})
    with counter.refunding(counted):
        how = f"{signin.PASSWORD}+{factor}"
        session = signin.opened(user, None, first.remembered, visitor, known=known, factor=how)
    counter.refund(counted)
    signin.forgive_first_step(first, user.email, visitor if known else visitor._replace(devices=""))
    return session


def warning(session: Session) -> str | None:
    """What is told after signing in, when it took one of the last recovery codes."""
    left = RecoveryCode.left(session.user_id)
    if left > recovery_code.FEW:
        return None
    return f"You have {left} recovery codes left. Make new ones under Account and security."


def faults(code: str) -> list[str]:
    return [] if code.strip() else ["Type the code."]


def used(user: User, code: str) -> str | None:
    """Which factor the code is of, now used up; None when it is of none. Committed by the act that called."""
    typed = recovery_code.bare(code)
    if totp.looks_like_one(typed):
        return TOTP if totp.use(user, typed) else None
    beside = RecoveryCode.one_of(user.id)
    # As at the first step, no connection is held while hashing.
    db.session.commit()
    kept = recovery_code.as_kept(typed, beside) if beside else None
    return RECOVERY_CODE if kept and recovery_code.use(user.id, kept) else None
