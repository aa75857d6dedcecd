"""Migrating the database."""

from collections.abc import Callable
from copy import copy
from functools import wraps
from typing import Any

import click

from . import site

# Those of Flask-Migrate's commands that keep a site; it has more, for who changes the tables.
COMMANDS = {
    "check": "Say whether the tables are what this version needs.",
    "current": "Show which version the database has.",
    "downgrade": "Bring the database back to an earlier version.",
    "history": "Show all versions.",
    "upgrade": "Bring the database up to this version.",
}


class Migrations(click.Group):
    """Flask-Migrate's own group, loaded when one of its commands is asked for; the site is built when one is run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        command = copy(site.migrations.db.get_command(ctx, name))
        if command and command.callback:
            command.callback = site.within(begun(command.callback), migrated=False)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def begun(command: Callable[..., Any]) -> Callable[..., Any]:
    """With what the group itself lays ready for its commands."""

    @wraps(command)
    def run(*args: Any, **options: Any) -> Any:
        click.get_current_context().invoke(site.migrations.db)
        return command(*args, **options)

    return run


@click.group(cls=Migrations)
def db() -> None:
    """Migrate the database, as `flask db` does.

    \b
    Example:
      netflix-admin db upgrade
    """
