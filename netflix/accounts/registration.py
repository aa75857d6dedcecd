"""Becoming a user: by oneself on the web, or through the operator."""

from collections.abc import Callable
from typing import Any

from sqlalchemy.exc import IntegrityError

from netflix import clock
from netflix import config as settings
from netflix.accounts import email as addresses
from netflix.accounts import invitation
from netflix.accounts import password as passwords
from netflix.accounts.invitation import Invitation
from netflix.accounts.user import User
from netflix.errors import AlreadyExists, Declined, LinkGone, NotAccepted, accept
from netflix.events import event
from netflix.extensions import db
from netflix.limits import counter, policy


def check_open(carried: Callable[[], str]) -> str | None:
    """The token of an invitation where one is needed: `carried` gives it, or raises LinkGone.

    Raises LinkGone, or Declined where nobody may register.
    """
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
            "Only who is invited can make an account here, and each invitation is good once.",
            "Ask the person who runs this site for a link.",
        ) from None
    return token


def register(email: str, password: str, address: str, carried: str | None = None) -> User:
    """A stranger becomes a user, by an invitation's token where one is needed.

    Raises NotAccepted, TooManyAttempts, Busy or LinkGone.
    """
    check(email, password)
    counted = counter.hit((policy.REGISTRATION_FROM_ADDRESS, address))
    try:
        with counter.refunding(counted, unless=AlreadyExists):
            user = add(email, password, address=address, carried=carried)
            db.session.commit()
            return user
    except AlreadyExists as known:
        raise NotAccepted(
            {"email": ["There is an account with this e-mail already. Sign in, or use another."]}
        ) from known


def create(email: str, password: str | None, is_admin: bool = False) -> User:
    """A new user, without a password when it is None. Raises NotAccepted, AlreadyExists or Busy."""
    check(email, password)
    user = add(email, password, is_admin)
    db.session.commit()
    return user


def add(
    email: str, password: str | None, is_admin: bool = False, address: str = "", carried: str | None = None
) -> User:
    """As `create`, of what was checked; committed by the act that called.

    `address` is where a stranger did it; the operator has none.
    """
    user = User(
        email=email.strip(),
        email_key=addresses.normalised(email),
        password_hash=None if password is None else passwords.stored(password),
        is_admin=is_admin,
        verified_at=None if address else clock.now(),
    )
    by: dict[str, Any] = {"invitation": invitation.use(carried)} if carried else {}
    db.session.add(user)
    try:
        db.session.flush()
    except IntegrityError as error:
        db.session.rollback()
        raise taken(email) from error
    event.record(event.Kind.USER_CREATED, user.id, address, admin=is_admin, **by)
    return user


def check_free(email: str) -> None:
    """Raises AlreadyExists; that it does not is no promise, which only the database's constraint gives."""
    if known := User.known_as(email):
        raise taken(known.email)


def taken(email: str) -> AlreadyExists:
    return AlreadyExists(
        f"There is a user {email.strip()} already.",
        "`users promote` makes them an administrator, `users reset-password` gives them a new link, "
        "and --if-not-exists leaves them as they are.",
    )


def check(email: str, password: str | None) -> None:
    """Raises NotAccepted with what stands at each field."""
    accept(email=addresses.faults(email), password=[] if password is None else passwords.faults(password, email))
