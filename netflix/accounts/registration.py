"""Becoming a user: by oneself on the web, or through the operator."""

from sqlalchemy.exc import IntegrityError

from netflix.accounts import email as addresses
from netflix.accounts import password as passwords
from netflix.accounts.user import User
from netflix.errors import AlreadyExists, NotAccepted, accept
from netflix.events import event
from netflix.extensions import db
from netflix.limits import counter, policy


def register(email: str, password: str, address: str) -> User:
    """A stranger becomes a user. Raises NotAccepted, TooManyAttempts or Busy."""
    check(email, password)
    counted = counter.hit((policy.REGISTRATION_FROM_ADDRESS, address))
    try:
        with counter.refunding(counted, unless=AlreadyExists):
            return create(email, password, address=address)
    except AlreadyExists as known:
        raise NotAccepted(
            {"email": ["There is an account with this e-mail already. Sign in, or use another."]}
        ) from known


def create(email: str, password: str | None, is_admin: bool = False, address: str = "") -> User:
    """A new user, without a password when it is None. Raises NotAccepted, AlreadyExists or Busy.

    `address` is where a stranger did it; the operator has none.
    """
    user = add(email, password, is_admin, address)
    db.session.commit()
    return user


def add(email: str, password: str | None, is_admin: bool = False, address: str = "") -> User:
    """As `create`; committed by the act that called."""
    check(email, password)
    user = User(
        email=email.strip(),
        email_key=addresses.normalised(email),
        password_hash=None if password is None else passwords.stored(password),
        is_admin=is_admin,
    )
    db.session.add(user)
    try:
        db.session.flush()
    except IntegrityError as error:
        db.session.rollback()
        raise taken(email) from error
    event.record(event.Kind.USER_CREATED, user.id, address, admin=is_admin)
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
    accept(email=addresses.faults(email), password=[] if password is None else passwords.faults(password))
