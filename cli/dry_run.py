"""`--dry-run`: what would be done is said, and nothing is changed."""

from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from typing import Any, TypeVar

import click

from . import output, site

T = TypeVar("T")
OPTION = click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")


def offered(command: Callable[..., T]) -> Callable[..., T]:
    """For acts that write to the database alone: they are done, told, and taken back. Goes inside `site.within`.

    Nobody is asked, and no link or password is printed: it would be worth nothing.
    """

    @OPTION
    @wraps(command)
    def run(*args: Any, dry_run: bool, **options: Any) -> T:
        if not dry_run:
            return command(*args, **options)
        with site.trial.trying() as undo, output.dry_run(undo):
            return command(*args, **options)

    return run


def handed_on(command: Callable[..., T]) -> Callable[..., T]:
    """For acts that also write elsewhere: the command gets `dry_run`, and must not let them."""

    @OPTION
    @wraps(command)
    def run(*args: Any, dry_run: bool, **options: Any) -> T:
        with output.dry_run(lambda: None) if dry_run else nullcontext():
            return command(*args, dry_run=dry_run, **options)

    return run
