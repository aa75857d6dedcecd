"""Signing in, and being recognised."""

from datetime import datetime, timedelta

from sqlalchemy import update

from netflix import clock
from netflix.accounts import email as addresses
from netflix.accounts import hashing
from netflix.accounts import password as passwords
from netflix.accounts.user import User
from netflix.errors import LockedDown, SecondStepRequired, WrongCredentials, accept
from netflix.events import event
from netflix.events.event import Kind
from netflix.extensions import AS_IT_IS, db
from netflix.limits import counter
from netflix.limits.counter import Attempt
from netflix.lockdown import lockdown
from netflix.mail import notice
from netflix.signin import attempt, browser, device
from netflix.signin.device import Device
from netflix.signin.first_step import FirstStep
from netflix.signin.session import CurrentSession, Session
from netflix.signin.visitor import Visitor

# The factor that alone opens an account without a second one.
PASSWORD = "password"  # noqa: S105  (no password)
# Between two mails that a right password was typed; far more than can be typed in that time.
TOLD_EVERY = timedelta(hours=1)
MOST_BEGUN = 1000


class DeviceEnded(Exception):
    """The cookie was good, but its row is gone: the attempt is a stranger's."""


def sign_in(email: str, password: str, remembered: bool, visitor: Visitor, counted: Attempt | None = None) -> Session:
    """Opens a session. Raises NotAccepted, TooManyAttempts, WrongCredentials, LockedDown, SecondStepRequired or Busy.

    An attempt is counted before the password is checked and given back when it was right (or was
    never checked), so no burst can slip through between check and count; where a second step is to come, it is given
    back by that. `counted` is an attempt that the gate has counted already; one for anybody else does not stand for
    this one.
    """
    check(email, password)
    wanted = attempt.subjects(email, visitor)
    if counted is None or not counter.is_for(counted, *wanted):
        counted = counter.hit(*wanted)
    else:
        counter.kept(counted)
    try:
        return counted_in(counted, email, password, remembered, visitor)
    except DeviceEnded:
        return sign_in(email, password, remembered, visitor.stranger)


def counted_in(counted: Attempt, email: str, password: str, remembered: bool, visitor: Visitor) -> Session:
    """As `sign_in`, for an attempt that was let in; raises DeviceEnded too."""
    with counter.refunding(counted):
        user = User.known_as(email)
        known = known_device(user, email, visitor)
        refusal = (None if is_used(known) else lockdown.kept_out()) or WrongCredentials()
        # The connection is not held while hashing: that takes a hundred times as long as the query.
        # A rollback would let go of it too, but forget the row and read a known user's twice.
        db.session.commit()
        with hashing.known(user.id if user and known else None):
            right = passwords.matches(password, user.password_hash if user else None, user.id if user else None)
    # A guess stays counted, also when it cannot be written down.
    if not right or user is None or user.is_disabled:
        by_known = {"known": True} if known else {}
        attempt.failed(Kind.SIGN_IN_FAILED, user, email, visitor.address, **by_known)
        raise refusal
    if isinstance(refusal, LockedDown) and not user.has_second_factor:
        # As dear as a wrong one, and counted: who guesses learns nothing by it.
        attempt.failed(Kind.SIGN_IN_FAILED, user, email, visitor.address, kept_out="lockdown")
        raise refusal
    with counter.refunding(counted):
        # Not while others wait for a lane: the next sign-in does it as well.
        renew = passwords.is_outdated(user.password_hash or "") and hashing.has_room()
        renewed = passwords.stored(password) if renew else None
    with counter.refunding(counted, unless=SecondStepRequired):
        demand_change_if_known(user, password, visitor.address)
        session = opened(user, renewed, remembered, visitor, known=known, counted=counted)
    attempt.forgive(counted, email, visitor)
    return session


def known_device(user: User | None, email: str, visitor: Visitor) -> Device | None:
    """The user's device that the visitor's cookie names. Raises DeviceEnded."""
    carried = device.carried_in(visitor.devices, addresses.normalised(email))
    if not carried:
        return None
    known = Device.known(user.id, carried) if user else None
    if known is None:
        raise DeviceEnded
    return known


def is_used(known: Device | None) -> bool:
    """Whether somebody has signed in on it: in a lockdown a browser that a mailed link let in is a stranger's."""
    return known is not None and not known.by_link


def own_device(user: User, visitor: Visitor) -> Device | None:
    """As `known_device`, where nobody is counted by it."""
    try:
        return known_device(user, user.email, visitor)
    except DeviceEnded:
        return None


def demand_change_if_known(user: User, password: str, address: str) -> None:
    """A right password that is on a list of known ones opens nothing but the page to change it.

    Checked at each sign-in, so that a list that came later counts (NIST SP 800-63B-4 3.1.1.2).
    """
    if passwords.is_known(password):
        if User.demand_change(user.id, user.password_hash):
            event.record(Kind.PASSWORD_KNOWN, user.id, address)
        db.session.commit()


def check(email: str, password: str) -> None:
    """What can be no attempt is not counted as one; whether it is right is not said here. Raises NotAccepted."""
    accept(email=addresses.faults(email), password=[] if password else ["Type your password."])


