"""What a command asks of the person at the terminal: a password, a yes. A program is never asked."""

import inspect
import re
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from netflix.errors import Declined, NotAccepted

from . import output, site

if TYPE_CHECKING:
    from netflix.values import Network

# What a database takes as the number of a row.
MOST = 2**31 - 1
SEVERAL = f"{__name__}.several"
STDIN, GENERATE, LINK = "--password-stdin", "--generate", "--link"

password_stdin = click.option(STDIN, is_flag=True, help="Take the password from the first line of standard input.")
generate = click.option(GENERATE, is_flag=True, help="Make a strong password and print it, once.")


def lines(ctx: click.Context, param: click.Parameter, words: tuple[str, ...], comments: str = "") -> tuple[str, ...]:
    """The words, with the lines of standard input in place of a `-`: for an argument that takes several.

    From one of the signs of `comments` on, a line is a comment.
    """
    found: list[str] = []
    for word in words:
        if word != "-":
            found.append(word)
            continue
        try:
            text = sys.stdin.buffer.read().decode() if sys.stdin else ""
        except UnicodeDecodeError:
            raise click.UsageError("Standard input is not UTF-8. Send it in that encoding.") from None
        told = (re.split(f"[{comments}]", line)[0] if comments else line for line in text.splitlines())
        found += [line.strip() for line in told if line.strip()]
    return tuple(found)


def emails(command: Callable[..., None]) -> Callable[..., None]:
    """A command for one user or several, or with `-` for those on standard input, one a line.

    It gets `emails`, each once however it is spelt.
    """
    said, example, more = inspect.cleandoc(command.__doc__ or "").partition("\n\n\b\nExample:")
    command.__doc__ = f"{said}\n\nSeveral may be given; - reads them from standard input, one a line.{example}{more}"
    return click.argument("emails", metavar="EMAIL...", nargs=-1, required=True, callback=once)(command)


def once(ctx: click.Context, param: click.Parameter, words: tuple[str, ...]) -> tuple[str, ...]:
    ctx.meta[SEVERAL] = len(words) > 1 or "-" in words
    spelt: dict[str, str] = {}
    for email in lines(ctx, param, words):
        spelt.setdefault(site.email.normalised(email), email)
    return tuple(spelt.values())


def is_of_several() -> bool:
    """Whether several were asked for, however many there are; what is printed then has one shape."""
    return bool(click.get_current_context().meta[SEVERAL])


class Nobody(tuple[str, ...]):
    """What an option has of an empty standard input. It is equal to nothing else: without the option all are meant."""

    __hash__ = tuple.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other


NOBODY: tuple[str, ...] = Nobody()


def some(words: tuple[str, ...], found: tuple[str, ...]) -> tuple[str, ...]:
    """What was found of the words of an option."""
    return NOBODY if words and not found else found


def users(whose: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """As `emails`, by an option that may be left out. It gets `emails`: NOBODY where the option was given for none."""
    return click.option(
        "--user",
        "emails",
        metavar="EMAIL",
        multiple=True,
        callback=lambda ctx, param, words: some(words, once(ctx, param, words)),
        help=f"{whose}. May be repeated; - reads them from standard input, one a line.",
    )


class Once(click.Option):
    """An option that chooses, of which click would let the last win and drop the others in silence."""

    def __init__(self, *args: Any, callback: Callable[..., Any] | None = None, **more: Any) -> None:
        def only(ctx: click.Context, param: click.Parameter, found: tuple[Any, ...]) -> Any:
            if len(found) > 1:
                raise click.UsageError(f"{self.opts[0]} takes one only. Give it once.", ctx)
            value = found[0] if found else None
            return callback(ctx, param, value) if callback else value

        super().__init__(*args, callback=only, **(more | {"multiple": True}))


class Email(click.ParamType):
    """An e-mail, whoever has it."""

    name = "e-mail"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        for fault in site.email.faults(value):
            self.fail(f"'{value}': {fault}", param, ctx)
        return str(value).strip()


class Place(click.ParamType):
    """An address, or all of a network."""

    name = "ADDRESS|CIDR"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> "Network":
        try:
            return site.network.exactly(value)
        except NotAccepted as slip:
            return self.fail(str(slip), param, ctx)


class Count(click.IntRange):
    """How many, or after how many; no more than any table has."""

    def __init__(self, least: int) -> None:
        super().__init__(least)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        found = super().convert(value, param, ctx)
        return found if found <= MOST else self.fail(f"{value} is too many. Give {MOST} at most.", param, ctx)


class Id(click.IntRange):
    """The number of a row, as its listing shows it."""

    name = "ID"

    def __init__(self) -> None:
        super().__init__(1, MOST)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            return self.fail(f"'{value}' is no number of a row. Give one that the listing shows.", param, ctx)


def at_most_one(given: Mapping[str, object]) -> str | None:
    """The one option that was given, or None. Two of them are a slip."""
    names = [name for name, value in given.items() if value not in (None, False, ())]
    if len(names) > 1:
        raise click.UsageError(f"Give only one of {listed(names, 'and')}.")
    return names[0] if names else None


def exactly_one(given: Mapping[str, object]) -> str:
    name = at_most_one(given)
    if name is None:
        raise click.UsageError(f"Say which: give {listed(list(given), 'or')}.")
    return name


def listed(names: list[str], word: str) -> str:
    return f"{', '.join(names[:-1])} {word} {names[-1]}"


def password(way: str | None, email: str) -> str:
    """The password by the way that was chosen, for whom the e-mail is of."""
    if way == GENERATE:
        return site.password.generated()
    if output.is_terminal(sys.stdin):
        return typed(email)
    return read()


def check_way(way: str | None) -> None:
    """Nobody is asked where nobody can answer."""
    if way is None and not output.is_terminal(sys.stdin):
        raise click.UsageError(
            f"There is no terminal to ask for a password. Give {listed([STDIN, GENERATE, LINK], 'or')}."
        )


def typed(email: str) -> str:
    """Asked twice, unseen, and again until it can be taken."""
    while True:
        text = click.prompt("Password", hide_input=True, confirmation_prompt="The same again", err=True)
        faults = site.password.faults(text, email)
        if not faults:
            return text
        output.note(" ".join(faults))


def one() -> str:
    """A password that is to be looked at, asked for once, or the first line of standard input."""
    return click.prompt("Password", hide_input=True, err=True) if output.is_terminal(sys.stdin) else read()


def read() -> str:
    line = sys.stdin.buffer.readline().removesuffix(b"\n").removesuffix(b"\r") if sys.stdin else b""
    if not line:
        raise click.UsageError("Standard input holds no password. Send it as the first line.")
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise click.UsageError("The password on standard input is not UTF-8. Send it in that encoding.") from None


def confirm(question: str, yes: bool, why: str = "This cannot be undone") -> None:
    """Exits as refused unless told yes, by `--yes` or at the terminal; `why` it is asked.

    Raises Declined where nobody can be asked.
    """
    if yes or output.is_dry_run():
        return
    if not output.is_terminal(sys.stdin):
        raise Declined(f"{why}, and there is no terminal to ask at.", "Add --yes if it is meant.")
    if not click.confirm(output.laid_out(question, sys.stderr), err=True):
        output.note("Nothing was changed.")
        click.get_current_context().exit(Declined.exit_code)
