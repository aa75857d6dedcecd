"""Proving again that it is oneself, before a dangerous step (ASVS 5.0 7.5.1)."""

from sqlalchemy import delete

from netflix.accounts import hashing
from netflix.accounts.user import User
from netflix.errors import NotAccepted, PasskeyNotTaken, SignInRequired, accept
from netflix.events import event
from netflix.events.event import Kind
from netflix.extensions import db
from netflix.factors import passkey, second_step
from netflix.factors.challenge import Challenge
from netflix.limits import counter, policy
from netflix.signin import attempt, signin
from netflix.signin.session import CurrentSession, Session
from netflix.signin.visitor import Visitor

WRONG = {"password": ["That is not your password. Check it and try again."]}


def prove(session: CurrentSession, password: str, code: str, visitor: Visitor) -> Session:
    """Proves it by all that signing in takes: the same sign-in with a fresh token. A guess counts as an attempt.

    As at signing in, a code counts once the password was right: who took over a session uses up none of the owner's.
    Raises NotAccepted, TooManyAttempts, Busy, or, when the account was changed meanwhile, SignInRequired or
    WrongCredentials.
    """
    is_two_step = session.has_second_factor
    accept(
        password=[] if password else ["Type your password."],
        code=second_step.faults(code) if is_two_step else [],
    )
    visitor = attempt.recognised(session.user_id, session.email, visitor)
    user = db.session.get(User, session.user_id)
    if user is None or user.has_second_factor != is_two_step:
        raise SignInRequired
    counted = attempt.proved(user, password, visitor, WRONG, Kind.SIGN_IN_FAILED, proof="password")
    with counter.refunding(counted, unless=NotAccepted):
        if is_two_step:
            proved = proved_by_code(session, user, code, visitor)
        else:
            proved = renewed(session, user, visitor, signin.PASSWORD)
    attempt.forgive(counted, session.email, visitor)
    return proved


def proved_by_code(session: CurrentSession, user: User, code: str, visitor: Visitor) -> Session:
    """Raises NotAccepted, TooManyAttempts, Busy or SignInRequired."""
    counted = counter.hit(*second_step.subjects(session.email, visitor))
    with counter.refunding(counted), hashing.known(user.id):
        factor = second_step.used(user, code)
    if factor is None:
        db.session.rollback()
        attempt.failed(Kind.SIGN_IN_FAILED, user, session.email, visitor.address, proof="code")
        raise NotAccepted({"code": [second_step.wrong(code)]})
    with counter.refunding(counted):
        proved = renewed(session, user, visitor, f"{signin.PASSWORD}+{factor}")
    second_step.forgive(counted, session.email, visitor)
    return proved


def prove_by_passkey(session: CurrentSession, answer: object, asked: Challenge, visitor: Visitor) -> Session:
    """Proves it by one of their own passkeys. Raises PasskeyNotTaken, TooManyAttempts or SignInRequired."""
    counted = counter.hit((policy.PASSKEYS_FROM_ADDRESS, visitor.address))
    with counter.refunding(counted, unless=PasskeyNotTaken):
        user = passkey.proved(answer, asked, visitor.address, session.user_id)
        proved = renewed(session, user, visitor, passkey.FACTOR)
    counter.refund(counted)
    return proved


def renewed(session: CurrentSession, user: User, visitor: Visitor, factor: str) -> Session:
    """A fresh token in the old one's place (ASVS 5.0 7.2.4), in one transaction.

    Raises SignInRequired when the session was ended meanwhile: a proof brings none back.
    """
    User.hold(user.id)
    ended = db.session.execute(delete(Session).where(Session.id == session.id).returning(Session.id)).scalar()
    if ended is None:
        db.session.rollback()
        raise SignInRequired
    event.record(Kind.SESSION_RENEWED, user.id, visitor.address, factor=factor)
    return signin.opened(user, None, session.remembered, visitor, follows=session, factor=factor)
