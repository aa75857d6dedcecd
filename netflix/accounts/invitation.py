"""A link by which somebody may register: for so many people, until a day."""

from datetime import datetime, timedelta

from sqlalchemy import LargeBinary, String, select, update
from sqlalchemy.orm import Mapped, mapped_column

from netflix import clock, links, spelling, token
from netflix.clock import Instant
from netflix.errors import LinkGone, NotFound, accept
from netflix.events import event
from netflix.events.actor import OPERATOR, Actor
from netflix.events.event import Kind
from netflix.extensions import AS_IT_IS, Model, db


class Invitation(Model):
    """The link carries the token, the row its digest. `note` is for the operator's own memory."""

    __tablename__ = "invitation"
    # SQLite would give a deleted row's number to the next one.
    __table_args__ = {"sqlite_autoincrement": True}

    LASTS = timedelta(days=7)
    LONGEST = timedelta(days=365)
    MOST_USES = 10_000
    LONGEST_NOTE = 200

    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    note: Mapped[str] = mapped_column(String(LONGEST_NOTE))
    uses: Mapped[int]
    used: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)

    @classmethod
    def all(cls) -> list["Invitation"]:
        """The latest first."""
        return list(db.session.scalars(select(cls).order_by(cls.id.desc())))

    @classmethod
    def latest(cls, most: int, before: int | None = None) -> list["Invitation"]:
        """The latest first, older than the one of that number."""
        older = [cls.id < before] if before else []
        return list(db.session.scalars(select(cls).where(*older).order_by(cls.id.desc()).limit(most)))

    @classmethod
    def open_with(cls, carried: str) -> "Invitation":
        """The one that a token opens. Raises LinkGone."""
        found = db.session.scalar(select(cls).where(cls.digest == token.digest(carried)))
        if found is None or not found.is_open:
            raise LinkGone
        return found

    @property
    def is_open(self) -> bool:
        return self.revoked_at is None and self.used < self.uses and self.expires_at > clock.now()

    @property
    def state(self) -> str:
        if self.is_open:
            return "open"
        return "revoked" if self.revoked_at else "used up" if self.used >= self.uses else "expired"

    @property
    def left(self) -> int:
        return self.uses - self.used if self.is_open else 0


def use(carried: str) -> int:
    """Takes one use; committed, or given back, by the act that called. Answers the invitation's number.

    Of two who want the last one at once, one gets LinkGone (ASVS 5.0 2.3.4).
    """
    taken = db.session.execute(
        update(Invitation)
        .where(
            Invitation.digest == token.digest(carried),
            Invitation.used < Invitation.uses,
            Invitation.expires_at > clock.now(),
            Invitation.revoked_at.is_(None),
        )
        .values(used=Invitation.used + 1)
        .returning(Invitation.id),
        execution_options=AS_IT_IS,
    ).scalar()
    if taken is None:
        db.session.rollback()
        raise LinkGone
    return taken


def invite(uses: int = 1, lasts: timedelta = Invitation.LASTS, note: str = "", by: Actor = OPERATOR) -> str:
    """A new invitation's link. Raises NotAccepted."""
    check(uses, lasts, note)
    carried = token.fresh()
    row = Invitation(digest=token.digest(carried), note=note, uses=uses, expires_at=clock.now() + lasts)
    db.session.add(row)
    db.session.flush()
    event.record(Kind.LINK_MADE, None, by.address, by.name, link="invitation", invitation=row.id, uses=uses)
    db.session.commit()
    return links.link(f"/invitation/{carried}")


def check(uses: int, lasts: timedelta, note: str) -> None:
    """Raises NotAccepted with what stands at each field."""
    of = Invitation
    accept(
        uses=[] if 1 <= uses <= of.MOST_USES else [f"Choose from 1 to {of.MOST_USES} people."],
        days=[] if timedelta() < lasts <= of.LONGEST else [f"Choose from 1 to {of.LONGEST.days} days."],
        note=spelling.faults(note, "note", of.LONGEST_NOTE),
    )


def revoke(number: int, by: Actor = OPERATOR) -> None:
    """Nobody comes in by it any more; to revoke twice is as good as once. Raises NotFound."""
    row = db.session.get(Invitation, number)
    if row is None:
        raise NotFound(f"There is no invitation {number}.", by.way("See the list", "invites list"))
    if row.revoked_at is None:
        row.revoked_at = clock.now()
        event.record(Kind.LINK_ENDED, None, by.address, by.name, link="invitation", invitation=row.id)
    db.session.commit()
