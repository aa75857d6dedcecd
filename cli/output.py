"""What the terminal prints: tables for people, and plain lines, JSON or CSV for programs. Only this module knows rich.

What strangers chose (e-mails, user agents) never reaches a terminal raw, nor a spreadsheet as a formula.
"""

import csv
import errno
import io
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

import click

from netflix.errors import Refusal

if TYPE_CHECKING:
    from rich.console import Console

ROLES = {
    "heading": "bold",
    "noun": "cyan",
    "good": "green",
    "bad": "bold red",
    "quiet": "dim",
}
GAP = 2
# Narrower than this, a shortened cell tells nothing; and this wide it tells enough to spare no other column for it.
NARROWEST = 12
COMFORTABLE = 24
# A spreadsheet takes a cell that begins so for a formula (OWASP, CSV Injection).
FORMULA = re.compile(r"[=+\-@\t\r]")

FORMAT_HELP = (
    "How to print: table for people (plain lines without a heading, divided by tabs, when not to a terminal), "
    "or one of the others for programs."
)
listing_format = click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "jsonl", "csv"]),
    default="table",
    help=FORMAT_HELP,
    show_default=True,
)
thing_format = click.option(
    "--format", "form", type=click.Choice(["table", "json"]), default="table", help=FORMAT_HELP, show_default=True
)


@dataclass(frozen=True)
class Column:
    """One thing to tell of a row: to programs its `value` under `field`, to people `show` under `title`.

    Every format but the table has all columns. The table leaves out what has no title, then from the right what is
    `spare` as far as the terminal is too narrow, and shortens what `shrinks`.
    """

    field: str
    title: str = ""
    value: Callable[[Any], Any] | None = None
    show: Callable[[Any], str] | None = None
    role: Callable[[Any], str] = lambda _: ""
    shrinks: bool = False
    spare: bool = False

    def of(self, row: Any) -> Any:
        return self.value(row) if self.value else getattr(row, self.field)

    def shown(self, row: Any) -> str:
        return printable(self.show(row)) if self.show else human(self.of(row))


def done(sentence: str) -> None:
    """What a command did."""
    click.echo(printable(sentence))


def note(sentence: str) -> None:
    """What a person should know beside the product; not a part of it."""
    click.echo(printable(sentence), err=True)


def product(text: str) -> None:
    """What the command was run for, alone on its line, so that a script can take it. Raises NotPrinted."""
    try:
        if sys.stdout is None:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        click.echo(printable(text, keep="\t"))
    except OSError as error:
        say_no_more()
        raise NotPrinted(f"It was done, but could not be printed ({error.strerror}).") from error


def say_no_more() -> None:
    """What is still unsaid goes nowhere, and without complaint."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class NotPrinted(Refusal):
    """A secret that was made, and that nobody has seen: another one is needed."""

    title = "Not printed"
    remedy = "What was made is lost: mend the output, and give a new one with `users reset-password`."


def is_terminal(stream: TextIO | None) -> bool:
    """A stream may have been closed by who started us."""
    return stream is not None and stream.isatty()


def print_listing(columns: Sequence[Column], rows: Iterable[Any], form: str, empty: str) -> None:
    """`empty` is said to a person when there are no rows."""
    rows = list(rows)
    if form == "json":
        click.echo(as_json([record(columns, row) for row in rows], indent=2))
    elif form == "jsonl":
        click.echo("".join(f"{as_json(record(columns, row))}\n" for row in rows), nl=False)
    elif form == "csv":
        click.echo(as_csv(columns, rows), nl=False)
    elif not is_terminal(sys.stdout):
        click.echo("".join(f"{as_line(columns, row)}\n" for row in rows), nl=False)
    elif rows:
        print_table(columns, rows)
    else:
        note(empty)


def print_lines(columns: Sequence[Column], rows: Iterable[Any]) -> None:
    """One by one as they come, so without a table's widths."""
    for row in rows:
        click.echo("  ".join(column.shown(row) for column in columns if column.title))