def opened(
    user: User,
    renewed: str | None,
    remembered: bool,
    visitor: Visitor,
    follows: CurrentSession | None = None,
    known: Device | None = None,
    factor: str = PASSWORD,
    counted: Attempt | None = None,
) -> Session:
    """The rows of a sign-in, in one transaction; one that `follows` another is the same sign-in with a fresh token.

    The browser becomes a known device of the account, unless it is one. It takes back that the account be deleted.
    Where there is a second factor, the password alone proves nothing anew either.

    Raises WrongCredentials when, while it was checked, the password was replaced or the user disabled, deleted or
    leaving, SecondStepRequired for an account that the password alone does not open, whoever asks (ASVS 5.0 2.3.1), and
    LockedDown where for a while it opens none on a browser that is not known.
    """
    if factor == PASSWORD and not follows:
        if user.has_second_factor:
            renew(user, renewed)
            begun(user, visitor, known)
            raise SecondStepRequired(FirstStep.of(user, remembered, counted.stamp if counted else 0, visitor.address))
        if not is_used(known) and (refusal := lockdown.kept_out()):
            raise refusal
    now = clock.now()
    note(user, renewed, user.signed_in_at if follows else now)
    ended = Session.make_room(user.id)
    session = Session.opened(user, now, visitor.address, visitor.user_agent, remembered)
    if follows:
        session.previous_sign_in_at = follows.previous_sign_in_at
        if user.has_second_factor and factor == PASSWORD:
            session.proved_at = follows.proved_at
    else:
        if user.is_leaving:
            came_back(session, user)
        if known:
            known.see(visitor)
        elif session.previous_sign_in_at:
            notice.tell(user.told_at, Kind.SIGNED_IN, visitor.address, session.browser)
        session.device = known or Device.added(user.id, visitor)
        event.record(
            Kind.SIGNED_IN,
            user.id,
            visitor.address,
            factor=factor,
            browser=session.browser,
            known=known is not None,
        )
    made_room(session, ended)
    db.session.commit()
    return session


def note(user: User, renewed: str | None, signed_in_at: datetime | None) -> None:
    """Writes the sign-in into the user's row, which is held from here on.

    Raises WrongCredentials when it is no more as it was when the password was checked.
    """
    still_right = (
        User.id == user.id,
        User.password_hash == user.password_hash,
        User.totp_secret == user.totp_secret,
        User.disabled_at.is_(None),
        User.deleting_at.is_not_distinct_from(user.deleting_at),
    )
    noted = (
        update(User)
        .where(*still_right)
        .values(signed_in_at=signed_in_at, password_hash=renewed or user.password_hash, deleting_at=None)
    )
    if db.session.execute(noted.returning(User.id), execution_options=AS_IT_IS).scalar() is None:
        db.session.rollback()
        raise WrongCredentials


def made_room(session: Session, ended: int) -> None:
    """Tells what a new sign-in pushed out; committed by the act that called."""
    if ended:
        event.record(Kind.SESSION_ENDED, session.user.id, session.address, reason="too many", sessions=ended)
    if session.device:
        session.device.note_room(session.address)


def begun(user: User, visitor: Visitor, known: Device | None) -> None:
    """Writes down that the password was right, and that a second step is to come (ASVS 5.0 6.3.5, 16.3.1).

    Where the browser is not known the owner is told.
    """
    seen = browser.named(visitor.user_agent)
    told = bool(user.told_at) and not known and not is_told_lately(user.id)
    if told:
        notice.tell(user.told_at, Kind.SIGN_IN_BEGUN, visitor.address, seen)
    stranger = event.STRANGER
    event.record(Kind.SIGN_IN_BEGUN, user.id, visitor.address, stranger, browser=seen, known=bool(known), told=told)
    db.session.commit()


def is_told_lately(user_id: int) -> bool:
    """Whoever has the password cannot flood its owner with mails."""
    lately = event.Wanted(kinds=(Kind.SIGN_IN_BEGUN,), user_ids=(user_id,), since=clock.now() - TOLD_EVERY)
    return any(row.details["told"] for row in event.latest(lately, MOST_BEGUN))


def renew(user: User, renewed: str | None) -> None:
    """Keeps the password as it is stored today, unless it was replaced meanwhile."""
    if renewed:
        known = update(User).where(User.id == user.id, User.password_hash == user.password_hash)
        db.session.execute(known.values(password_hash=renewed))
        db.session.commit()
        db.session.refresh(user)


def came_back(session: Session, user: User) -> None:
    """Tells that the account is not deleted after all; committed by the act that called."""
    session.is_return = True
    notice.tell(user.told_at, Kind.USER_STAYED, session.address, session.browser)
    event.record(Kind.USER_STAYED, user.id, session.address)


def resume(carried: str, address: str) -> CurrentSession | None:
    """The live session of a token, its last sight noted now and then."""
    now = clock.now()
    session = CurrentSession.by(carried, now)
    if session and session.is_due(now, address):
        session.see(now, address)
        db.session.commit()
    return session
