"""Mails that wait to be sent: written with the act that they tell of, so that none is lost and no request waits.

A row is claimed by moving its next time on, by as long as a sending may take; what a sender that was killed had claimed
is due again then. So every mail is sent at least once, and twice only when a sender ended between the server's yes and
the row's end: with the same Message-ID.
"""

import secrets
from datetime import datetime, timedelta
from typing import Any

from flask import current_app, has_request_context
from sqlalchemy import String, Text, delete, event, func, select, update
from sqlalchemy.orm import Mapped, mapped_column

from netflix import clock, links
from netflix import config as settings
from netflix.clock import Instant
from netflix.extensions import AS_IT_IS, Model, db

POSTED = "posted"


class Mail(Model):
    """One message to one address. `good_until` is the end of the link in it, or of all trying."""

    __tablename__ = "mail"
    # SQLite would give a deleted row's number to the next one.
    __table_args__ = {"sqlite_autoincrement": True}

    # Longer than any sending takes.
    LEASE = timedelta(minutes=5)
    KEPT_TRYING = timedelta(days=3)
    # After it was given up.
    KEPT = timedelta(days=30)
    FIRST_PAUSE = timedelta(seconds=5)
    LONGEST_PAUSE = timedelta(hours=1)
    LONGEST_ERROR = 200

    id: Mapped[int] = mapped_column(primary_key=True)
    # The left part of its Message-ID.
    mark: Mapped[str] = mapped_column(String(32))
    recipient: Mapped[str] = mapped_column(String(254), index=True)
    subject: Mapped[str] = mapped_column(String(200))
    # Empty once it is given up, where it held a link.
    text: Mapped[str] = mapped_column(Text)
    has_link: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(Instant)
    # When it is tried next; None when it is given up.
    due_at: Mapped[datetime | None] = mapped_column(Instant, index=True)
    good_until: Mapped[datetime] = mapped_column(Instant)
    attempts: Mapped[int]
    error: Mapped[str] = mapped_column(String(LONGEST_ERROR))

    @classmethod
    def all(cls) -> "list[Mail]":
        """The oldest first."""
        return list(db.session.scalars(select(cls).order_by(cls.id)))

    @classmethod
    def claimed(cls, now: datetime) -> "Mail | None":
        """One that is due, which nobody else gets for as long as the lease; committed by the act that called."""
        due = select(cls.id).where(cls.due_at <= now).order_by(cls.due_at).limit(1).with_for_update(skip_locked=True)
        claim = (
            update(cls)
            # The row's own time again: of two who found it at once, one finds it moved on.
            .where(cls.id == due.scalar_subquery(), cls.due_at <= now)
            .values(due_at=now + cls.LEASE, attempts=cls.attempts + 1)
        )
        return db.session.scalar(claim.returning(cls), execution_options={"populate_existing": True})

    @classmethod
    def next_due(cls) -> datetime | None:
        return db.session.scalar(select(func.min(cls.due_at)))

    @classmethod
    def end_expired(cls, now: datetime) -> None:
        """A link that has expired is not sent; what nobody took for days is given up."""
        over = (cls.due_at.is_not(None), cls.good_until <= now)
        db.session.execute(delete(cls).where(cls.has_link, *over), execution_options=AS_IT_IS)
        db.session.execute(update(cls).where(*over).values(due_at=None), execution_options=AS_IT_IS)

    @property
    def is_given_up(self) -> bool:
        return self.due_at is None

    def remove(self) -> None:
        db.session.execute(delete(Mail).where(Mail.id == self.id), execution_options=AS_IT_IS)

    def put_off(self, now: datetime, error: str) -> None:
        """Tried again later: the pause grows, and is short where a link would end before."""
        longest = (self.good_until - now) / 8 if self.has_link else self.LONGEST_PAUSE
        pause = min(self.FIRST_PAUSE * 2 ** min(self.attempts - 1, 16), longest, self.LONGEST_PAUSE)
        self._write(due_at=now + max(self.FIRST_PAUSE, pause), error=error)

    def give_up(self, error: str) -> None:
        self._write(due_at=None, error=error, text="" if self.has_link else self.text)

    def _write(self, error: str, **values: Any) -> None:
        """Unless the lease ran out, and another has it now."""
        own = update(Mail).where(Mail.id == self.id, Mail.due_at == self.due_at)
        db.session.execute(own.values(error=error[: self.LONGEST_ERROR], **values), execution_options=AS_IT_IS)


def is_on() -> bool:
    """Whether this site sends mail; where it does not, the person who runs it helps."""
    return settings.current().sends_mail


def post(to: str, template: str, expires_at: datetime | None = None, **values: Any) -> None:
    """Adds a mail; committed by the act that called, and on its way once it is.

    The template's first line is the subject. `expires_at` is the end of the link that it carries. Nothing happens
    where mail is off.
    """
    if is_on():
        db.session.add(written(to, template, expires_at, **values))
        stir()


def stir() -> None:
    """Somebody looks what is to be done as soon as the act that called has committed."""
    db.session.info[POSTED] = True


def withdraw(email: str) -> None:
    """Whatever waits for, or could not be brought to, somebody who is deleted; committed by the act that called."""
    db.session.execute(delete(Mail).where(Mail.recipient == email), execution_options=AS_IT_IS)


def written(to: str, template: str, expires_at: datetime | None = None, **values: Any) -> Mail:
    """A mail that is in no outbox yet."""
    found = current_app.jinja_env.get_template(f"mail/{template}.txt")
    subject, _, text = found.render(email=to, site=links.link(""), **values).partition("\n")
    now = clock.now()
    return Mail(
        mark=secrets.token_hex(16),
        recipient=to,
        subject=subject.strip(),
        text=text.strip() + "\n",
        has_link=expires_at is not None,
        created_at=now,
        due_at=now,
        good_until=expires_at or now + Mail.KEPT_TRYING,
        attempts=0,
        error="",
    )


@event.listens_for(db.session, "after_commit")
def wake(session: Any) -> None:
    """A terminal is gone before a mail would be sent; there it waits for a process that serves."""
    if session.info.pop(POSTED, False) and has_request_context():
        current_app.extensions["netflix-courier"].wake()


@event.listens_for(db.session, "after_rollback")
def forget(session: Any) -> None:
    session.info.pop(POSTED, None)
