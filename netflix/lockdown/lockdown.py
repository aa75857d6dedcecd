"""A lockdown: only known browsers and second factors sign in, until it is over; who is signed in stays so."""

from datetime import datetime
from typing import NamedTuple

from flask import current_app
from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, mapped_column

from netflix import clock, orders, spelling
from netflix.clock import Instant
from netflix.errors import LockedDown, accept
from netflix.events import event
from netflix.events.actor import OPERATOR, Actor
from netflix.events.event import Kind
from netflix.extensions import Model, db
from netflix.reading import Reading


class Lockdown(Model):
    """One row while there is one, and when its time has passed by itself. `reason` is what people read."""

    __tablename__ = "lockdown"

    ONLY = 1
    LONGEST_REASON = 300

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    reason: Mapped[str] = mapped_column(String(LONGEST_REASON))
    since: Mapped[datetime] = mapped_column(Instant)
    until: Mapped[datetime | None] = mapped_column(Instant)
    by: Mapped[str] = mapped_column(String(80))

    @classmethod
    def present(cls) -> "Lockdown | None":
        """The one in force."""
        row = db.session.get(cls, cls.ONLY)
        return row if row and not is_over(row.until) else None


class Known(NamedTuple):
    """One as a process that serves knows it."""

    reason: str
    since: datetime
    until: datetime | None

    @property
    def lasts(self) -> str:
        return f"until {clock.told(self.until)}" if self.until else "for now"

    @property
    def words(self) -> str:
        """The reason as a sentence."""
        return self.reason if self.reason[-1] in ".!?…" else f"{self.reason}."


ROW = Reading(
    select(Lockdown.reason, Lockdown.since, Lockdown.until), lambda values: Known(values[0], values[1], values[2])
)


class Watch:
    """What a process knows of it, at no statement of a request."""

    def __init__(self) -> None:
        self._known: Known | None = None

    def read(self, _: int) -> None:
        self._known = next(iter(ROW()), None)

    def in_force(self) -> Known | None:
        known = self._known
        return known if known and not is_over(known.until) else None


def is_over(until: datetime | None) -> bool:
    return until is not None and until <= clock.now()


def in_force() -> Known | None:
    """The site's that is at work."""
    watch: Watch = current_app.extensions["netflix-lockdown"]
    return watch.in_force()


def check_open() -> None:
    """Raises LockedDown: what makes accounts, passwords or known browsers is closed meanwhile."""
    if known := in_force():
        raise LockedDown(
            f"This is closed {known.lasts}.", f"{known.words} Come back after that. Who is signed in stays signed in."
        )


def kept_out() -> LockedDown | None:
    """What a browser that is not known is told, whatever it typed; None when there is no lockdown."""
    known = in_force()
    return known and LockedDown(
        f"Signing in is limited {known.lasts}.",
        f"{known.words} Only browsers that were used here before, passkeys, and accounts with two-step sign-in come "
        "in. If that is you, check your e-mail and password, and try again.",
    )


def turn_on(reason: str, until: datetime | None = None, by: Actor = OPERATOR) -> bool:
    """Begins one, or changes the present one's end and reason; whether it was on before. Raises NotAccepted."""
    missing = [] if reason.strip() else ["Give a reason: people read it."]
    accept(reason=missing or spelling.faults(reason.strip(), "reason", Lockdown.LONGEST_REASON))
    orders.number()
    present = Lockdown.present()
    row = Lockdown(
        id=Lockdown.ONLY,
        reason=reason.strip(),
        since=present.since if present else clock.now(),
        until=until,
        by=by.name[:80],
    )
    db.session.merge(row)
    db.session.flush()
    ends = {"until": until.isoformat(timespec="seconds")} if until else {}
    event.record(Kind.LOCKDOWN_ON, None, by.address, by.name, reason=row.reason, **ends)
    db.session.commit()
    return present is not None


def turn_off(by: Actor = OPERATOR) -> bool:
    """Ends it; whether it was on."""
    orders.number()
    present = Lockdown.present()
    if present is None:
        db.session.rollback()
        return False
    db.session.delete(present)
    db.session.flush()
    event.record(Kind.LOCKDOWN_OFF, None, by.address, by.name)
    db.session.commit()
    return True
