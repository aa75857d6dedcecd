"""A value as it is printed: in a table for people, in a plain line, in JSON, in CSV.

Nothing in it steers a terminal, and a spreadsheet takes none of it for a formula.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from netflix.spelling import covered

from . import output


def as_json(value: Mapping[str, Any] | Sequence[Any], indent: int | None = None) -> str:
    """Letters of any language as they are; what could steer a terminal, escaped."""
    return escaped(json.dumps(value, ensure_ascii=False, indent=indent))


def joined(lines: Sequence[str]) -> str:
    """Lines of JSON that a database wrote, with what could steer a terminal escaped."""
    text = "\n".join((*lines, ""))
    # Of ASCII it has escaped all but one.
    if text.isascii() and "\x7f" not in text:
        return text
    return "".join(f"{line if line.isprintable() else escaped(line)}\n" for line in lines)


def escaped(text: str) -> str:
    """JSON with what could steer a terminal written in JSON's own escapes."""
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def as_csv(rows: Iterable[Iterable[Any]]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerows([harmless(value) for value in row] for row in rows)
    return file.getvalue()


def harmless(value: Any) -> str:
    """A cell of CSV that no spreadsheet computes: a text that looks like a formula gets an apostrophe before it."""
    text = "" if value is None or value == "" else plain(value)
    return covered(text) if isinstance(value, str) else text


def plain(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, float) and "e-" in str(value):
        return f"{value:.12f}".rstrip("0").rstrip(".")
    if isinstance(value, dict):
        return as_json(value)
    return output.printable(str(value))


def human(value: Any) -> str:
    return ago(value, datetime.now(UTC)) if isinstance(value, datetime) else plain(value)


def iso(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def ago(at: datetime, now: datetime) -> str:
    """A time as a person would say it; the day itself beyond a fortnight."""
    seconds = (now - at).total_seconds()
    away = abs(seconds)
    if away >= 14 * 86400:
        return f"{at.day} {at:%b %Y}"
    if away < 60:
        return "just now" if seconds >= 0 else "in a moment"
    if seconds < 0:
        # What was told to last a day does so a moment later too.
        step = 3600 if away >= 86400 - 1800 else 60
        away = round(away / step) * step
    size, unit = next((size, unit) for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")) if away >= size)
    count = int(away // size)
    spoken = f"{count} {unit}{'s' * (count != 1)}"
    return f"{spoken} ago" if seconds >= 0 else f"in {spoken}"
