"""Times as they are typed, a while such as 7d, or a day; and as they are told in little room."""

import re
from datetime import UTC, datetime, timedelta

import click

# Of any unit.
MOST = 99_999
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def a_while(text: str) -> timedelta | None:
    found = re.fullmatch(r"([1-9]\d{0,4})([smhdw])", text)
    return timedelta(**{UNITS[found[2]]: int(found[1])}) if found else None


def fault(text: str, example: str) -> str:
    """What is the matter with what is no while."""
    if re.fullmatch(r"[1-9]\d*[smhdw]", text):
        return f"'{text}' is too long. Give {MOST}{text[-1]} at most."
    return f"'{text}' is no time. Give one such as 30m, 24h, 7d or {example}."


class While(click.ParamType):
    """How long, and `most` of all."""

    name = "time"

    def __init__(self, most: str = "") -> None:
        self.most = most

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        found, longest = a_while(value), a_while(self.most)
        if found is None:
            self.fail(fault(value, "2w"), param, ctx)
        if longest and found > longest:
            self.fail(f"'{value}' is too long. Give {self.most} at most.", param, ctx)
        return found


def until(lasts: timedelta | None) -> datetime | None:
    """When a while that begins now is over; None for never."""
    return datetime.now(UTC).replace(microsecond=0) + lasts if lasts else None


def ago(lasts: timedelta | None) -> datetime | None:
    """When a while that ends now began; None for never."""
    return datetime.now(UTC).replace(microsecond=0) - lasts if lasts else None


class Since(click.ParamType):
    """A time ago, or a day that has begun."""

    name = "time"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if ago := a_while(value):
            return datetime.now(UTC) - ago
        try:
            at = datetime.fromisoformat(value)
            at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            self.fail(fault(value, "2026-11-24"), param, ctx)
        if at > datetime.now(UTC):
            self.fail(f"'{value}' is still to come (times are in UTC). Give one that is past.", param, ctx)
        return at


def in_short(seconds: int) -> str:
    """Such as "1 min 5 s"; to the second, since somebody may be waiting for it."""
    if not seconds:
        return "now"
    days, rest = divmod(seconds, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    parts = ((days, "d"), (hours, "h"), (minutes, "min"), (rest, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count)
