"""What somebody who is not signed in asked to be mailed, to whichever e-mail they typed.

Whether there is such an account is found out off the request: so the answer, its time and what it writes are the same
whoever is known (ASVS 5.0 6.3.8).
"""

from datetime import datetime, timedelta

from sqlalchemy import String, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from netflix import clock
from netflix.accounts import email as addresses
from netflix.accounts.one_time_link import Purpose
from netflix.clock import Instant
from netflix.extensions import AS_IT_IS, Model, db
from netflix.mail import outbox


class Asked(Model):
    """Waits for seconds, until it is answered; the e-mail may be nobody's."""

    __tablename__ = "asked"
    # SQLite would give a deleted row's number to the next one.
    __table_args__ = {"sqlite_autoincrement": True}

    # Nobody waits for a link any longer than it would be good.
    LASTS = timedelta(hours=1)

    id: Mapped[int] = mapped_column(primary_key=True)
    purpose: Mapped[str] = mapped_column(String(20))
    email: Mapped[str] = mapped_column(String(addresses.LONGEST))
    address: Mapped[str] = mapped_column(String(45))
    created_at: Mapped[datetime] = mapped_column(Instant, default=clock.now, index=True)

    @classmethod
    def add(cls, purpose: Purpose, email: str, address: str) -> None:
        """Committed by the act that called, and answered soon after. Nothing happens where mail is off."""
        if outbox.is_on():
            db.session.add(cls(purpose=str(purpose), email=email.strip(), address=address[:45]))
            outbox.stir()

    @classmethod
    def taken(cls) -> "Asked | None":
        """The oldest, deleted by the transaction that answers it; others get the next one."""
        oldest = select(cls.id).order_by(cls.id).limit(1).with_for_update(skip_locked=True).scalar_subquery()
        taking = delete(cls).where(cls.id == oldest).returning(cls)
        return db.session.scalar(taking, execution_options=AS_IT_IS)

    @classmethod
    def drop(cls, number: int) -> None:
        db.session.execute(delete(cls).where(cls.id == number), execution_options=AS_IT_IS)

    @classmethod
    def any(cls) -> bool:
        return db.session.scalar(select(cls.id).limit(1)) is not None

    @property
    def is_stale(self) -> bool:
        return self.created_at <= clock.now() - self.LASTS
