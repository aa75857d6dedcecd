"""The documents that are made of the commands themselves: `python -m cli.manual` writes them anew.

`docs/commands.md`, the man page `docs/netflix-admin.1`, and `docs/schemas.json`: a JSON Schema (draft 2020-12) of
what each command prints with `--format json`.
"""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click

from . import EXIT_CODES, main
from .formats import Column, Listing, Sheet

DOCS = Path(__file__).parents[1] / "docs"
NAME = "netflix-admin"
# Of everything.
LEFT_OUT = ("--help",)


class Documented(NamedTuple):
    """A command with the words that call it."""

    path: str
    command: click.Command
    ctx: click.Context

    @property
    def usage(self) -> str:
        return " ".join([self.path, *self.command.collect_usage_pieces(self.ctx)])

    @property
    def text(self) -> str:
        """What its help says, less the example."""
        return self.parts[0]

    @property
    def example(self) -> str:
        return self.parts[1]

    @property
    def parts(self) -> tuple[str, str]:
        said, _, example = (self.command.help or "").replace("\b\n", "").partition("Example:")
        paragraphs = [" ".join(part.split()) for part in said.strip().split("\n\n")]
        return "\n\n".join(paragraphs), "\n".join(line.strip() for line in example.strip().splitlines())

    @property
    def options(self) -> list[tuple[str, str]]:
        records = (param.get_help_record(self.ctx) for param in self.command.get_params(self.ctx))
        return [record for record in records if record and record[1] and not record[0].startswith(LEFT_OUT)]

    @property
    def columns(self) -> Sequence[Column]:
        return getattr(self.command.callback, "columns", ())

    @property
    def shape(self) -> type[Listing | Sheet] | None:
        """What it prints of them with `--format json`: an array, one thing, or else lines and nothing else."""
        return getattr(self.command.callback, "shape", None)

    @property
    def is_group(self) -> bool:
        """Not one that does something itself."""
        return isinstance(self.command, click.Group) and not self.command.invoke_without_command


def everything(
    command: click.Command = main, path: str = NAME, parent: click.Context | None = None
) -> Iterator[Documented]:
    ctx = click.Context(command, info_name=path.rpartition(" ")[2], parent=parent)
    yield Documented(path, command, ctx)
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            found = command.get_command(ctx, name)
            if found and not found.hidden:
                yield from everything(found, f"{path} {name}", ctx)


def markdown() -> str:
    """Every command, for who reads on the web."""
    lines = [
        "# Commands of `netflix-admin`",
        "",
        "Made of the commands themselves by `make manual`; a test holds it to them. What `--format json` prints, "
        "and how refusals are told then, is in [schemas.json](schemas.json): a listing is an array, and a line of "
        "`jsonl` is one of its rows.",
        "",
        "```text",
        EXIT_CODES.replace("\b\n", "").rstrip(),
        "```",
    ]
    for one in everything():
        if one.path == NAME:
            continue
        lines += ["", f"{'##' if one.is_group or one.path.count(' ') == 1 else '###'} {one.path}", "", one.text]
        if not one.is_group:
            lines += ["", "```text", one.usage, "```"]
        if one.options:
            lines += ["", *(f"- `{names}`: {help}" for names, help in one.options)]
        if one.columns:
            lines += ["", f"Fields: {', '.join(f'`{column.field}`' for column in one.columns)}."]
        if one.example:
            lines += ["", "```sh", one.example, "```"]
    return "\n".join(lines) + "\n"


def man() -> str:
    """Every command, for man(1)."""
    root = next(everything())
    lines = [
        f'.TH {NAME.upper()} 1 "" "netflix" "Keeping a Netflix site"',
        ".SH NAME",
        f"{NAME} \\- look after a Netflix site",
        ".SH SYNOPSIS",
        f".B {roff(NAME)}",
        ".I COMMAND",
        "[\\fIOPTION\\fR]... [\\fIARGUMENT\\fR]...",
        ".SH DESCRIPTION",
        *paragraphs(root.text),
        ".SH COMMANDS",
    ]
    for one in everything():
        if one.is_group:
            continue
        lines += [f".SS {roff(one.usage)}", *paragraphs(one.text)]
        for names, help in one.options:
            lines += [".TP", f".B {roff(names)}", roff(help)]
        if one.example:
            lines += [".PP", ".EX", *(roff(line) for line in one.example.splitlines()), ".EE"]
    lines += [".SH EXIT STATUS"]
    for code, meaning in re.findall(r"^  (\d+)  (.+)$", EXIT_CODES, re.M):
        lines += [".TP", f".B {code}", roff(meaning)]
    lines += [
        ".SH ENVIRONMENT",
        "The NETFLIX_... settings of the site, which its README lists.",
    ]
    return "\n".join(lines) + "\n"


def paragraphs(text: str) -> list[str]:
    return [line for part in text.split("\n\n") for line in (".PP", roff(part))]


def roff(text: str) -> str:
    """With nothing in it that roff would take for a command or an escape."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("…", "...")
    return f"\\&{text}" if text.startswith((".", "'")) else text


def schemas() -> dict[str, Any]:
    """What each command prints, by its words."""
    found = {one.path.removeprefix(f"{NAME} "): schema(one) for one in everything() if one.columns}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"What `{NAME}` prints",
        "description": "In $defs, by a command's words: all that it prints on standard output with --format json. "
        "A line of --format jsonl is an item of the array where there is one, else the object itself. With --fields "
        "only those are there, in that order, also of the required ones. Each line on standard error is then an "
        "`error` or a `note`.",
        "$defs": found | {"error": ERROR, "note": NOTE},
    }


NOTE = {
    "title": "What should be known beside what was printed.",
    "type": "object",
    "properties": {"note": {"type": "string"}},
    "required": ["note"],
    "additionalProperties": False,
}
ERROR = {
    "title": "What was refused.",
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "title": {"type": "string"},
                "detail": {"type": "string"},
                "exit_code": {"type": "integer"},
            },
            "required": ["title", "detail", "exit_code"],
            "additionalProperties": False,
        }
    },
    "required": ["error"],
    "additionalProperties": False,
}


def schema(one: Documented) -> dict[str, Any]:
    row = {
        "type": "object",
        "properties": {column.field: of_type(column.type) for column in one.columns},
        "required": [column.field for column in one.columns if not column.is_extra],
        "additionalProperties": False,
    }
    rows = {"type": "array", "items": row}
    said = {"title": one.text.partition("\n")[0]}
    if one.shape is Listing:
        return said | rows
    if one.shape and any(param.nargs < 0 for param in one.command.params):
        return said | {"description": "An array where several were asked for, or -.", "anyOf": [row, rows]}
    return said | ({} if one.shape else {"description": "Each line."}) | row


def of_type(name: str) -> dict[str, Any]:
    bare = name.removesuffix("?")
    kind = bare if bare in ("integer", "number", "boolean", "object", "array") else "string"
    found: dict[str, Any] = {"type": [kind, "null"] if name.endswith("?") else kind}
    return found | ({"format": bare} if bare not in (kind,) else {})


def documents() -> dict[str, str]:
    return {
        "commands.md": markdown(),
        f"{NAME}.1": man(),
        "schemas.json": json.dumps(schemas(), indent=2) + "\n",
    }


if __name__ == "__main__":
    for name, text in documents().items():
        (DOCS / name).write_text(text)
