"""The rules themselves: `limits policy`, and what they would say to somebody: `limits explain`."""

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import click

from . import formats, site
from .formats import Column, Listing
from .lanes import Account, Address, Device, one
from .times import in_short

if TYPE_CHECKING:
    from netflix.factors.rehearsal import Asked, Objection
    from netflix.limits.rehearsal import Counter
    from netflix.signin.device import Device as Known


class Explained(NamedTuple):
    """A counter that a sign-in would count in, or what else stands against it; `decides` what would refuse it."""

    limit: str
    lane: str
    who: str
    counts: str
    decides: bool
    free_in: int | None
    window: int | None = None
    used: int | None = None
    allowed: int | None = None

    @property
    def role(self) -> str:
        return "bad" if self.decides else ""


EXPLAINED = (
    Column("limit", "Limit"),
    Column("lane", "Lane"),
    Column("who", "Who", role=lambda _: "noun", shrinks=True, spare=True),
    Column("window", "Counted over", show=lambda row: shortly(row.window), type="integer?"),
    Column("used", "Used", role=lambda row: row.role, type="integer?"),
    Column("allowed", "Allowed", type="integer?"),
    Column("free_in", "Free in", show=lambda row: shortly(row.free_in), role=lambda row: row.role, type="integer?"),
    Column(
        "decides",
        "Decides",
        show=lambda row: "this one" if row.decides else "",
        role=lambda row: row.role,
        type="boolean",
    ),
    Column("counts", shrinks=True),
)


def shortly(seconds: int | None) -> str:
    return "-" if seconds is None else in_short(seconds)


def explained(asked: "Asked", objections: "Sequence[Objection]") -> Iterator[Explained]:
    """Every counter, between what comes before the limits and what comes after them."""
    decides = objections[0] if objections else None
    told = [(one, of_other(one, one is decides)) for one in objections if one.counter is None]
    yield from (row for one, row in told if one.name == "ban")
    yield from (of_counter(counter, asked, decides) for counter in asked.counters)
    yield from (row for one, row in told if one.name != "ban")


def of_counter(counter: "Counter", asked: "Asked", decides: "Objection | None") -> Explained:
    limit = counter.key.limit
    return Explained(
        limit.name,
        str(limit.lane),
        asked.email if limit.lane == "account" else counter.key.who,
        limit.counts,
        decides is not None and decides.counter is counter,
        math.ceil(counter.wait),
        counter.key.window,
        counter.used,
        counter.amount,
    )


class InBrowser(NamedTuple):
    """The same sign-in, in a browser that the account knows."""

    device: "Known"
    asked: "Asked"
    objections: "list[Objection]"

    def rows(self) -> Iterator[Explained]:
        """The counters that are its own; the first that stands against it decides there."""
        decides = self.objections[0] if self.objections else None
        for counter in self.asked.counters:
            if counter.key.limit.lane == "device":
                yield of_counter(counter, self.asked, decides)


def in_browsers(address: str, account: str) -> list[InBrowser]:
    found = site.rehearsal.in_known_browsers(address, account)
    return [InBrowser(device, asked, site.rehearsal.against(asked)) for device, asked in found]


def told_of(browsers: Sequence[InBrowser], elsewhere: "Sequence[Objection]") -> Iterator[str]:
    """Each that is refused for a reason of its own; of the others how many there are."""
    known = {str(one.refusal) for one in elsewhere}
    own = [there for there in browsers if any(str(one.refusal) not in known for one in there.objections)]
    for there in own:
        reasons = " ".join(f"{one.refusal.sentence} {one.refusal.remedy}" for one in there.objections)
        yield f"In {there.device.browser}, which it knows ({there.device.who}), it would be refused. {reasons}"
    let_in = sum(not there.objections for there in browsers)
    alike = len(browsers) - len(own) - let_in
    for count, what in ((let_in, "be let in"), (alike, "be refused as elsewhere")):
        if count:
            which = "the browser" if count == 1 else f"the {count} browsers"
            which = which.replace("the", "the other", 1) if count < len(browsers) else which
            yield f"In {which} that it knows it would {what}."


def of_other(objection: "Objection", decides: bool) -> Explained:
    """What is no limit counts nothing, and may end at no time."""
    until = objection.until
    free_in = max(0, math.ceil((until - datetime.now(UTC)).total_seconds())) if until else None
    sentence = objection.refusal.sentence
    return Explained(objection.name, str(objection.lane), objection.who, sentence, decides, free_in)


RULES = (
    Column("limit", "Limit", lambda row: row.limit.name, role=lambda _: "noun"),
    Column("lane", "Lane", lambda row: str(row.limit.lane)),
    Column("amount", "Allowed", type="integer"),
    Column("window", "In", show=lambda row: in_short(row.window), type="integer"),
    Column("counts", "Counts", lambda row: row.limit.counts, spare=True),
    Column(
        "setting",
        "Setting",
        show=lambda row: row.setting or "fixed",
        role=lambda row: "" if row.setting else "quiet",
        type="string?",
    ),
)


@click.command()
@one(Address(), "--address", required=True, help="From where, as the site would see it; IPv6 counts as its /64.")
@one(Account(), "--account", required=True, help="The e-mail that would be typed.")
@one(Device(), "--device", help="In a browser that has signed in before, by the digest that `limits list` shows.")
@formats.listing(EXPLAINED)
@site.within
def explain(address: str, account: str, device: str | None, listing: Listing) -> None:
    """Say whether a sign-in would be let in now: 0, or 7 and why not.

    As if the right password were typed, and the right code where one is asked for. It shows every rule that would
    count it, and what else stands against it (ban, no-user, disabled, no-password, lockdown), and which one decides.
    It is meant for a browser that the account does not know, unless --device names one; each that it knows has its own
    counters (the lane `device`), and is answered for too. Nothing is counted and nothing changed.

    \b
    Example:
      netflix-admin limits explain --address 192.0.2.7 --account ada@example.org
    """
    asked = site.rehearsal.asked(address, account, device or "")
    objections = site.rehearsal.against(asked)
    browsers = [] if device else in_browsers(address, account)
    rows = chain(explained(asked, objections), *(one.rows() for one in browsers))
    listing.print(rows, "No rule counts it.")
    for remark in chain(site.rehearsal.remarks(asked, device or ""), told_of(browsers, objections)):
        listing.note(remark)
    subject = "In any other it" if browsers else "It"
    if refusals := [one.refusal for one in objections]:
        told = " ".join(refusal.sentence for refusal in refusals)
        raise site.errors.Declined(
            f"{subject} would be refused. {told}", " ".join(refusal.remedy for refusal in refusals)
        )
    listing.note(f"{subject} would be let in.")


@click.command()
@formats.listing(RULES)
@partial(site.within, migrated=False)
def policy(listing: Listing) -> None:
    """Show every limit, and the setting that tunes it.

    \b
    Example:
      netflix-admin limits policy --format json
    """
    config = site.config.current()
    listing.print(chain.from_iterable(limit.rules(config) for limit in site.policy.LIMITS), "There is no limit.")
