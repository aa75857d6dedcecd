"""A key pair whose private half never leaves a person's device: it signs in with no e-mail and no password typed.

It counts as both factors: having the device, and the finger, face or PIN that the device was shown (its user is always
verified).
"""

import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, String, delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, contains_eager, mapped_column, relationship

from netflix import clock, spelling
from netflix.accounts import email as addresses
from netflix.accounts.user import User
from netflix.clock import Instant
from netflix.errors import Declined, NotAccepted, NotFound, PasskeyNotTaken
from netflix.events import event
from netflix.events.event import Kind
from netflix.extensions import AS_IT_IS, Model, db
from netflix.factors import ceremony, challenge, change
from netflix.factors.ceremony import base64url, unpacked
from netflix.factors.challenge import Challenge
from netflix.limits import counter, policy
from netflix.signin import attempt, signin
from netflix.signin.first_step import FirstStep
from netflix.signin.session import CurrentSession, Session
from netflix.signin.visitor import Visitor

FACTOR = "passkey"
LONGEST_NAME = 60
# Far beyond what authenticators make (Web Authentication 4: 1023 bytes).
LONGEST_ID = 1023


class Passkey(Model):
    """`handle` names its user to the device: random, the same for all of a user's, and nobody's number or e-mail."""

    __tablename__ = "passkey"
    # SQLite would give a deleted row's number to the next one.
    __table_args__ = {"sqlite_autoincrement": True}

    MOST = 20

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), index=True)
    credential_id: Mapped[bytes] = mapped_column(LargeBinary(LONGEST_ID), unique=True)
    handle: Mapped[bytes] = mapped_column(LargeBinary(64))
    public_key: Mapped[bytes] = mapped_column(LargeBinary(2000))
    sign_count: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(String(LONGEST_NAME))
    created_at: Mapped[datetime] = mapped_column(Instant)
    used_at: Mapped[datetime | None] = mapped_column(Instant)
    backed_up: Mapped[bool]
    transports: Mapped[str] = mapped_column(String(100))

    user: Mapped[User] = relationship(lazy="raise")

    @classmethod
    def of(cls, user_id: int) -> "list[Passkey]":
        """The oldest first."""
        return list(db.session.scalars(select(cls).where(cls.user_id == user_id).order_by(cls.id)))

    @classmethod
    def count(cls, user_id: int) -> int:
        return db.session.scalar(select(func.count()).where(cls.user_id == user_id)) or 0

    @classmethod
    def with_id(cls, credential_id: bytes) -> "Passkey | None":
        """With its user."""
        wanted = select(cls).join(cls.user).options(contains_eager(cls.user))
        return db.session.scalar(wanted.where(cls.credential_id == credential_id))

    @classmethod
    def end_all(cls, user_id: int, since: datetime | None = None) -> int:
        """All of a user's, or those that were added since; answers how many there were."""
        ending = delete(cls).where(cls.user_id == user_id, *([cls.created_at >= since] if since else []))
        return len(db.session.execute(ending.returning(cls.id)).all())

    @property
    def shown_id(self) -> str:
        return base64url(self.credential_id)

    def signed(self, sign_count: int, backed_up: bool) -> bool:
        """Notes a use; False when its counter went back or stood still, as a copy's would (Web Authentication 6.1.1).

        A device that does not count always tells zero. Committed by the act that called.
        """
        went_on = Passkey.sign_count < sign_count if sign_count else Passkey.sign_count == 0
        noted = update(Passkey).where(Passkey.id == self.id, went_on).returning(Passkey.id)
        values = {"sign_count": sign_count, "used_at": clock.now(), "backed_up": backed_up}
        done = db.session.execute(noted.values(values), execution_options=AS_IT_IS)
        return done.scalar() is not None


def begin_adding(session: CurrentSession) -> tuple[Challenge, dict[str, Any]]:
    """What the browser is told, and what it signs. Raises TooManyAttempts, or Declined for one too many.

    And Declined while the e-mail is not confirmed.
    """
    change.check_confirmed(session)
    counter.hit((policy.FACTORS_OF_ACCOUNT, addresses.normalised(session.email)))
    own = Passkey.of(session.user_id)
    if len(own) >= Passkey.MOST:
        raise Declined(f"You have {len(own)} passkeys.", "Remove one that you do not use.")
    handle = own[0].handle if own else secrets.token_bytes(32)
    asked = Challenge.fresh(challenge.ADD, base64url(handle))
    return asked, ceremony.to_be_made(asked, session.email, [one.shown_id for one in own])


def add(session: CurrentSession, answer: object, asked: Challenge, name: str, visitor: Visitor) -> Passkey:
    """Raises PasskeyNotTaken, SignInRequired, or NotAccepted for its name."""
    name = accepted_name(name)
    made = ceremony.made(answer, asked)
    told = answer["response"].get("transports") if isinstance(answer, dict) else None
    session.hold()
    asked.spend()
    row = Passkey(
        user_id=session.user_id,
        credential_id=made.credential_id,
        handle=unpacked(asked.handle),
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        name=name,
        created_at=clock.now(),
        backed_up=made.credential_backed_up,
        transports=",".join(one for one in told if one in TRANSPORTS) if isinstance(told, list) else "",
    )
    db.session.add(row)
    try:
        db.session.flush()
    except IntegrityError:
        db.session.rollback()
        raise PasskeyNotTaken("That passkey is known already.", "Use another device.") from None
    change.note(Kind.FACTOR_ADDED, session.user_id, visitor, FACTOR, name=name)
    db.session.commit()
    return row


