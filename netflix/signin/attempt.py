"""An attempt to sign in: whom it is counted for, when it is given back, and how a wrong one is written down."""

from collections.abc import Callable
from typing import Any

from netflix.accounts import email as addresses
from netflix.accounts import hashing
from netflix.accounts import password as passwords
from netflix.accounts.user import User
from netflix.errors import NotAccepted
from netflix.events import event
from netflix.events.event import Kind
from netflix.extensions import db
from netflix.limits import counter, policy
from netflix.limits.counter import Attempt
from netflix.limits.policy import Limit
from netflix.signin import device
from netflix.signin.first_step import FirstStep
from netflix.signin.visitor import Visitor

Subjects = tuple[tuple[Limit, str], ...]
Lanes = Callable[[str, str, str], Subjects]


def lanes(account: str, address: str, known: str = "") -> Subjects:
    """The limits that an attempt counts in; `known` is the digest of a browser that is known to the account."""
    if known:
        return ((policy.SIGN_IN_FROM_DEVICE, known), (policy.IN_A_ROW_FROM_DEVICE, known))
    return (
        (policy.SIGN_IN_FROM_ADDRESS, address),
        (policy.SIGN_IN_TO_ACCOUNT, account),
        (policy.IN_A_ROW, account),
        (policy.SIGN_IN_TO_SITE, ""),
    )


def subjects(email: str, visitor: Visitor, lanes_of: Lanes = lanes) -> Subjects:
    """Whom an attempt to sign in, or what else counts in lanes like its, is counted for."""
    account = addresses.normalised(email)
    known = device.carried_in(visitor.devices, account)
    return lanes_of(account, visitor.address, device.counted_as(known) if known else "")


def in_a_row(account: str, counted: Subjects) -> set[tuple[Limit, str]]:
    """What begins anew with a right attempt that counted in those lanes."""
    return {(policy.IN_A_ROW, account), *(one for one in counted if one[0].name == policy.IN_A_ROW.name)}


def recognised(user_id: int, email: str, visitor: Visitor) -> Visitor:
    """The visitor as they are counted: only the cookie of a live device gives a lane of its own.

    Though it be signed for an e-mail that they had before.
    """
    carried = device.known_in(visitor.devices, user_id)
    if not carried:
        return visitor.stranger
    return visitor._replace(devices=device.cookie_with(visitor.devices, email, carried))


def proved(
    user: User, password: str, visitor: Visitor, wrong: dict[str, list[str]], kind: Kind, **detail: Any
) -> Attempt:
    """The attempt, to be forgiven, when the password is theirs. Raises NotAccepted, TooManyAttempts or Busy."""
    counted = counter.hit(*subjects(user.email, visitor))
    with counter.refunding(counted):
        # As at sign-in, no connection is held while hashing.
        db.session.commit()
        with hashing.known(user.id):
            is_right = passwords.matches(password, user.password_hash, user.id)
    # A guess stays counted, also when it cannot be written down.
    if not is_right:
        failed(kind, user, user.email, visitor.address, **detail)
        raise NotAccepted(wrong)
    return counted


def forgive(counted: Attempt, email: str, visitor: Visitor) -> None:
    """Gives back an attempt that was right; the failures before it, of strangers too, were not in a row."""
    counter.refund(counted, *in_a_row(addresses.normalised(email), subjects(email, visitor)))


def forgive_first_step(first: FirstStep, email: str, visitor: Visitor) -> None:
    """The same, once the second step was right; the `visitor` is who they were at the first."""
    if first.stamp:
        at_first = visitor._replace(address=first.address)
        forgive(counter.let_in_at(first.stamp, *subjects(email, at_first)), email, at_first)


def failed(kind: Kind, user: User | None, email: str, address: str, **detail: Any) -> None:
    """Writes down a wrong guess; of an unknown e-mail its digest alone."""
    if user is None:
        detail["account"] = counter.in_record(addresses.normalised(email))
    event.record(kind, user.id if user else None, address, event.STRANGER, **detail)
    db.session.commit()
