"""What the terminal says: sentences for people, and what a command was run for.

What strangers chose (e-mails, user agents) never reaches a terminal raw.
"""

import errno
import os
import re
import select
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

import click

from netflix.errors import Refusal
from netflix.spelling import printable as printable

UNSAID = f"{__name__}.unsaid"
# What takes a dry run back, while there is one.
_undo: Callable[[], None] | None = None


@contextmanager
def dry_run(undo: Callable[[], None]) -> Iterator[None]:
    """Meanwhile whatever is said to be done is said to be tried."""
    global _undo
    _undo = undo
    try:
        yield
    finally:
        _undo = None


def is_dry_run() -> bool:
    return _undo is not None


def one_is_done() -> None:
    """Of several things; a dry run takes it back before the next."""
    if _undo:
        _undo()


def done(sentence: str) -> None:
    """What a command did, or in a dry run would do. It goes on with the rest when nobody can be told."""
    try:
        click.echo(laid_out(f"{'Dry run: ' if is_dry_run() else ''}{printable(sentence)}", sys.stdout))
    except BrokenPipeError:
        say_no_more()
    except OSError as error:
        say_no_more()
        note(f"What was done could not be printed ({error.strerror}).")
        click.get_current_context().find_root().meta[UNSAID] = True


def note(sentence: str) -> None:
    """What a person should know beside the product; not a part of it."""
    click.echo(laid_out(printable(sentence), sys.stderr), err=True)


def idle(sentence: str) -> None:
    """That there was nothing to do: a person wants to know, and cron would mail it."""
    if is_terminal(sys.stdout):
        done(sentence)


def product(text: str, if_unseen: str | None = None) -> None:
    """What the command was run for, alone on its line, so that a script can take it.

    Raises NotPrinted; `if_unseen` is the remedy where that was a secret, which nobody will see again.
    """
    try:
        if sys.stdout is None:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        click.echo(printable(text, keep="\t"))
    except OSError as error:
        say_no_more()
        raise NotPrinted(error, if_unseen) from error


def is_unread(within: float) -> bool:
    """Whether who reads standard output is gone; waits so many seconds to find out."""
    try:
        watched = select.poll()
        watched.register(sys.stdout.fileno(), 0)
    except (OSError, ValueError, AttributeError):
        # No file at all.
        time.sleep(within)
        return False
    return bool(watched.poll(within * 1000))


def say_no_more() -> None:
    """What is still unsaid goes nowhere, and without complaint."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class NotPrinted(Refusal):
    """What was done, and nobody has seen."""

    title = "Not printed"
    remedy = "Mend the output, and look again."

    def __init__(self, error: OSError, remedy: str | None = None, sentence: str | None = None) -> None:
        self.reason = error.strerror
        super().__init__(sentence or f"It was done, but could not be printed ({self.reason}).", remedy)
        self.error = error


def laid_out(text: str, stream: TextIO | None) -> str:
    """At a terminal broken between words; a command to be typed stays whole, so that it can be copied."""
    width = columns(stream)
    if not width or all(len(line) <= width for line in text.split("\n")):
        return text
    from textwrap import fill

    glued = re.sub("`[^`]*`", lambda command: command[0].replace(" ", "\0"), text)
    lines = (fill(line, width, break_long_words=False, break_on_hyphens=False) for line in glued.split("\n"))
    return "\n".join(lines).replace("\0", " ")


def columns(stream: TextIO | None) -> int:
    """How wide a terminal is; 0 where it does not say, or there is none."""
    if stream is None or not is_terminal(stream):
        return 0
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return 0


def alarming(words: str) -> str:
    """In the colour of what is wrong, on standard error, where that is a terminal that shows any."""
    is_plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not is_terminal(sys.stderr)
    return words if is_plain else click.style(words, fg="red", bold=True)


def is_terminal(stream: TextIO | None) -> bool:
    """A stream may have been closed by who started us."""
    return stream is not None and stream.isatty()