TRANSPORTS = ("usb", "nfc", "ble", "smart-card", "hybrid", "internal")


def accepted_name(name: str) -> str:
    """Raises NotAccepted."""
    name = spelling.printable(name.strip())
    if not name:
        raise NotAccepted({"name": ["Give it a name, such as the device's."]})
    if len(name) > LONGEST_NAME:
        raise NotAccepted({"name": [f"That name is too long. It can have up to {LONGEST_NAME} characters."]})
    return name


def rename(session: CurrentSession, number: int, name: str) -> None:
    """Raises NotAccepted, or NotFound for anybody else's."""
    name = accepted_name(name)
    own = update(Passkey).where(Passkey.id == number, Passkey.user_id == session.user_id)
    if db.session.execute(own.values(name=name).returning(Passkey.id)).scalar() is None:
        db.session.rollback()
        raise gone()
    db.session.commit()


def remove(session: CurrentSession, number: int, visitor: Visitor) -> None:
    """The password stays, so it is never the last way in. Raises NotFound for anybody else's, or SignInRequired."""
    session.hold()
    own = delete(Passkey).where(Passkey.id == number, Passkey.user_id == session.user_id)
    name = db.session.execute(own.returning(Passkey.name)).scalar()
    if name is None:
        db.session.rollback()
        raise gone()
    change.note(Kind.FACTOR_REMOVED, session.user_id, visitor, FACTOR, name=name)
    db.session.commit()


def gone() -> NotFound:
    return NotFound("That passkey is not here any more.", "Go back to see those that are.")


def begin_using(purpose: str, address: str, known: list[str] | None = None) -> tuple[Challenge, dict[str, Any]]:
    """What the browser is told, and what it signs; the same for everybody who signs in. Raises TooManyAttempts."""
    counter.hit((policy.PASSKEYS_ASKED_FROM_ADDRESS, address))
    asked = Challenge.fresh(purpose)
    return asked, ceremony.to_be_used(asked, known or ())


def sign_in(
    answer: object, asked: Challenge, remembered: bool, visitor: Visitor, first: FirstStep | None = None
) -> Session:
    """Opens a session. Raises PasskeyNotTaken, TooManyAttempts, or WrongCredentials when the user changed meanwhile.

    Counted before it is checked, and given back when it was right; so is the `first` step, where the passkey came in
    the place of the second.
    """
    counted = counter.hit((policy.PASSKEYS_FROM_ADDRESS, visitor.address))
    with counter.refunding(counted, unless=PasskeyNotTaken):
        user = proved(answer, asked, visitor.address)
        known = signin.own_device(user, visitor)
        session = signin.opened(user, None, remembered, visitor, known=known, factor=FACTOR)
    counter.refund(counted)
    if first and first.user_id == user.id:
        attempt.forgive_first_step(first, user.email, visitor if known else visitor.stranger)
    return session


def proved(answer: object, asked: Challenge, address: str, whose: int | None = None) -> User:
    """Whose passkey gave the answer; committed by the act that called. Raises PasskeyNotTaken.

    `whose` is the user who must be its owner, where one is signed in.
    """
    row = named(answer)
    if row is None or row.user.is_disabled or (whose is not None and row.user_id != whose):
        raise refused(row, address, "unknown")
    response = answer.get("response") if isinstance(answer, dict) else None
    told = response.get("userHandle") if isinstance(response, dict) else None
    # Who is signed in already need not be named by the device (Web Authentication 7.2, step 6).
    if told != base64url(row.handle) and not (told is None and whose is not None):
        raise refused(row, address, "of another user")
    try:
        used = ceremony.used(answer, asked, row.public_key)
        User.hold(row.user_id)
        asked.spend()
    except PasskeyNotTaken as why:
        raise refused(row, address, "not right", why) from why
    if not row.signed(used.new_sign_count, used.credential_backed_up):
        raise refused(row, address, "copied")
    return row.user


def named(answer: object) -> Passkey | None:
    """The passkey of which an answer says that it is."""
    try:
        credential_id = unpacked(answer["id"])  # type: ignore[index]
    except (KeyError, TypeError, ValueError):
        return None
    return Passkey.with_id(credential_id) if len(credential_id) <= LONGEST_ID else None


def refused(row: Passkey | None, address: str, why: str, said: PasskeyNotTaken | None = None) -> PasskeyNotTaken:
    """What is said, once it is written down; not why, which would tell a stranger whose passkey it is."""
    user_id = row.user_id if row else None
    db.session.rollback()
    kind = Kind.PASSKEY_COPIED if why == "copied" else Kind.SIGN_IN_FAILED
    event.record(kind, user_id, address, event.STRANGER, passkey=why)
    db.session.commit()
    return said or PasskeyNotTaken()
