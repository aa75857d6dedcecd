"""The rules themselves: which there are, and what they would say to somebody."""

import math
from typing import TYPE_CHECKING, NamedTuple

import click

from . import formats, output, site
from .formats import Column, Listing
from .lanes import Account, Address, Device
from .times import in_short

if TYPE_CHECKING:
    from netflix.limits.policy import Limit
    from netflix.limits.rehearsal import Counter


class Explained(NamedTuple):
    """A counter that a sign-in would count in; `decides` where it is the one that would refuse it."""

    counter: "Counter"
    decides: bool

    @property
    def free_in(self) -> int:
        return math.ceil(self.counter.wait)

    @property
    def role(self) -> str:
        return "bad" if self.decides else ""


EXPLAINED = (
    Column("limit", "Limit", lambda row: row.counter.key.limit.name),
    Column("lane", "Lane", lambda row: str(row.counter.key.limit.lane)),
    Column("who", "Who", lambda row: row.counter.key.who, role=lambda _: "noun", shrinks=True, spare=True),
    Column(
        "window",
        "Counted over",
        lambda row: row.counter.key.window,
        lambda row: in_short(row.counter.key.window),
        type="integer",
    ),
    Column("used", "Used", lambda row: row.counter.used, role=lambda row: row.role, type="integer"),
    Column("allowed", "Allowed", lambda row: row.counter.amount, type="integer"),
    Column("free_in", "Free in", show=lambda row: in_short(row.free_in), role=lambda row: row.role, type="integer"),
    Column(
        "decides",
        "Decides",
        show=lambda row: "this one" if row.decides else "",
        role=lambda row: row.role,
        type="boolean",
    ),
    Column("counts", value=lambda row: row.counter.key.limit.counts),
)


class Rule(NamedTuple):
    """One line of the table of limits: so many attempts in so many seconds."""

    limit: "Limit"
    amount: int
    window: int

    @property
    def setting(self) -> str | None:
        return f"{site.config.PREFIX}{self.limit.setting.upper()}" if self.limit.setting else None


RULES = (
    Column("limit", "Limit", lambda row: row.limit.name, role=lambda _: "noun"),
    Column("lane", "Lane", lambda row: str(row.limit.lane)),
    Column("amount", "Allowed", type="integer"),
    Column("window", "In", show=lambda row: in_short(row.window), type="integer"),
    Column("counts", "Counts", lambda row: row.limit.counts, shrinks=True),
    Column(
        "setting",
        "Setting",
        show=lambda row: row.setting or "fixed",
        role=lambda row: "" if row.setting else "quiet",
        type="string?",
    ),
)


@click.command()
@click.option(
    "--address", type=Address(), required=True, help="From where, as the site would see it; IPv6 counts as its /64."
)
@click.option("--account", type=Account(), required=True, help="The e-mail that would be typed.")
@click.option(
    "--device", type=Device(), help="In a browser that has signed in before, by the digest that `limits list` shows."
)
@formats.listing(EXPLAINED)
@site.within
def explain(address: str, account: str, device: str | None, listing: Listing) -> None:
    """Say whether a sign-in would be let in now: 0, or 7 and why not.

    As if the right password were typed, and the right code where one is asked for. It shows every rule that would
    count it, and which one decides. Nothing is counted and nothing changed.

    \b
    Example:
      netflix-admin limits explain --address 192.0.2.7 --account ada@example.org
    """
    asked = site.rehearsal.asked(address, account, device or "")
    decides = asked.decides
    listing.print([Explained(counter, counter is decides) for counter in asked.counters], "No rule counts it.")
    for remark in site.rehearsal.remarks(asked, device or ""):
        output.note(remark)
    if refusals := site.rehearsal.against(asked):
        told = " ".join(refusal.sentence for refusal in refusals)
        raise site.errors.Declined(f"It would be refused. {told}", " ".join(refusal.remedy for refusal in refusals))
    output.note("It would be let in.")


@click.command()
@formats.listing(RULES)
@site.within
def policy(listing: Listing) -> None:
    """Show every limit, and the setting that tunes it.

    \b
    Example:
      netflix-admin limits policy --format json
    """
    config = site.config.current()
    rows = (Rule(limit, rate.amount, rate.get_expiry()) for limit in site.policy.LIMITS for rate in limit.rates(config))
    listing.print(rows, "There is no limit.")
