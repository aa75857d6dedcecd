"""Looking after the database: migrating it, and throwing away what has run out."""

import click

from . import output, site


class Migrations(click.Group):
    """Loads Flask-Migrate when one of its commands is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return site.migrations.db.list_commands(ctx)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        return site.migrations.db.get_command(ctx, name)


@click.group(cls=Migrations)
@site.within
def db() -> None:
    """Migrate the database, as `flask db` does.

    \b
    Example:
      netflix-admin db upgrade
    """
    click.get_current_context().invoke(site.migrations.db)


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would go, and change nothing.")
@site.within
def purge(dry_run: bool) -> None:
    """Delete expired sessions and one-time links.

    For cron: it says nothing when nothing was done, and two at once do no harm.

    \b
    Example:
      netflix-admin purge --dry-run
    """
    gone = site.expiry.expired() if dry_run else site.expiry.purge()
    if any(gone):
        output.done(f"{'Would delete' if dry_run else 'Deleted'} {gone}.")