def print_thing(columns: Sequence[Column], thing: Any, form: str) -> None:
    if form == "json":
        click.echo(as_json(record(columns, thing), indent=2))
    elif not is_terminal(sys.stdout):
        click.echo("".join(f"{column.field}\t{plain(column.of(thing))}\n" for column in columns), nl=False)
    else:
        print_sheet(columns, thing)


def record(columns: Sequence[Column], row: Any) -> dict[str, Any]:
    values = {column.field: column.of(row) for column in columns}
    return {field: iso(value) if isinstance(value, datetime) else value for field, value in values.items()}


def as_json(value: Mapping[str, Any] | Sequence[Any], indent: int | None = None) -> str:
    """Letters of any language as they are; what could steer a terminal, escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def as_csv(columns: Sequence[Column], rows: Iterable[Any]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(column.field for column in columns)
    for row in rows:
        writer.writerow(harmless(column.of(row)) for column in columns)
    return file.getvalue()


def as_line(columns: Sequence[Column], row: Any) -> str:
    return "\t".join(plain(column.of(row)) for column in columns)


def harmless(value: Any) -> str:
    """A cell of CSV that no spreadsheet computes: a text that looks like a formula gets an apostrophe before it."""
    text = "" if value is None else plain(value)
    return f"'{text}" if isinstance(value, str) and FORMULA.match(text) else text


def plain(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, dict):
        return as_json(value)
    return printable(str(value))


def human(value: Any) -> str:
    return ago(value, datetime.now(UTC)) if isinstance(value, datetime) else plain(value)


def printable(text: str, keep: str = "") -> str:
    """`text` without anything that moves the cursor, colours, rings or turns the reading direction."""
    return "".join(c if c.isprintable() or c in keep else c.encode("unicode_escape").decode() for c in text)


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
    size, unit = next((size, unit) for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")) if away >= size)
    count = int(away // size)
    spoken = f"{count} {unit}{'s' * (count != 1)}"
    return f"{spoken} ago" if seconds >= 0 else f"in {spoken}"


def print_table(columns: Sequence[Column], rows: Sequence[Any]) -> None:
    # rich is loaded for a table alone: it takes longer than the whole of help.
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    out = console()
    widths = {
        column: max(cell_len(text) for text in (column.title, *map(column.shown, rows)))
        for column in columns
        if column.title
    }
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="heading")
    fitting = fitted(widths, out.width)
    for column, width in fitting.items():
        numeric = not column.show and are_numbers([column.of(row) for row in rows])
        table.add_column(
            column.title, width=width, no_wrap=True, overflow="ellipsis", justify="right" if numeric else "left"
        )
    for row in rows:
        table.add_row(*(Text(column.shown(row), column.role(row)) for column in fitting))
    out.print(table)


def are_numbers(values: Sequence[Any]) -> bool:
    """All that are there; a yes or no is none."""
    there = [value for value in values if value is not None]
    return bool(there) and all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in there)


def print_sheet(columns: Sequence[Column], thing: Any) -> None:
    """One thing, a line for each of its fields."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, show_header=False)
    table.add_column(style="quiet", no_wrap=True)
    table.add_column(overflow="fold")
    for column in columns:
        if column.title:
            value = column.of(thing)
            text = f"{iso(value)}, {human(value)}" if isinstance(value, datetime) else column.shown(thing)
            table.add_row(column.title, Text(text, column.role(thing)))
    console().print(table)


def fitted(widths: Mapping[Column, int], room: int) -> dict[Column, int]:
    """The columns that fit into `room`, with their widths."""
    kept = dict(widths)

    def wanted() -> int:
        return sum(min(w, COMFORTABLE) if c.shrinks else w for c, w in kept.items()) + GAP * (len(kept) - 1)

    for column in reversed(list(widths)):
        if column.spare and wanted() > room:
            del kept[column]
    while sum(kept.values()) + GAP * (len(kept) - 1) > room:
        widest = max((c for c in kept if c.shrinks), key=lambda c: kept[c], default=None)
        if widest is None or kept[widest] <= NARROWEST:
            break
        kept[widest] -= 1
    return kept


def console() -> "Console":
    from rich.console import Console
    from rich.theme import Theme

    return Console(theme=Theme(ROLES), highlight=False, markup=False, emoji=False)
