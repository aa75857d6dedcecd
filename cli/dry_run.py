"""`--dry-run` for commands whose acts write to the database alone: they are done, told, and taken back."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click

from . import output, site

T = TypeVar("T")


def offered(command: Callable[..., T]) -> Callable[..., T]:
    """Goes inside `site.within`. Nobody is asked, and no link or password is printed: it would be worth nothing."""

    @click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
    @wraps(command)
    def run(*args: Any, dry_run: bool, **options: Any) -> T:
        if not dry_run:
            return command(*args, **options)
        with site.trial.trying() as undo, output.dry_run(undo):
            return command(*args, **options)

    return run
