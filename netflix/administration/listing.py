"""Events, each with whom it is about, as an administrator or the operator chooses and reads them."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Select

from netflix import clock
from netflix.accounts.user import User
from netflix.errors import accept
from netflix.events import event
from netflix.events.event import Event, Kind, Wanted
from netflix.extensions import db
from netflix.limits.address import parsed

SINCE = {
    "1h": ("The last hour", timedelta(hours=1)),
    "24h": ("The last day", timedelta(days=1)),
    "7d": ("The last 7 days", timedelta(days=7)),
    "30d": ("The last 30 days", timedelta(days=30)),
}


class ListedEvent(NamedTuple):
    """An event, and the e-mail of whom it is about while there is such a user."""

    event: Event
    email: str | None

    @property
    def by_user(self) -> int | None:
        """The number of the user who did it, where it was another than whom it is about."""
        kind, _, number = self.event.by.partition(":")
        return int(number) if kind == "user" and int(number) != self.event.user_id else None

    @property
    def detail(self) -> str:
        said = {True: "yes", False: "no"}
        return ", ".join(
            f"{name.replace('_', ' ')}: {said[value] if isinstance(value, bool) else value}"
            for name, value in self.event.details.items()
        )


def chosen(sent: Mapping[str, str], before: int | None = None) -> Wanted:
    """What was asked for by `user` (an e-mail or number), `address`, `kind` and `since`. Raises NotAccepted."""
    kind, since, who = sent.get("kind", ""), sent.get("since", ""), sent.get("user", "").strip()
    number = int(who) if who.isdecimal() and len(who) < 10 else None
    if who and number is None and (known := User.known_as(who)):
        number = known.id
    address = sent.get("address", "").strip()
    wrong = address and parsed(address) is None
    accept(
        user=["There is no user with this e-mail or number."] if who and number is None else [],
        address=["That is no address. Type one such as 192.0.2.7 or 2001:db8::7."] if wrong else [],
    )
    return Wanted(
        (kind,) if kind in set(Kind) else (),
        () if number is None else (number,),
        (str(parsed(address)),) if address else (),
        clock.now() - SINCE[since][1] if since in SINCE else None,
        before,
    )


def latest(wanted: Wanted, most: int) -> Iterator[ListedEvent]:
    """The newest first, as they are read."""
    newest = listed(wanted).order_by(Event.id.desc())
    if not wanted.networks:
        newest = newest.limit(most)
    rows = db.session.execute(newest, execution_options={"yield_per": event.BATCH})
    return islice((ListedEvent._make(row) for row in rows if wanted.takes(row[0])), most)


def following(wanted: Wanted, after: int = 0) -> Iterator[ListedEvent]:
    """Those after a number, the oldest first, read a batch at a time."""
    return (ListedEvent._make(row) for row in event.in_batches(listed(wanted), after) if wanted.takes(row[0]))


def listed(wanted: Wanted) -> Select[Any]:
    return wanted.select().add_columns(User.email).outerjoin(User, User.id == Event.user_id)
