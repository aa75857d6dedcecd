"""Rows and things as a command prints them: tables for people, and plain lines, JSON or CSV for programs."""

import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from functools import wraps
from typing import Any

import click
from click.shell_completion import CompletionItem

from . import asking, output
from .cells import as_csv, as_json, human, iso, joined, plain

FORMS = ["table", "json", "jsonl", "csv"]
FORMAT_HELP = (
    "How to print: table for people (plain lines without a heading, divided by tabs, when not to a terminal), "
    "or one of the others for programs. In csv an apostrophe stands before what a spreadsheet would compute, such as "
    "=; in jsonl none does."
)
FIELDS_HELP = "Only these, in this order, by their names in JSON."
# Rows that are written at once to a program.
BATCH = 1000


@dataclass(frozen=True)
class Column:
    """One thing to tell of a row: to programs its `value` under `field`, to people `show` under `title`.

    `type` is what JSON Schema calls it, or `date-time` or `uri`; with a `?` where there may be none.

    Every format but the table has all columns. The table leaves out what has no title, then from the right what is
    `spare` as far as the terminal is too narrow, and shortens what `shrinks`, or `wraps` it. Numbers stand at the
    `right`, also where they are shown in other words. What is `is_extra` costs more than the others, and is there only
    where `--fields` names it.
    """

    field: str
    title: str = ""
    value: Callable[[Any], Any] | None = None
    show: Callable[[Any], str] | None = None
    role: Callable[[Any], str] = lambda _: ""
    shrinks: bool = False
    spare: bool = False
    wraps: bool = False
    right: bool = False
    type: str = "string"
    is_extra: bool = False

    def of(self, row: Any) -> Any:
        return self.value(row) if self.value else getattr(row, self.field)

    def shown(self, row: Any) -> str:
        return output.printable(self.show(row)) if self.show else human(self.of(row))


@dataclass(frozen=True)
class Listing:
    """What a listing was asked for: which columns, in which format."""

    columns: Sequence[Column]
    form: str

    def print(self, rows: Iterable[Any], empty: str) -> None:
        """As they come, but for a table, which needs them all. `empty` is said to a person when there are none."""
        if self.is_for_a_person:
            self.print_table(list(rows), empty)
        elif self.form == "csv":
            click.echo(as_csv([[column.field for column in self.columns]]), nl=False)
            for batch in batched(rows):
                click.echo(as_csv([column.of(row) for column in self.columns] for row in batch), nl=False)
        elif self.form == "json":
            self.print_array(rows)
        else:
            as_text = self.as_json_line if self.form == "jsonl" else self.as_plain_line
            for batch in batched(rows):
                click.echo("".join(f"{as_text(row)}\n" for row in batch), nl=False)

    def note(self, sentence: str) -> None:
        """What should be known beside the rows; as JSON to who reads those, as refusals are."""
        if self.form in ("json", "jsonl"):
            click.echo(as_json({"note": sentence}), err=True)
        else:
            output.note(sentence)

    @property
    def is_for_a_person(self) -> bool:
        return self.form == "table" and output.is_terminal(sys.stdout)

    @property
    def fields(self) -> list[str]:
        return [column.field for column in self.columns]

    def by_name(self) -> "Listing":
        """The same, of rows that have each value under the name of its field."""
        return replace(self, columns=[replace(column, value=None) for column in self.columns])

    def print_written(self, batches: Generator[Sequence[str], None, None]) -> None:
        """Lines that the database wrote. Closed while its connection is there, also when nobody reads on."""
        with closing(batches):
            for lines in batches:
                click.echo(joined(lines), nl=False)

    def print_table(self, rows: Sequence[Any], empty: str) -> None:
        from . import tables

        if rows:
            tables.print_table(self.columns, rows)
        else:
            output.note(empty)

    def print_array(self, rows: Iterable[Any]) -> None:
        before = "[\n"
        for row in rows:
            lines = as_json(record(self.columns, row), indent=2).splitlines()
            click.echo(before + "\n".join(f"  {line}" for line in lines), nl=False)
            before = ",\n"
        click.echo("[]" if before == "[\n" else "\n]")

    def print_lines(self, rows: Iterable[Any]) -> None:
        """One by one as they come, so without a table's widths."""
        for row in rows:
            line = "  ".join(column.shown(row) for column in self.columns if column.title)
            click.echo(output.laid_out(line, sys.stdout))

    def as_json_line(self, row: Any) -> str:
        return as_json(record(self.columns, row))

    def as_plain_line(self, row: Any) -> str:
        return "\t".join(plain(column.of(row)) for column in self.columns)


