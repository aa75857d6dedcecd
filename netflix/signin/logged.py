"""Attempts to sign in as a log has them: the record of events as JSON lines, or a server's access log."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from functools import lru_cache, partial
from typing import IO, Any, NamedTuple

from netflix.accounts import email as addresses
from netflix.errors import NotAccepted
from netflix.events.event import Kind
from netflix.gzipped import unpacked, whole
from netflix.limits.address import counted_as, parsed
from netflix.limits.windows import SECOND

# In bytes; a longer line is skipped without being held.
LONGEST = 1 << 16
TOLD_EVERY = 10_000
# A server logs an answer when it is given: lines a little out of order are as they should be.
ORDERLY = 60 * SECOND


class Form(StrEnum):
    """What a log's lines are."""

    EVENTS = "events"
    ACCESS = "access"


class Logged(NamedTuple):
    """One attempt. `at` is in microseconds since the epoch, `address` whom a limit counts for it.

    `account` is nothing where the log does not say; `known` tells a browser that is known to the account from others.
    """

    at: int
    address: str
    account: str
    is_right: bool
    known: str = ""


class Log:
    """The attempts of one log, read once. `tell` is called now and then, for who shows how far it is read."""

    def __init__(self, stream: IO[bytes], form: Form | None = None, tell: Callable[[], object] = lambda: None) -> None:
        self._stream, self._tell = stream, tell
        self.form = form
        self.lines = 0
        self.unreadable = 0
        self.first_unreadable = 0
        self.disorderly = 0

    def __iter__(self) -> Iterator[Logged]:
        """In order of time: a line from before the one above it is taken as from then.

        Raises NotAccepted for what is no such log at all, and Declined for a broken archive.
        """
        now = 0
        with unpacked(self._stream, "The log") as stream:
            for one in self._attempts(stream):
                self.disorderly += one.at < now - ORDERLY
                now = max(now, one.at)
                yield one if one.at == now else one._replace(at=now)
        self._tell()

    def _attempts(self, stream: IO[bytes]) -> Iterator[Logged]:
        reader: Callable[[str], Logged | None] | None = None
        for self.lines, line in enumerate(iter(partial(stream.readline, LONGEST), b""), 1):
            if self.lines % TOLD_EVERY == 0:
                self._tell()
            try:
                text = whole(line, stream, LONGEST).decode().strip()
                if text and reader is None:
                    reader = self._reader(text)
                if text and reader and (found := reader(text)):
                    yield found
            except (ValueError, OverflowError):
                self.unreadable += 1
                self.first_unreadable = self.first_unreadable or self.lines

    def _reader(self, first: str) -> Callable[[str], Logged | None]:
        if self.form is None:
            self.form = Form.EVENTS if first.startswith("{") else Form.ACCESS if ACCESS.fullmatch(first) else None
        if self.form is None:
            raise NotAccepted(
                {
                    "log": [
                        "Its first line is neither an event as `netflix-admin events export` prints it, nor a line of "
                        "an access log in the common or combined format. If only that line is broken, say which it is "
                        "with --log-format."
                    ]
                }
            )
        return of_event if self.form is Form.EVENTS else AccessLog()


def of_event(line: str) -> Logged | None:
    """The attempt that an event is; None for what is none by password. Raises ValueError."""
    try:
        row = json.loads(line)
        kind, detail = row["kind"], row["detail"]
        if kind == Kind.SIGNED_IN:
            if not detail["factor"].startswith("password"):
                return None
        elif kind != Kind.SIGN_IN_FAILED or not OTHERS.isdisjoint(detail):
            return None
        at, address, account = datetime.fromisoformat(row["at"]), counted_as(row["address"]), account_of(row)
        if len(account) > addresses.LONGEST:
            raise ValueError
        return Logged(
            int(at.timestamp() * SECOND),
            address,
            account,
            kind == Kind.SIGNED_IN,
            f"{account} {address}" if detail.get("known") else "",
        )
    except (KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError from error


# What was not right there was something else than the password of a sign-in.
OTHERS = {"proof", "passkey", "second_step"}


def account_of(row: dict[str, Any]) -> str:
    """As a person reads it; of an e-mail that nobody has, the record has the beginning of a digest."""
    if row["user_id"] is None:
        return f"no user: {row['detail']['account']}"
    return str(row["user"] or f"user {row['user_id']}")


QUOTED = r'"((?:[^"\\]|\\.)*)"'
ACCESS = re.compile(rf"(\S+) \S+ [^\[]*\[([^\]]+)\] {QUOTED} (\d{{3}}) \S+(?: {QUOTED} {QUOTED})?(?: .*)?")
STAMP = re.compile(r"(\d\d)/(\w{3})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)")
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
# What the site answers to an attempt: right, wrong, and one too many, of which nobody knows what it would have been.
# All else (400, 403, 422, 503) was given back, or never counted.
RIGHT, COUNTED = "303", {"303", "401", "429"}


class AccessLog:
    """A server's access log tells no account; a browser is known where one of its name signed in before."""

    def __init__(self) -> None:
        self._known: set[tuple[str, str]] = set()

    def __call__(self, line: str) -> Logged | None:
        """Raises ValueError."""
        found = ACCESS.fullmatch(line)
        if found is None:
            raise ValueError
        peer, stamp, request, status, _, agent = found.groups()
        method, _, path = request.partition(" ")
        if method != "POST" or path.partition(" ")[0].partition("?")[0] != "/login" or status not in COUNTED:
            return None
        if parsed(peer) is None:
            raise ValueError
        browser = (counted_as(peer), (agent or "")[:LONGEST_AGENT])
        known = " ".join(browser) if browser in self._known else ""
        if status == RIGHT and len(self._known) < MOST_KNOWN:
            self._known.add(browser)
        return Logged(at(stamp), browser[0], "", status == RIGHT, known)


# Of a browser's name: the rest tells nobody apart.
LONGEST_AGENT = 300
# Browsers that signed in; more are taken for strangers.
MOST_KNOWN = 100_000


@lru_cache(maxsize=64)
def at(stamp: str) -> int:
    """Raises ValueError."""
    found = STAMP.fullmatch(stamp)
    if found is None:
        raise ValueError
    day, month, year, hour, minute, second, sign, east, minutes = found.groups()
    zone = timedelta(hours=int(east), minutes=int(minutes)) * (-1 if sign == "-" else 1)
    told = datetime(
        int(year), MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second), tzinfo=timezone(zone)
    )
    return int(told.astimezone(UTC).timestamp()) * SECOND
