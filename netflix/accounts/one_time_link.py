"""What a person may do once, with a link that they were given: the link carries the token, the row its digest."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ForeignKey, LargeBinary, String, bindparam, delete, insert, select
from sqlalchemy.orm import Mapped, contains_eager, mapped_column, relationship

from netflix import clock, token
from netflix.accounts import email as addresses
from netflix.accounts.user import User
from netflix.clock import Instant
from netflix.errors import LinkGone
from netflix.extensions import AS_IT_IS, Model, db


class Purpose(StrEnum):
    """What a link is for."""

    RECOVER = "recover"
    UNLOCK = "unlock"
    VERIFY = "verify"
    CHANGE_EMAIL = "change e-mail"
    UNDO_EMAIL = "undo e-mail"


LASTS = {
    Purpose.RECOVER: timedelta(hours=1),
    Purpose.UNLOCK: timedelta(hours=1),
    Purpose.VERIFY: timedelta(days=3),
    Purpose.CHANGE_EMAIL: timedelta(days=1),
    Purpose.UNDO_EMAIL: timedelta(days=7),
}
# What whoever had the password before could have asked for: it ends with the password.
OF_THE_PASSWORD = (Purpose.RECOVER, Purpose.UNLOCK, Purpose.CHANGE_EMAIL)


class OneTimeLink(Model):
    """At most one of a purpose for each user: a newer link ends the older one. `email` is the address it is about."""

    __tablename__ = "one_time_link"

    user_id: Mapped[int] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(20), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)
    email: Mapped[str] = mapped_column(String(addresses.LONGEST), default="")

    user: Mapped[User] = relationship(lazy="raise")

    # The token itself, known only to who made the link.
    token = ""

    @classmethod
    def issued(cls, user: User, purpose: Purpose, email: str = "") -> "OneTimeLink":
        """A new one, with its token; committed by the act that called."""
        User.hold(user.id)
        end(user.id, purpose)
        carried = token.fresh()
        link = cls(
            user_id=user.id,
            purpose=str(purpose),
            digest=token.digest(carried),
            expires_at=clock.now() + LASTS[purpose],
            email=email,
        )
        link.token = carried
        db.session.add(link)
        return link

    @classmethod
    def carried_by(cls, carried: str, purpose: Purpose) -> "OneTimeLink":
        """With its user. Raises LinkGone."""
        found = db.session.scalar(BY_DIGEST, {"digest": token.digest(carried), "purpose": str(purpose)})
        if found is None or found.expires_at <= clock.now():
            raise LinkGone
        return found

    @classmethod
    def of(cls, user_id: int, purpose: Purpose) -> "OneTimeLink | None":
        """The one that a user has, while it is good."""
        live = (cls.user_id == user_id, cls.purpose == str(purpose), cls.expires_at > clock.now())
        return db.session.scalar(select(cls).where(*live))


BY_DIGEST = (
    select(OneTimeLink)
    .join(OneTimeLink.user)
    .options(contains_eager(OneTimeLink.user))
    .where(OneTimeLink.digest == bindparam("digest"), OneTimeLink.purpose == bindparam("purpose"))
)


def issue_each(user_ids: Sequence[int], purpose: Purpose) -> list[str]:
    """A token for each of these users, who have no such link; committed by the act that called."""
    tokens = [token.fresh() for _ in user_ids]
    expires_at = clock.now() + LASTS[purpose]
    rows = [
        {
            "user_id": user_id,
            "purpose": str(purpose),
            "digest": token.digest(carried),
            "expires_at": expires_at,
            "email": "",
        }
        for user_id, carried in zip(user_ids, tokens, strict=True)
    ]
    if rows:
        db.session.execute(insert(OneTimeLink), rows)
    return tokens


def used(carried: str, purpose: Purpose) -> tuple[User, str]:
    """Ends a link by using it; answers whose it is and its address; committed by the act that called.

    Their row is held, and that of whoever has the address.

    Raises LinkGone; of two at once, one gets it (ASVS 5.0 2.3.4).
    """
    link = OneTimeLink.carried_by(carried, purpose)
    owner = link.user_id
    # Its owner first, as whoever makes a newer link does: the other way round the two would wait for each other.
    User.hold_with(owner, link.email)
    live = (
        OneTimeLink.digest == token.digest(carried),
        OneTimeLink.purpose == str(purpose),
        OneTimeLink.expires_at > clock.now(),
    )
    ended = db.session.execute(
        delete(OneTimeLink).where(*live).returning(OneTimeLink.email), execution_options=AS_IT_IS
    ).one_or_none()
    user = db.session.get(User, owner, populate_existing=True) if ended else None
    if ended is None or user is None:
        db.session.rollback()
        raise LinkGone
    return user, ended.email


def end(user_id: int, *purposes: Purpose) -> None:
    """Links of these purposes are worth nothing more; committed by the act that called."""
    ending = delete(OneTimeLink).where(
        OneTimeLink.user_id == user_id, OneTimeLink.purpose.in_([str(purpose) for purpose in purposes])
    )
    db.session.execute(ending)


def end_each(user_ids: Sequence[int], purpose: Purpose) -> None:
    """As `end`, of many users who are held."""
    ending = delete(OneTimeLink).where(OneTimeLink.user_id.in_(user_ids), OneTimeLink.purpose == str(purpose))
    db.session.execute(ending, execution_options=AS_IT_IS)
