"""One at a time: two of a command that cron starts must not overlap."""

import fcntl
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click

from netflix.errors import Declined

from . import site

T = TypeVar("T")


def one_at_a_time(command: Callable[..., T]) -> Callable[..., T]:
    """Goes inside `site.within`. Of two on the same instance folder the later is refused, or waits with `--wait`.

    The lock goes with the process that holds it, however that ends.
    """

    @click.option("--wait", is_flag=True, help="If it is running already, wait until that has ended.")
    @wraps(command)
    def run(*args: Any, wait: bool, **options: Any) -> T:
        words = named(click.get_current_context())
        with (site.instance() / f"admin-{'-'.join(words)}.lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Declined(
                    f"`netflix-admin {' '.join(words)}` is running already.", "Let it end, or give --wait."
                ) from None
            return command(*args, **options)

    return run


def named(ctx: click.Context) -> list[str]:
    """The words that call a command, after the program's."""
    return [*named(ctx.parent), ctx.info_name or ""] if ctx.parent else []
