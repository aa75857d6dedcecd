"""What was typed into a form, as its page shows it again: the value, and the sentences that stand at it."""

from collections.abc import Mapping
from types import SimpleNamespace

from netflix.errors import NotAccepted, Refusal


class Field:
    """One field of a form; a password is never given back, so it has no data."""

    __slots__ = ("data", "errors")

    def __init__(self, data: str = "") -> None:
        self.data = data
        self.errors: list[str] = []


def form(values: Mapping[str, str], *names: str, refusal: Refusal | None = None) -> SimpleNamespace:
    """The named fields with what was typed, and what `NotAccepted` says at each."""
    faults = refusal.faults if isinstance(refusal, NotAccepted) else {}
    fields = SimpleNamespace()
    for name in names:
        field = Field("" if name.endswith("password") else values.get(name, ""))
        field.errors = faults.get(name, [])
        setattr(fields, name, field)
    return fields


def whole(text: str) -> int:
    """A whole number as it was typed; 0 for what is none, or beyond reason."""
    text = text.strip()
    return int(text) if text.isdecimal() and len(text) < 10 else 0
