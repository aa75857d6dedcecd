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
from netflix.limits.counter import Attempt
from netflix.signin import attempt, signin
from netflix.signin.attempt import Subjects
from netflix.signin.first_step import FirstStep
from netflix.signin.session import Session
from netflix.signin.visitor import Visitor

TOTP = "totp"
RECOVERY_CODE = "recovery code"
WRONG = "That code is not right, or was used before. Wait for the next one, and check your device's clock."
WRONG_SPARE = "That recovery code is not right, or was used before. Compare it sign by sign, or take another one."


def subjects(email: str, visitor: Visitor) -> Subjects:
    """Whom a code is counted for; the cookie of an ended device is not the visitor's any more."""
    return attempt.subjects(email, visitor, lanes)


def lanes(account: str, address: str, known: str = "") -> Subjects:
    """The limits that a code counts in; `known` is the digest of a browser that is known to the account."""
    if known:
        return ((policy.SECOND_STEP_FROM_DEVICE, known), (policy.CODES_IN_A_ROW_FROM_DEVICE, known))
    return (
        (policy.SECOND_STEP_FROM_ADDRESS, address),
        (policy.SECOND_STEP_TO_ACCOUNT, account),
        (policy.CODES_IN_A_ROW, account),
    )


def forgive(counted: Attempt, email: str, visitor: Visitor) -> None:
    """Gives a right code back; the wrong ones before it, of strangers too, were not in a row."""
    in_a_row = [one for one in subjects(email, visitor) if one[0].name == policy.CODES_IN_A_ROW.name]
    counter.refund(counted, *{(policy.CODES_IN_A_ROW, addresses.normalised(email)), *in_a_row})


def sign_in(first: FirstStep, code: str, visitor: Visitor) -> Session:
    """Opens the session that the first step alone did not.

    Counted before the code is checked, and given back when it was right, as at the first step. Raises NotAccepted,
    FirstStepRequired, TooManyAttempts, Busy, or WrongCredentials when the account was changed meanwhile.
    """
    accept(code=faults(code))
    user = first.user()
    known = signin.own_device(user, visitor)
    visitor = visitor if known else visitor.stranger
    # Of a browser that a link alone made known, as a stranger's: a mailbox would have codes without end.
    coding = visitor.stranger if known and known.by_link else visitor
    db.session.commit()
    counted = counter.hit(*subjects(user.email, coding))
    with counter.refunding(counted), hashing.known(user.id):
        factor = used(user, code)
    if factor is None:
        db.session.rollback()
        attempt.failed(Kind.SIGN_IN_FAILED, user, user.email, visitor.address, second_step="code")
        raise NotAccepted({"code": [wrong(code)]})
    with counter.refunding(counted):
        how = f"{signin.PASSWORD}+{factor}"
        session = signin.opened(user, None, first.remembered, visitor, known=known, factor=how)
    forgive(counted, user.email, coding)
    attempt.forgive_first_step(first, user.email, visitor)
    return session


def warning(session: Session) -> str | None:
    """What is told after signing in, when few recovery codes are left."""
    left = RecoveryCode.left(session.user_id)
    if left > recovery_code.FEW:
        return None
    codes = f"{left or 'no'} recovery code{'s' * (left != 1)}"
    return f"You have {codes} left. Make new ones under Account and security."


def wrong(code: str) -> str:
    """What is told of a code that was not taken. An app's are digits alone, which ten random signs are not."""
    return WRONG if recovery_code.bare(code).isdigit() else WRONG_SPARE


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
