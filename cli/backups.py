"""A copy of the site's data in one file, and its way back."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netflix.errors import Declined

from . import asking, dry_run, output, site
from .lock import one_at_a_time

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

# Bytes that take a second.
LARGE = 64 * 2**20
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", type=click.Path())
@click.option("--yes", is_flag=True, help="Write over a file that is there.")
@site.within
@one_at_a_time
def backup(file: str, yes: bool) -> None:
    """Copy the database into one file, while the site serves.

    In a folder the file is named by the time. The copy is of one moment; sessions, links and mails are not in it, nor
    are the keys: keep a copy of password.key (or NETFLIX_PASSWORD_KEY) in another place, since without it nobody could
    sign in after a restore. For PostgreSQL it needs `pg_dump`.

    \b
    Example:
      netflix-admin backup /var/backups/netflix/
    """
    if not file:
        raise click.UsageError("FILE is empty. Name a file, or a folder.")
    if file == "-":
        raise click.UsageError("A backup is a file that is moved into place once it is whole. Name one, or a folder.")
    if file.endswith("/") and not Path(file).is_dir():
        raise Declined(f"There is no folder '{file.rstrip('/')}'.", "Make it, for its owner alone (mode 700).")
    with progress("Copying") as told:
        path, made = site.backup.back_up(Path(file), yes, told)
    people = f"{made.users:,} user{'s' * (made.users != 1)}"
    output.done(f"Backed up {people} into {path} ({made.size / 1e6:,.1f} MB).")
    if output.is_terminal(sys.stderr):
        key = site.instance() / "password.key"
        where = f"a copy of {key}" if key.exists() else "NETFLIX_PASSWORD_KEY"
        output.note(f"The keys are not in it. Keep {where} in another place: without it nobody could sign in.")


@click.command()
@click.argument("file", type=FILE)
@click.option("--yes", is_flag=True, help="Do not ask whether the present database may be replaced.")
@partial(site.within, migrated=False, makes=True)
@one_at_a_time
@dry_run.handed_on
def restore(file: Path, yes: bool, dry_run: bool) -> None:
    """Replace the database by what a backup holds.

    The site must be stopped, and have the password key that it had. All is checked before anything is changed.
    Everybody is signed out, and links that were mailed are worth nothing. What was changed since the backup is as it
    was then: passwords, second factors, who is disabled. An older version's backup is migrated. For PostgreSQL it
    needs `pg_restore` and `psql`. With --dry-run the backup is read through and checked, also while the site runs.

    \b
    Example:
      netflix-admin restore /var/backups/netflix/netflix-20261125T031500Z.tar
    """
    found = site.restore.looked_at(file, serving=dry_run)
    people = f"{found.users:,} user{'s' * (found.users != 1)}"
    when = found.made_at.replace("+00:00", "Z")
    if site.restore.is_there():
        asking.confirm(f"Replace the database by that of {when}, with {people}?", yes)
    with progress("Restoring") as told:
        (site.restore.rehearse if dry_run else site.restore.restore)(file, told)
    output.done(f"Restored {people} as of {when}. Everybody has to sign in again.")


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """A bar for what is large, at a terminal. What it yields is told how many bytes are done, of how many."""
    with ExitStack() as opened:
        bars: list[ProgressBar[int]] = []

        def told(done: int, of: int) -> None:
            if of >= LARGE and output.is_terminal(sys.stderr):
                if not bars:
                    bars.append(opened.enter_context(click.progressbar(length=of, label=label, file=sys.stderr)))
                bars[0].update(done - bars[0].pos)

        yield told
