"""What goes wrong, told in the terminal: one sentence on stderr, and an exit code."""

import errno
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import TypeVar

import click

from netflix.errors import Refusal

from . import cells, output, site

ARGS = f"{__name__}.args"
T = TypeVar("T")

INTERRUPTED = 130
PARTLY_DONE = 8


class Told(click.ClickException):
    """A refusal as it is printed: a sentence, or JSON when JSON was asked for."""

    def __init__(self, title: str, detail: str, exit_code: int, to_program: bool) -> None:
        super().__init__(detail)
        self.title, self.exit_code, self.to_program = title, exit_code, to_program  # type: ignore[misc]

    def show(self, file: object = None) -> None:
        if self.to_program:
            problem = {"title": self.title, "detail": self.message, "exit_code": self.exit_code}
            click.echo(cells.as_json({"error": problem}), err=True)
        else:
            told = output.laid_out("Error: " + output.printable(self.message, keep="\n"), sys.stderr)
            click.echo(told.replace("Error:", output.alarming("Error:"), 1), err=True)


@contextmanager
def answered(args: Sequence[str], with_traceback: bool = False) -> Iterator[None]:
    """Turns whatever goes wrong inside into what the terminal says and its exit code."""
    try:
        yield
    except (click.exceptions.Exit, click.exceptions.NoArgsIsHelpError):
        raise
    except (KeyboardInterrupt, click.Abort) as stop:
        if output.is_terminal(sys.stderr):
            click.echo(err=True)
        raise click.exceptions.Exit(INTERRUPTED) from stop
    except BrokenPipeError as gone:
        # The reader has seen enough.
        output.say_no_more()
        raise click.exceptions.Exit(0) from gone
    except click.ClickException as error:
        raise Told("Usage", f"{sentence(error)}{see_help(error)}", error.exit_code, wants_json(args)) from error
    except Exception as error:
        if with_traceback:
            raise
        refusal = error if isinstance(error, Refusal) else as_refusal(error)
        raise Told(refusal.title, str(refusal), refusal.exit_code, wants_json(args)) from error


def as_refusal(error: Exception) -> Refusal:
    """What the libraries below raise, in the words of the site."""
    if isinstance(error, site.database_errors.DBAPIError):
        return site.database.refusal(error)
    if isinstance(error, site.redis_errors.RedisError):
        return site.outage.refusal(error, is_own=False)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        output.say_no_more()
        return Refusal(
            f"What was to be written found no room ({error.strerror}).", "Make room on that disk, and run it again."
        )
    return Refusal(
        f"Something unexpected failed: {type(error).__name__}: {error}.",
        "Run it again as `netflix-admin --traceback …` to see where.",
    )


def sentence(error: click.ClickException) -> str:
    """Click breaks some into lines, and leaves those without an end."""
    words = " ".join(error.format_message().split())
    return words if words.endswith((".", "?", "!")) else f"{words}."


def see_help(error: click.ClickException) -> str:
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    return f" See `{ctx.command_path} --help`." if ctx else ""


def wants_json(args: Sequence[str]) -> bool:
    """Read off the words as typed, since what went wrong may be the reading of them."""
    words = " ".join(args).replace("--format=", "--format ").split()
    return any(pair in (("--format", "json"), ("--format", "jsonl")) for pair in pairwise(words))


def for_each(things: Sequence[T], act: Callable[[T], None]) -> None:
    """Does all that can be done; one refusal does not stop the others. Exits with 8 when only some were done."""
    tell(things, of_each(things, act))


def of_each(things: Sequence[T], act: Callable[[T], None]) -> list[Refusal]:
    """Does all that can be done; what was refused is still to be told."""
    refused: list[Refusal] = []
    waiting = list(dict.fromkeys(things))
    for number, thing in enumerate(waiting, 1):
        try:
            act(thing)
        except output.NotPrinted as refusal:
            # Nor would the next one be.
            if left := len(waiting) - number:
                refusal.remedy += f" {left:,} more {'was' if left == 1 else 'were'} not begun."
            refused.append(refusal)
            break
        except Refusal as refusal:
            refused.append(refusal)
        output.one_is_done()
    return refused


def tell(things: Sequence[T], refused: Sequence[Refusal]) -> None:
    """Exits with 8 when only some of these things were refused, with the first one's code when all were."""
    ctx = click.get_current_context()
    args = ctx.find_root().meta[ARGS]
    if len(refused) == 1 and len(set(things)) == 1:
        raise refused[0]
    for one in refused:
        Told(one.title, str(one), one.exit_code, wants_json(args)).show()
    if refused:
        ctx.exit(PARTLY_DONE if len(refused) < len(set(things)) else refused[0].exit_code)
