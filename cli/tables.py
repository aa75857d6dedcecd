"""Tables at a terminal. Only this module knows rich, and is loaded late: rich takes longer than the whole of help."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.cells import cell_len
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text
from rich.theme import Theme

from .cells import human, iso
from .formats import Column

ROLES = {
    "heading": "bold",
    "noun": "cyan",
    "good": "green",
    "bad": "bold red",
    # Of the eight colours the one that is readable on white and on black, and means nothing else here.
    "warned": "magenta",
    "quiet": "dim",
}
GAP = 2
# Narrower than this, a shortened cell tells nothing; and this wide it tells enough to spare no other column for it.
NARROWEST = 12
COMFORTABLE = 24
# Seconds between two looks.
WATCH_EVERY = 2


def print_table(columns: Sequence[Column], rows: Sequence[Any]) -> None:
    out = console()
    out.print(as_table(columns, rows, out.width))


def watch(columns: Sequence[Column], look: Callable[[int], tuple[Sequence[Any], str, str]]) -> None:
    """What `look` finds for so many lines, or what it says where that is nothing, below a line that it says, anew again
    and again; until Ctrl-C.
    """
    out = console()
    with Live(console=out, screen=True, auto_refresh=False) as live:
        while True:
            rows, said, empty = look(max(1, out.height - 2))
            found = as_table(columns, rows, out.width) if rows else Text(empty)
            live.update(Group(Text(said, "quiet", no_wrap=True, overflow="ellipsis"), found), refresh=True)
            time.sleep(WATCH_EVERY)


def as_table(columns: Sequence[Column], rows: Sequence[Any], room: int) -> Table:
    widths = {
        column: max(cell_len(text) for text in (column.title, *map(column.shown, rows)))
        for column in columns
        if column.title
    }
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="heading")
    fitting = fitted(widths, room)
    for column, width in fitting.items():
        numeric = column.right or (not column.show and are_numbers([column.of(row) for row in rows]))
        table.add_column(
            column.title,
            width=width,
            no_wrap=not column.wraps,
            overflow="fold" if column.wraps else "ellipsis",
            justify="right" if numeric else "left",
        )
    for row in rows:
        table.add_row(*(Text(column.shown(row), column.role(row)) for column in fitting))
    return table


def are_numbers(values: Sequence[Any]) -> bool:
    """All that are there; a yes or no is none."""
    there = [value for value in values if value is not None]
    return bool(there) and all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in there)


def print_sheet(columns: Sequence[Column], thing: Any) -> None:
    """One thing, a line for each of its fields."""
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

    def least(column: Column) -> int:
        if column.shrinks or column.wraps:
            return min(kept[column], NARROWEST if column.spare else COMFORTABLE)
        return kept[column]

    def wanted() -> int:
        return sum(map(least, kept)) + GAP * (len(kept) - 1)

    for column in reversed(list(widths)):
        if column.spare and wanted() > room:
            del kept[column]
    while sum(kept.values()) + GAP * (len(kept) - 1) > room:
        widest = max((c for c in kept if c.shrinks or c.wraps), key=lambda c: kept[c], default=None)
        if widest is None or kept[widest] <= NARROWEST:
            break
        kept[widest] -= 1
    return kept


def console() -> Console:
    return Console(theme=Theme(ROLES), highlight=False, markup=False, emoji=False)
