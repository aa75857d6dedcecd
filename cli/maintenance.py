"""The version of the database's tables."""

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from . import asking, dry_run, formats, output, site
from .formats import Column, Listing

if TYPE_CHECKING:
    from netflix.upkeep.migration import Step

COLUMNS = (
    Column("version", "Version", role=lambda _: "noun"),
    Column("applied", "Applied", lambda row: row.is_applied, type="boolean"),
    Column("present", "Now", lambda row: row.is_present, type="boolean"),
    Column("summary", "What it brought", shrinks=True),
)


class Version(click.ParamType):
    """One of those that this code knows, or the word for the first or last."""

    name = "version"

    def __init__(self, word: str) -> None:
        self.word = word

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value in (self.word, *site.schema.versions()):
            return str(value)
        return self.fail(
            f"There is no version '{value}'. Give '{self.word}', or one that `netflix-admin db history` shows.",
            param,
            ctx,
        )


@click.group()
def db() -> None:
    """Migrate the database, as `flask db` does.

    `flask db` has more commands, for who changes the tables.

    \b
    Example:
      netflix-admin db upgrade
    """


@db.command()
@partial(site.within, migrated=False)
def check() -> None:
    """Say whether the tables are what this version needs.

    For cron: silent and 0 when they are, else 6.

    \b
    Example:
      netflix-admin db check
    """
    site.migration.check()


@db.command()
@partial(site.within, migrated=False)
def current() -> None:
    """Show which version the database has.

    \b
    Example:
      netflix-admin db current
    """
    found = site.migration.present()
    output.product(f"{found} (head)" if found == site.schema.head() else found)


@db.command()
@formats.listing(COLUMNS)
@partial(site.within, migrated=False)
def history(listing: Listing) -> None:
    """Show all versions, the newest first.

    \b
    Example:
      netflix-admin db history
    """
    listing.print(site.migration.history(), "There are none.")


@db.command()
@click.argument("version", type=Version("head"), default="head")
@partial(site.within, migrated=False, makes=True)
@dry_run.handed_on
def upgrade(version: str, dry_run: bool) -> None:
    """Bring the database up to this version.

    Silent when it is there already. It may be done while the site serves; one that is not there yet is made.

    \b
    Example:
      netflix-admin db upgrade
    """
    if step := site.migration.ahead(version):
        if not dry_run:
            site.migration.upgrade(step)
        output.done(f"The database is at version {step.after}{came_from(step)}.")


@db.command()
@click.argument("version", type=Version("base"), required=False)
@click.option("--yes", is_flag=True, help="Do not ask whether what the later versions hold may be lost.")
@partial(site.within, migrated=False)
@dry_run.handed_on
def downgrade(version: str | None, yes: bool, dry_run: bool) -> None:
    """Bring the database back to an earlier version.

    By default to the one before; `base` takes all tables away. What only the later versions hold is lost: make a backup
    first. The site must be stopped, and the code that is installed afterwards must be of that version.

    \b
    Example:
      netflix-admin db downgrade 0015
    """
    step = site.migration.back(version)
    if step is None:
        output.note(f"The database is at version {version} already.")
        return
    if step.after == site.migration.BASE:
        asking.confirm("Take all tables away, with everything in them?", yes)
    else:
        asking.confirm(f"Go back from {step.before} to {step.after}, and lose what only later versions hold?", yes)
    if not dry_run:
        site.migration.downgrade(step)
    output.done(f"The database is at version {step.after}{came_from(step)}.")


def came_from(step: "Step") -> str:
    return f", and was at {step.before}" if step.before != site.migration.BASE else ""
