"""One at a time: two of a command that cron starts must not overlap."""

import fcntl
import sys
import time
from collections.abc import Callable
from functools import wraps
from typing import IO, Any, TypeVar

import click

from netflix.errors import Declined

from . import output, site

# In seconds: what cron starts again and again must not pile up behind one that hangs.
LONGEST_WAIT = 3600
LOOK_EVERY = 0.2
T = TypeVar("T")


def one_at_a_time(command: Callable[..., T]) -> Callable[..., T]:
    """Goes inside `site.within`. Of two on the same instance folder the later is refused, or waits with `--wait`.

    The lock goes with the process that holds it, however that ends.
    """

    @click.option("--wait", is_flag=True, help="If it is running already, wait until that has ended, an hour at most.")
    @wraps(command)
    def run(*args: Any, wait: bool, **options: Any) -> T:
        words = named(click.get_current_context())
        with (site.instance() / f"admin-{'-'.join(words)}.lock").open("w") as file:
            take(file, f"`netflix-admin {' '.join(words)}` is running already", wait)
            return command(*args, **options)

    return run


def take(file: IO[str], why: str, wait: bool) -> None:
    """The lock. Raises Declined while another has it, at once or in the end."""
    ends = time.monotonic() + LONGEST_WAIT
    is_told = not output.is_terminal(sys.stderr)
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not wait:
                raise Declined(f"{why}.", "Let it end, or give --wait.") from None
            if time.monotonic() >= ends:
                raise Declined(f"{why}, and did not end in an hour.", "See why it hangs, and end it.") from None
        else:
            return
        if not is_told:
            output.note(f"{why}; waiting for it to end. Ctrl-C gives up.")
            is_told = True
        time.sleep(LOOK_EVERY)


def named(ctx: click.Context) -> list[str]:
    """The words that call a command, after the program's."""
    return [*named(ctx.parent), ctx.info_name or ""] if ctx.parent else []
