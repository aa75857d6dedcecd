"""How often anyone may try: what is counted now, and forgetting it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from . import asking, counters, formats, output, policies, simulation, site
from .formats import Listing
from .lanes import BEGINNING, LANES, Address, Counted, Device, browsers, several

if TYPE_CHECKING:
    from netflix.limits.key import Key
    from netflix.limits.standing import Standing

# In a sentence.
MOST_NAMED = 5


of_address = several(Address(), "--address", "addresses", help="The counters of an address; IPv6 counts as its /64.")
of_device = several(
    Device(), "--device", "devices", help="The counters of a known browser, by the digest that the listing shows."
)
of_account = several(
    Counted(),
    "--account",
    "accounts",
    help="The counters of an e-mail, whether or not a user has it, and of the browsers that the user's account knows; "
    "or of the digest that the listing shows, of which the first 12 digits are enough.",
)
of_site = click.option("--site", "whole_site", is_flag=True, help="The counters of all strangers together.")


@click.group()
def limits() -> None:
    """See who has used up their attempts, and let them try again.

    \b
    Example:
      netflix-admin limits list --blocked
    """


@limits.command()
@of_address
@of_account
@of_device
@of_site
@formats.listing(counters.COLUMNS)
@site.within
def show(
    addresses: tuple[str, ...], accounts: tuple[str, ...], devices: tuple[str, ...], whole_site: bool, listing: Listing
) -> None:
    """Show every limit of one address, e-mail, device or of all.

    With the first and the last attempt that still count, and when the next one is free.

    \b
    Example:
      netflix-admin limits show --address 192.0.2.7
    """
    asking.exactly_one({"--address": addresses, "--account": accounts, "--device": devices, "--site": whole_site})
    keys = keys_of(subjects(addresses, whole(accounts, must_count=True), devices or browsers(accounts), whole_site))
    found = {standing.key: standing for standing in site.standing.read(keys)}
    if listing.is_for_a_person and listing.columns == counters.COLUMNS and len({key.who for key in keys}) == 1:
        listing = replace(listing, columns=counters.OF_ONE)
    listing.print(
        counters.named((found.get(key) or untouched(key) for key in keys), spelt(accounts)), "No limit counts it."
    )


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
    if asking.NOBODY in (addresses, accounts, devices):
        return
    if everything and not dry_run:
        asking.confirm("Forget all counters, also of whoever is guessing just now?", yes)
    known = browsers(accounts)
    # The act knows the browsers of an account itself.
    counted = subjects(addresses, whole(accounts), devices or known * dry_run, whole_site)
    cleared = forgotten(counted, everything, dry_run)
    chosen = addresses or accounts or devices or (("all strangers",) if whole_site else ())
    more = f" and {len(chosen) - MOST_NAMED:,} more" if len(chosen) > MOST_NAMED else ""
    beside = f" and {len(known):,} known browser{'s' * (len(known) != 1)}" * bool(known)
    whose = f" of {', '.join(chosen[:MOST_NAMED])}{more}{beside}" if chosen else ""
    counters = f"{cleared:,} counter{'s' * (cleared != 1)}{whose}"
    if not cleared:
        output.done(f"Nothing was counted{whose}.")
    elif dry_run:
        output.done(f"Would clear {counters}.")
    else:
        output.done(f"Cleared {counters}.")


Subjects = Sequence[tuple[str, Sequence[str]]]


def subjects(addresses: Sequence[str], accounts: Sequence[str], devices: Sequence[str], whole_site: bool) -> Subjects:
    """Of each lane those that were given."""
    given = (addresses, accounts, devices, [""] if whole_site else [])
    return [(lane, those) for lane, those in zip(LANES, given, strict=True) if those]


def whole(accounts: Sequence[str], must_count: bool = False) -> Sequence[str]:
    """With the digests in place of their beginnings, for which alone Redis is searched; `must_count` something."""
    beginnings = list(filter(BEGINNING.fullmatch, accounts))
    begun = site.counter.digests(beginnings) if beginnings else {}
    for beginning, found in begun.items():
        if len(found) > 1:
            raise click.UsageError(f"The digests of {len(found)} e-mails begin with {beginning}. Give more of it.")
        if must_count and not found:
            raise site.errors.NotFound(
                f"Nothing is counted of an e-mail whose digest begins with {beginning}.",
                "See `netflix-admin limits list --lane account`.",
            )
    return [one for account in accounts for one in begun.get(account, [account])]


def keys_of(chosen: Subjects) -> "list[Key]":
    keys, lane_of = site.counter.counters().keys, site.policy.Lane
    return [key for lane, those in chosen for one in those for key in keys(lane_of(lane), one)]


def forgotten(chosen: Subjects, everything: bool, dry_run: bool) -> int:
    if dry_run:
        return site.counter.clear(None if everything else keys_of(chosen), dry_run=True)
    if everything:
        return site.freeing.free_all()
    return sum(site.freeing.free(site.policy.Lane(lane), those) for lane, those in chosen)


def untouched(key: "Key") -> "Standing":
    return site.standing.Standing(key, site.counter.counters().amount(key) or 0, 0, 0.0, 0.0, 0.0)


def spelt(accounts: Iterable[str]) -> dict[str, str]:
    """The users' e-mails, by digest, of those that were typed as such."""
    users = (site.user.User.known_as(account) for account in accounts if "@" in account)
    digest = site.counter.counters().digest
    return {digest(user.email_key): user.email for user in users if user}


limits.add_command(counters.list_limits)
limits.add_command(policies.explain)
limits.add_command(policies.policy)
limits.add_command(simulation.simulate)
