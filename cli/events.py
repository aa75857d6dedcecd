"""What happened: the record, read, followed and checked."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import click

from . import asking, cells, formats, lanes, output, site, times
from .formats import Column, Listing

if TYPE_CHECKING:
    from netflix.events.event import Wanted
    from netflix.values import Network

LOOK_EVERY = 0.5


COLUMNS = (
    Column("id", "Id", lambda row: row.event.id, type="integer"),
    Column("at", "When", lambda row: row.event.at, lambda row: cells.iso(row.event.at), type="date-time"),
    Column("kind", "What", lambda row: row.event.kind, role=lambda row: "bad" if row.event.is_warning else ""),
    Column("user", "User", lambda row: row.email, role=lambda _: "noun", shrinks=True, type="string?"),
    Column("user_id", value=lambda row: row.event.user_id, type="integer?"),
    Column("by", "By", lambda row: row.event.by, role=lambda _: "quiet", spare=True),
    Column("address", "From", lambda row: row.event.address, shrinks=True),
    Column(
        "detail",
        "Detail",
        lambda row: row.event.details,
        lambda row: ", ".join(f"{name}={value}" for name, value in row.event.details.items()),
        lambda _: "quiet",
        spare=True,
        shrinks=True,
        type="object",
    ),
)


def completed(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    return sorted(kind for kind in site.event.Kind if kind.startswith(incomplete))


def choosing(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say which events."""
    for option in reversed(
        (
            click.option(
                "--kind",
                "kinds",
                metavar="KIND",
                multiple=True,
                shell_complete=completed,
                help="Only these, such as authn_login_fail; may be repeated.",
            ),
            asking.users("Only those about this user"),
            lanes.several(
                lanes.Counted(),
                "--account",
                "accounts",
                help="Only those that name this e-mail by its digest: of attempts where no user has it, and of changes "
                "to or from it.",
            ),
            lanes.several(
                asking.Place(),
                "--address",
                "places",
                help="Only those from this address or network.",
            ),
            click.option(
                "--since", type=times.Since(), cls=asking.Once, help="Only since then: 30m, 24h, 7d or 2026-11-24."
            ),
        )
    ):
        command = option(command)
    return command


@click.group()
def events() -> None:
    """Read what happened, and check that nobody changed the record.

    \b
    Example:
      netflix-admin events list --user ada@example.org --since 7d
    """


@events.command("list")
@choosing
@click.option(
    "--limit", "most", type=asking.Count(1), metavar="N", default=50, show_default=True, help="The latest N only."
)
@formats.listing(COLUMNS)
@site.within
def list_events(
    kinds: tuple[str, ...],
    emails: tuple[str, ...],
    accounts: tuple[str, ...],
    places: "tuple[Network, ...]",
    since: datetime | None,
    most: int,
    listing: Listing,
) -> None:
    """List what happened, the latest first.

    \b
    Example:
      netflix-admin events list --kind authn_login_fail --since 24h
    """
    found = site.listing.latest(wanted(kinds, emails, accounts, places, since), most)
    listing.print(found, "Nothing like that happened.")


@events.command()
@choosing
@click.option(
    "-n",
    "--lines",
    type=asking.Count(0),
    metavar="N",
    default=10,
    show_default=True,
    help="Start with the last N.",
)
@click.option("--follow/--no-follow", "-f", default=True, show_default=True, help="Go on with what happens next.")
@site.within
def tail(
    kinds: tuple[str, ...],
    emails: tuple[str, ...],
    accounts: tuple[str, ...],
    places: "tuple[Network, ...]",
    since: datetime | None,
    lines: int,
    follow: bool,
) -> None:
    """Show the last events, and each one to come, until Ctrl-C.

    \b
    Example:
      netflix-admin events tail --kind authn_login_fail
    """
    choice = wanted(kinds, emails, accounts, places, since)
    last = list(site.listing.latest(choice, lines)) if lines else []
    shown = Listing(COLUMNS, "table")
    shown.print_lines(reversed(last))
    after = last[0].event.id if last else site.event.length()
    while follow:
        for row in site.listing.following(choice, after):
            shown.print_lines([row])
            after = row.event.id
        site.let_go()
        if output.is_unread(LOOK_EVERY):
            return


@events.command()
@choosing
@site.within
@formats.telling(COLUMNS)
def export(
    kinds: tuple[str, ...],
    emails: tuple[str, ...],
    accounts: tuple[str, ...],
    places: "tuple[Network, ...]",
    since: datetime | None,
) -> None:
    """Print events as JSON lines, the oldest first.

    \b
    Example:
      netflix-admin events export --since 2026-11-01 > november.jsonl
    """
    rows = site.listing.following(wanted(kinds, emails, accounts, places, since))
    Listing(COLUMNS, "jsonl").print(rows, "")


@events.command()
@click.option(
    "--after",
    type=asking.Count(0),
    metavar="N",
    default=0,
    help="Only what came after event N: those up to it were written under a password key that is lost.",
)
@site.within
def verify(after: int) -> None:
    """Check that no event was changed, removed or inserted.

    For cron: silent and 0 when the record is whole, else 7 and a line for each place.

    \b
    Example:
      netflix-admin events verify
    """
    if site.verification.is_under_another_key():
        raise site.errors.Declined(
            "The password key is another one than the record was written under (or all of the record was changed).",
            f"Put back the `password.key` that was in {site.instance()} (or set NETFLIX_PASSWORD_KEY), and try again.",
        )
    if (last := site.event.length()) < after:
        raise site.errors.Declined(
            f"The record ends with event {last}, and not after {after}.",
            "Correct the number; if it was right once, the end of the record is gone: bring back a backup.",
        )
    faults = list(site.verification.faults(after=after))
    unknown = site.verification.last_unknown() if faults else 0
    if unknown > after and not list(site.verification.faults(after=unknown)):
        output.product(f"No event up to {unknown} is what this password key would have made of it; all later ones are.")
        raise site.errors.Declined(
            f"Events up to {unknown} are from another password key, or were tampered with: nothing here tells which.",
            f"Only if the key was lost then, go on with `netflix-admin events verify --after {unknown}`; "
            "else compare them with the log and a backup.",
        )
    for fault in faults:
        output.product(fault)
    if faults:
        raise site.errors.Declined("The record of events was tampered with.", "Compare it with the log and a backup.")


def wanted(
    kinds: tuple[str, ...],
    emails: tuple[str, ...],
    accounts: tuple[str, ...],
    places: "tuple[Network, ...]",
    since: datetime | None,
) -> "Wanted":
    if asking.NOBODY in (emails, accounts, places):
        click.get_current_context().exit()
    known = {str(kind) for kind in site.event.Kind}
    for kind in set(kinds) - known:
        raise click.BadParameter(
            f"There is no event '{kind}'. There are: {', '.join(sorted(known))}.", param_hint="'--kind'"
        )
    one = [place for place in places if place.num_addresses == 1]
    addresses, networks = tuple(str(place.network_address) for place in one), tuple(set(places) - set(one))
    users = tuple(site.user.User.named(email).id for email in emails)
    named = tuple(name for account in accounts for name in site.counter.names_in_record(account))
    return site.event.Wanted(kinds, users, addresses, since, accounts=named, networks=networks)
