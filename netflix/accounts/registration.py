"""Becoming a user: by oneself on the web, or through the operator."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import bindparam, exists, insert, literal, select, update
from sqlalchemy.exc import IntegrityError

from netflix import clock
from netflix import config as settings
from netflix.accounts import email as addresses
from netflix.accounts import invitation
from netflix.accounts import password as passwords
from netflix.accounts.asked import Asked
from netflix.accounts.invitation import Invitation
from netflix.accounts.one_time_link import Purpose
from netflix.accounts.user import User
from netflix.clock import Instant
from netflix.errors import AlreadyExists, Declined, LinkGone, accept
from netflix.events import event
from netflix.events.event import Kind
from netflix.extensions import db
from netflix.limits import counter, policy
from netflix.lockdown import lockdown


def check_open(carried: Callable[[], str]) -> str | None:
    """The token of an invitation where one is needed: `carried` gives it, or raises LinkGone.

    Raises LinkGone, or Declined where nobody may register, or LockedDown.
    """
    lockdown.check_open()
    mode = settings.current().registration
    if mode == "closed":
        raise Declined("This site takes no new accounts.", "Ask the person who runs it.")
    if mode == "open":
        return None
    try:
        token = carried()
        Invitation.open_with(token)
    except LinkGone:
        raise Declined(
            "Only who is invited can make an account here, by a link that is still good.",
            "Ask the person who runs this site for a link.",
        ) from None
    return token


def register(email: str, password: str, address: str, carried: str | None = None) -> None:
    """A stranger becomes a user, by an invitation's token where one is needed.

    No answer tells an e-mail that is somebody's from one that is free (ASVS 5.0 6.3.8): the same is hashed, asked and
    written, an invitation is used either way, and who owns the e-mail is told by mail.
    Raises NotAccepted, TooManyAttempts, Busy, LinkGone or LockedDown.
    """
    lockdown.check_open()
    check(email, password)
    key = addresses.normalised(email)
    lanes = [(policy.REGISTRATION_FROM_ADDRESS, address), (policy.REGISTRATION_OF_ACCOUNT, key)]
    counted = counter.hit(*lanes, *([] if carried else [(policy.REGISTRATION_TO_SITE, "")]))
    with counter.refunding(counted):
        kept = passwords.stored(password)
        try:
            enter(email.strip(), key, kept, address, carried)
        except IntegrityError:
            # Somebody else has it since a moment ago.
            db.session.rollback()
            enter(email.strip(), key, kept, address, carried)
        db.session.commit()


INDEXED = (User.email_key, User.created_at, User.signed_in_at, User.verified_at, User.deleting_at)
REWRITING = (
    update(User)
    .where(User.id == bindparam("owner"))
    .values({column: column for column in INDEXED})
    .execution_options(synchronize_session=False)
)


def enter(email: str, key: str, kept: str, address: str, carried: str | None) -> None:
    """As many statements whether the e-mail is free or not; committed by the act that called."""
    by: dict[str, Any] = {"invitation": invitation.use(carried)} if carried else {}
    owner = db.session.scalar(select(User.id).where(User.email_key == key))
    fresh: dict[Any, Any] = {
        User.email: literal(email),
        User.email_key: literal(key),
        User.password_hash: literal(kept),
        User.is_admin: literal(False),
        User.created_at: literal(clock.now(), Instant),
    }
    where_free = select(*fresh.values()).where(~exists(select(User.id).where(User.email_key == key)))
    adding = insert(User).from_select(list(fresh), where_free).returning(User.id)
    made = db.session.scalar(adding)
    # A new row stands in indexes too, which takes time that would tell; of one that is there as many are written anew.
    db.session.execute(REWRITING, {"owner": None if made else owner})
    if made:
        event.record(Kind.USER_CREATED, made, address, admin=False, **by)
    else:
        event.record(Kind.REGISTERED_AGAIN, owner, address, event.STRANGER, **by)
    Asked.add(Purpose.VERIFY, email, address)


def create(email: str, password: str | None, is_admin: bool = False, for_good: bool = True) -> User:
    """A new user, without a password when it is None; one that is not `for_good` has to be changed at once.

    Raises NotAccepted, AlreadyExists or Busy.
    """
    check(email, password)
    user = add(email, password, is_admin, for_good=for_good)
    db.session.commit()
    return user


def add(email: str, password: str | None, is_admin: bool = False, for_good: bool = True) -> User:
    """As `create`, of what was checked; committed by the act that called.

    The operator's word is taken that the e-mail is theirs.
    """
    user = User(
        email=email.strip(),
        email_key=addresses.normalised(email),
        password_hash=None if password is None else passwords.stored(password),
        is_admin=is_admin,
        must_change_since=None if for_good else clock.now(),
        verified_at=clock.now(),
    )
    db.session.add(user)
    try:
        db.session.flush()
    except IntegrityError as error:
        db.session.rollback()
        raise taken(email) from error
    event.record(Kind.USER_CREATED, user.id, admin=is_admin)
    return user


def check_free(email: str) -> None:
    """Raises AlreadyExists; that it does not is no promise, which only the database's constraint gives."""
    if known := User.known_as(email):
        raise taken(known.email)


def taken(email: str) -> AlreadyExists:
    email = email.strip()
    return AlreadyExists(
        f"There is a user {email} already.",
        f"`netflix-admin users promote {email}` makes them an administrator, "
        f"`netflix-admin users reset-password {email}` gives them a new link, "
        "and --if-not-exists leaves them as they are.",
    )


def check(email: str, password: str | None) -> None:
    """Raises NotAccepted with what stands at each field."""
    accept(email=addresses.new_faults(email), password=[] if password is None else passwords.faults(password, email))
