"""How often anyone may try: what is counted now, and forgetting it."""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import click

from . import asking, formats, output, policies, site
from .formats import Column, Listing
from .lanes import Account, Address, Device
from .times import in_short

if TYPE_CHECKING:
    from netflix.limits.counter import Standing
    from netflix.limits.key import Key


class Counted(NamedTuple):
    """How a counter stands, and whom it counts: an address, or a user's e-mail where there is one."""

    standing: "Standing"
    who: str

    @property
    def is_nobody(self) -> bool:
        """Whether attempts were made on an e-mail that no user has; only its digest is known."""
        return self.standing.key.limit.lane == "account" and "@" not in self.who

    @property
    def free_in(self) -> int:
        return math.ceil(self.standing.free_in)


COLUMNS = (
    Column("limit", "Limit", lambda row: row.standing.key.limit.name),
    Column("lane", "Lane", lambda row: str(row.standing.key.limit.lane)),
    Column(
        "who",
        "Who",
        show=lambda row: shown(row),
        role=lambda row: "quiet" if row.is_nobody else "noun",
        shrinks=True,
    ),
    Column("used", "Used", lambda row: row.standing.used, type="integer"),
    Column("allowed", "Allowed", lambda row: row.standing.amount, type="integer"),
    Column(
        "left",
        "Left",
        lambda row: row.standing.left,
        role=lambda row: "bad" if row.standing.is_blocked else "",
        type="integer",
    ),
    Column(
        "free_in",
        "Free in",
        show=lambda row: in_short(row.free_in),
        role=lambda row: urgent(row, "quiet"),
        type="integer",
    ),
    Column(
        "window",
        "Counted over",
        lambda row: row.standing.key.window,
        lambda row: in_short(row.standing.key.window),
        spare=True,
        type="integer",
    ),
    Column("blocked", value=lambda row: row.standing.is_blocked, type="boolean"),
    Column("counts", value=lambda row: row.standing.key.limit.counts),
)


def urgent(row: Counted, else_: str = "") -> str:
    return "bad" if row.standing.is_blocked else else_


def shown(row: Counted) -> str:
    if row.is_nobody:
        return f"no user: {row.who[:12]}…"
    return "all strangers" if row.standing.key.limit.lane == "site" else row.who


of_address = click.option(
    "--address",
    "addresses",
    type=Address(),
    multiple=True,
    help="The counters of an address; IPv6 counts as its /64. May be repeated.",
)
of_device = click.option(
    "--device",
    "devices",
    type=Device(),
    multiple=True,
    help="The counters of a known browser, by the digest that the listing shows. May be repeated.",
)
of_site = click.option("--site", "whole_site", is_flag=True, help="The counters of all strangers together.")
of_account = click.option(
    "--account",
    "accounts",
    type=Account(),
    multiple=True,
    help="The counters of an e-mail, whether or not a user has it, or of the digest that the listing shows. "
    "May be repeated.",
)


@click.group()
def limits() -> None:
    """See who has used up their attempts, and let them try again.

    \b
    Example:
      netflix-admin limits list --blocked
    """


@limits.command("list")
@click.option("--blocked", is_flag=True, help="Only who has to wait.")
@formats.listing(COLUMNS)
@site.within
def list_limits(blocked: bool, listing: Listing) -> None:
    """List what is counted, the longest wait first.

    Of an e-mail that no user has, only a digest is known.

    \b
    Example:
      netflix-admin limits list --blocked --format json
    """
    found = {standing.key: standing for standing in site.counter.standings()}.values()
    rows = [row for row in named(found) if row.standing.is_blocked >= blocked]
    rows.sort(key=lambda row: (-row.free_in, -row.standing.used, row.who))
    listing.print(rows, "Nobody has to wait." if blocked else "Nothing is counted now.")


@limits.command()
@of_address
@of_account
@of_device
@of_site
@formats.listing(COLUMNS)
@site.within
def show(
    addresses: tuple[str, ...], accounts: tuple[str, ...], devices: tuple[str, ...], whole_site: bool, listing: Listing
) -> None:
    """Show every limit of one address, e-mail, device or of all.

    \b
    Example:
      netflix-admin limits show --address 192.0.2.7
    """
    asking.exactly_one({"--address": addresses, "--account": accounts, "--device": devices, "--site": whole_site})
    keys = keys_of(addresses, accounts, devices, whole_site)
    found = {standing.key: standing for standing in site.counter.standings(keys)}
    listing.print(named(found.get(key) or untouched(key) for key in keys), "No limit counts it.")


@limits.command()
@of_address
@of_account
@of_device
@of_site
@click.option("--all", "everything", is_flag=True, help="All counters of this site.")
@click.option("--dry-run", is_flag=True, help="Say what would be cleared, and change nothing.")
@click.option("--yes", is_flag=True, help="With --all: do not ask.")
@site.within
def clear(
    addresses: tuple[str, ...],
    accounts: tuple[str, ...],
    devices: tuple[str, ...],
    whole_site: bool,
    everything: bool,
    dry_run: bool,
    yes: bool,
) -> None:
    """Forget what was counted, so that nobody has to wait.

    \b
    Example:
      netflix-admin limits clear --address 192.0.2.7
    """
    asking.exactly_one(
        {
            "--address": addresses,
            "--account": accounts,
            "--device": devices,
            "--site": whole_site,
            "--all": everything,
        }
    )
    if everything and not dry_run:
        asking.confirm("Forget all counters, also of whoever is guessing just now?", yes)
    wanted = None if everything else keys_of(addresses, accounts, devices, whole_site)
    cleared = site.counter.clear(wanted, dry_run)
    chosen = addresses or accounts or devices or (("all strangers",) if whole_site else ())
    whose = f" of {', '.join(chosen)}" if chosen else ""
    counters = f"{cleared} counter{'s' * (cleared != 1)}{whose}"
    if not cleared:
        output.done(f"Nothing was counted{whose}.")
    elif dry_run:
        output.done(f"Would clear {counters}.")
    else:
        output.done(f"Cleared {counters}.")


def keys_of(addresses: Iterable[str], accounts: Iterable[str], devices: Iterable[str], whole_site: bool) -> "list[Key]":
    counters, lane = site.counter.counters(), site.policy.Lane
    wanted = {
        lane.ADDRESS: addresses,
        lane.ACCOUNT: accounts,
        lane.DEVICE: devices,
        lane.SITE: [""] if whole_site else [],
    }
    return [key for which, subjects in wanted.items() for subject in subjects for key in counters.keys(which, subject)]


def untouched(key: "Key") -> "Standing":
    return site.counter.Standing(key, site.counter.counters().amount(key) or 0, 0, 0.0, 0.0, 0.0)


def named(standings: "Iterable[Standing]") -> list[Counted]:
    """With the e-mails of the users whom the account lane counts by a digest."""
    standings = list(standings)
    lane, limit = site.policy.Lane.ACCOUNT, site.policy.SIGN_IN_TO_ACCOUNT
    emails = {}
    if any(standing.key.limit.lane is lane for standing in standings):
        who = site.counter.counters().who
        emails = {who(limit, user.email_key): user.email for user in site.user.User.everyone()}
    return [Counted(standing, emails.get(standing.key.who, standing.key.who)) for standing in standings]


limits.add_command(policies.explain)
limits.add_command(policies.policy)