@dataclass(frozen=True)
class Sheet:
    """One thing, a line for each of its fields."""

    columns: Sequence[Column]
    form: str

    def print(self, thing: Any) -> None:
        if self.form in ("json", "jsonl"):
            click.echo(as_json(record(self.columns, thing), indent=2 if self.form == "json" else None))
        elif self.form == "csv":
            Listing(self.columns, self.form).print([thing], "")
        elif not output.is_terminal(sys.stdout):
            click.echo("".join(f"{c.field}\t{plain(c.of(thing))}\n" for c in self.columns), nl=False)
        else:
            from . import tables

            tables.print_sheet(self.columns, thing)

    def print_each(self, things: Sequence[Any], are_several: bool) -> None:
        """One as it is; of several those that are there, as lines, rows or an array, which may be empty."""
        if self.form == "csv" or (self.form == "json" and are_several):
            Listing(self.columns, self.form).print(things, "")
            return
        for number, thing in enumerate(things):
            # A person, or who reads lines, tells them apart by an empty one.
            if number and self.form == "table":
                click.echo()
            self.print(thing)


def listing(columns: Sequence[Column]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A command that lists rows: it gets a `Listing` as `listing`, made of `--format` and `--fields`."""
    return printing(columns, Listing, "listing")


def sheet(columns: Sequence[Column]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A command that shows one thing: it gets a `Sheet` as `sheet`, made of `--format` and `--fields`."""
    return printing(columns, Sheet, "sheet")


def telling(
    columns: Sequence[Column], shape: "type[Listing | Sheet] | None" = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A command that prints rows of these, lines of JSON where it has no shape; for the documents and the schemas."""

    def decorated(command: Callable[..., None]) -> Callable[..., None]:
        command.columns, command.shape = columns, shape  # type: ignore[attr-defined]
        return command

    return decorated


def printing(
    columns: Sequence[Column], made: type[Listing | Sheet], name: str
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    usual = tuple(column for column in columns if not column.is_extra)
    extra = [column.field for column in columns if column.is_extra]

    def decorated(command: Callable[..., None]) -> Callable[..., None]:
        @click.option(
            "--format", "form", type=click.Choice(FORMS), default="table", help=FORMAT_HELP, show_default=True
        )
        @click.option(
            "--fields",
            "chosen",
            type=Fields(columns),
            metavar="A,B",
            cls=asking.Once,
            help=f"{FIELDS_HELP} {', '.join(extra)}: only where named." if extra else FIELDS_HELP,
        )
        @wraps(command)
        def run(*args: Any, form: str, chosen: Sequence[Column] | None, **options: Any) -> None:
            printed = made(chosen or usual, form)
            if isinstance(printed, Listing) and asking.NOBODY in options.values():
                printed.print((), "Standard input is empty, so nobody is meant.")
            else:
                command(*args, **options, **{name: printed})

        return telling(columns, made)(run)

    return decorated


class Fields(click.ParamType):
    """Names of columns, divided by commas."""

    name = "fields"

    def __init__(self, columns: Sequence[Column]) -> None:
        self.known = {column.field: column for column in columns}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Sequence[Column]:
        names = [name.strip() for name in value.split(",")]
        for name in names:
            if name not in self.known:
                self.fail(f"There is no field '{name}'. There are: {', '.join(self.known)}.", param, ctx)
        # Who asks for it gets it, also where a table leaves it out.
        found = [self.known[name] for name in dict.fromkeys(names)]
        return [replace(column, title=column.title or in_words(column.field), spare=False) for column in found]

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The last of them, beside those that are there."""
        *before, begun = incomplete.split(",")
        head = "".join(f"{name}," for name in before)
        return [CompletionItem(head + name) for name in self.known if name.startswith(begun) and name not in before]


def in_words(field: str) -> str:
    return field.replace("_", " ").capitalize()


def batched(rows: Iterable[Any]) -> Iterable[list[Any]]:
    """The first ones alone, so that something is seen soon."""
    batch: list[Any] = []
    for count, row in enumerate(rows, 1):
        batch.append(row)
        if len(batch) == BATCH or count in (1, 100):
            yield batch
            batch = []
    if batch:
        yield batch


def record(columns: Sequence[Column], row: Any) -> dict[str, Any]:
    values = {column.field: column.of(row) for column in columns}
    return {field: iso(value) if isinstance(value, datetime) else value for field, value in values.items()}
