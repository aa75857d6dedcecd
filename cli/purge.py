"""Throwing away what has run out."""

import sys
from collections import Counter
from datetime import timedelta

import click

from . import asking, cells, output, site, times
from .lock import one_at_a_time

# What takes longer than a second, so that a bar is worth it.
MANY = 20_000
# Who keeps less of the record may have meant months by `m`.
SHORT = timedelta(days=30)


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would go, and change nothing.")
@click.option(
    "--keep", type=times.While(), help="Delete events older than this too, such as 365d; below 30d it is asked about."
)
@click.option(
    "--unverified",
    type=asking.Count(0),
    metavar="N",
    default=0,
    help="With --keep: let events up to N go, which nothing can verify, since their password key is lost.",
)
@click.option("--yes", is_flag=True, help="With --keep below 30d, or --unverified: do not ask.")
@click.option("--batch", type=asking.Count(1), metavar="N", help="Delete no more rows than this at a time.")
@click.option("--max-runtime", type=times.While(), help="Stop after this, such as 60s; the next run goes on.")
@site.within
@one_at_a_time
def purge(
    dry_run: bool,
    keep: timedelta | None,
    unverified: int,
    yes: bool,
    batch: int | None,
    max_runtime: timedelta | None,
) -> None:
    """Delete what has run out: sessions, links, mails, accounts.

    For cron: it says nothing when nothing was done. It deletes in small batches with rests between them, so that
    nobody who signs in meanwhile waits. With --keep the oldest events go too; what is left can still be verified.

    \b
    Example:
      netflix-admin purge --keep 365d --max-runtime 60s
    """
    if unverified and not keep:
        raise click.UsageError("--unverified is about events, and no event goes without --keep. Give both.")
    before = times.ago(keep)
    if dry_run:
        site.expiry.check(before, unverified)
        tell("Would delete", site.expiry.expired(before))
        return
    if keep and before and (keep < SHORT or unverified):
        unseen = f", those up to {unverified} unverified" if unverified else ""
        old = f"all events from before {cells.iso(before)}{unseen}"
        asking.confirm(f"Delete {old}, for ever?", yes, f"It would delete {old}, for ever")
    pace = site.expiry.Pace(batch or site.expiry.Pace.MOST, max_runtime)
    seen = output.is_terminal(sys.stderr)
    many = site.expiry.expired(before).total() if seen else 0
    gone: Counter[str] = Counter()
    try:
        with click.progressbar(length=many, label="Deleting", file=sys.stderr, hidden=many < MANY) as bar:
            site.expiry.purge(pace, before, gone, bar.update, unverified)
    finally:
        # Also of one that was stopped half way.
        tell("Deleted", +gone)
    left = site.expiry.expired(before) if seen and pace.is_over else None
    if left:
        output.note(f"Left for the next run: {site.expiry.in_words(left)}.")


def tell(verb: str, found: "Counter[str]") -> None:
    if found:
        output.done(f"{verb} {site.expiry.in_words(found)}.")
