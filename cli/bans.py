"""Networks that are shut out."""

import ipaddress
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from netflix.errors import NotAccepted, Refusal

from . import asking, cells, formats, output, refusals, site, times
from .formats import Column, Listing

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

    from netflix.bans.ban import Ban
    from netflix.values import Network

COLUMNS = (
    Column("id", "Id", type="integer"),
    Column("network", "Network", show=lambda row: site.network.shown(row.network), role=lambda _: "noun"),
    Column("state", "State", role=lambda row: "bad" if row.is_in_force else "quiet", spare=True),
    Column("until", "Ends", show=lambda row: ends(row), type="date-time?"),
    Column("reason", "Reason", shrinks=True),
    Column("by", "By", role=lambda _: "quiet", spare=True, shrinks=True),
    Column("created_at", "Made", role=lambda _: "quiet", spare=True, type="date-time"),
    Column("revoked_at", type="date-time?"),
)


# To who refuses before the site is asked.
TOLD = [column for column in COLUMNS if column.field in ("network", "until", "reason")]


def ends(row: "Ban") -> str:
    at = row.revoked_at or row.until
    return cells.human(at) if at else "never"


def network(word: str) -> "Network":
    try:
        return site.network.read(word)
    except NotAccepted as slip:
        raise click.UsageError(str(slip)) from slip


def network_or_id(word: str) -> "Network | int":
    return int(word) if word.isascii() and word.isdigit() and len(word) < 10 else network(word)


def several(metavar: str, read: Callable[[str], object]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """One or several, or with `-` those on standard input, one a line; all are read before anything is done."""

    def found(ctx: click.Context, param: click.Parameter, words: tuple[str, ...]) -> list[object]:
        # As published lists have them.
        return list(dict.fromkeys(map(read, asking.lines(ctx, param, words, comments="#;"))))

    return click.argument("networks", metavar=metavar, nargs=-1, required=True, callback=found)


@click.group()
def bans() -> None:
    """Shut networks out, see which are, and let them in again.

    \b
    Example:
      netflix-admin bans add 203.0.113.0/24 --for 7d --reason "guessed all night"
    """


@bans.command()
@several("ADDRESS|CIDR...", network)
@click.option("--for", "lasts", type=times.While(), help="How long: 30m, 24h, 7d, 2w. Without it for good.")
@click.option("--reason", metavar="WORDS", default="", help="For operators; nobody who is shut out sees it.")
@click.option("--dry-run", is_flag=True, help="Say what would be banned, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask, and shut out proxies and this machine too.")
@site.within
def add(networks: "list[Network]", lasts: timedelta | None, reason: str, dry_run: bool, yes: bool) -> None:
    """Shut out addresses and networks, whoever is signed in from there.

    An IPv6 address alone stands for its /64, which is one household; write /128 for that address and no other.
    One that is banned already gets the new end, and the new reason when there is one. Of several, `-` for those on
    standard input (with what comes after # or ; left out), those that stay as they are are not told.

    \b
    Example:
      netflix-admin bans add 203.0.113.7 2001:db8::/48 --for 7d
    """
    until = times.until(lasts)
    whose = {session.address: session.user.email for session in site.session.Session.of_administrators()}
    allowed: list[Network] = []
    became: Counter[str] = Counter()

    def check(which: "Network") -> None:
        if not yes:
            site.ban.check(which)
        for address in site.ban.covered(which, whose):
            name = site.network.shown(which)
            why = f"{name} shuts out {whose[address]}, an administrator who is signed in from {address}"
            asking.confirm(f"{output.printable(why)}. Go on?", yes or dry_run, why)
        allowed.append(which)

    refused = refusals.of_each(networks, check)
    try:
        with bar(len(allowed), "Banning") as progress:
            for begin in range(0, len(allowed), site.ban.TOGETHER):
                batch = allowed[begin : begin + site.ban.TOGETHER]
                outcomes = site.ban.add_all(batch, until, reason, dry_run)
                became.update(outcomes)
                for which, outcome in zip(batch, outcomes, strict=True):
                    if len(networks) == 1 or (outcome != "already" and len(networks) < MANY):
                        words = WOULD[outcome] if dry_run else SAID[outcome]
                        output.done(f"{site.network.shown(which)} {words} {until_words(until)}.")
                progress.update(len(batch))
    finally:
        if len(networks) >= MANY and became["added"] + became["renewed"]:
            told = [f"{became[outcome]:,} {SUMS[outcome]}" for outcome in SUMS if became[outcome]]
            output.done(f"{'This would be: ' if dry_run else ''}{', '.join(told)}, {until_words(until)}.")
        tell_when(not dry_run and became["added"] + became["renewed"] > 0)
    refusals.tell(networks, refused)


# So many are told of in sum.
MANY = 50
SAID = {"added": "is banned", "renewed": "was banned already, and now is", "already": "is banned already,"}
WOULD = {"added": "would be banned", "renewed": "is banned already, and would be", "already": "is banned already,"}
SUMS = {"added": "new bans", "renewed": "renewed", "already": "as they were"}


def bar(length: int, label: str) -> "ProgressBar[int]":
    """For who waits and watches."""
    is_hidden = length < MANY * 10 or not output.is_terminal(sys.stderr)
    return click.progressbar(length=length, label=label, file=sys.stderr, hidden=is_hidden)


def until_words(until: datetime | None) -> str:
    return f"until {cells.iso(until)}" if until else "for good"


def tell_when(is_changed: bool) -> None:
    if is_changed:
        output.done(f"Every process of the site knows it within {site.orders.HOLDS_WITHIN} seconds.")


@bans.command("list")
@click.option("--all", "ended_too", is_flag=True, help="Also those that have ended or were revoked.")
@click.option(
    "--address",
    "within",
    cls=asking.Once,
    type=asking.Place(),
    help="Only those that shut out this address or network.",
)
@formats.listing(COLUMNS)
@site.within
def list_bans(ended_too: bool, within: "Network | None", listing: Listing) -> None:
    """List who is shut out, the latest first.

    \b
    Example:
      netflix-admin bans list --address 203.0.113.7
    """
    empty = "Nothing shuts it out." if within else "Nobody was ever shut out." if ended_too else "Nobody is shut out."
    listing.print(site.ban.Ban.all(ended_too, within), empty)


@bans.command()
@several("ADDRESS|CIDR|ID...", network_or_id)
@click.option("--dry-run", is_flag=True, help="Say what would be let in, and change nothing.")
@site.within
def revoke(networks: "list[Network | int]", dry_run: bool) -> None:
    """Let networks in again, by name or by the ban's number.

    \b
    Example:
      netflix-admin bans revoke 203.0.113.7
    """
    revoked: dict[int, str] = {}
    refused: list[Refusal] = []
    try:
        with bar(len(networks), "Revoking") as progress:
            for begin in range(0, len(networks), site.ban.TOGETHER):
                batch = networks[begin : begin + site.ban.TOGETHER]
                for outcome in site.ban.revoke_all(batch, dry_run):
                    if isinstance(outcome, Refusal):
                        refused.append(outcome)
                    else:
                        revoked[outcome.id] = outcome.network
                progress.update(len(batch))
    finally:
        tell_revoked(revoked, dry_run)
        tell_when(not dry_run and bool(revoked))
    refusals.tell(networks, refused)


def tell_revoked(revoked: Mapping[int, str], dry_run: bool) -> None:
    """Who is let in, and who is not yet."""
    if len(revoked) >= MANY:
        out = sum(bool(site.ban.still_over(name, revoked)) for name in revoked.values())
        still = f", but {out:,} of them {'is' if out == 1 else 'are'} still shut out by wider bans" if out else ""
        output.done(f"{len(revoked):,} networks {'would be' if dry_run else 'are'} let in again{still}.")
        return
    for name in revoked.values():
        wider = [f"{site.network.shown(row.network)} (ban {row.id})" for row in site.ban.still_over(name, revoked)]
        if wider:
            words = "would no longer be" if dry_run else "is no longer"
            said = f"{words} banned by itself, but still shut out by {', '.join(wider)}"
        else:
            said = f"{'would be' if dry_run else 'is'} let in again"
        output.done(f"{site.network.shown(name)} {said}.")


@bans.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(["nginx", "nft", "json"]),
    default="nginx",
    show_default=True,
    help="nginx: lines to include. nft: a file for `nft -f`. json: an array.",
)
@site.within
@formats.telling(TOLD, Listing)
def export(form: str) -> None:
    """Print the bans in force, for who refuses before the site is asked.

    Their ends are not in it, but for JSON: export again now and then.

    \b
    Example:
      netflix-admin bans export --format nginx > /etc/nginx/netflix-bans.conf
    """
    EXPORTS[form](site.ban.Ban.all())


def as_nginx(rows: "Iterable[Ban]") -> None:
    for batch in formats.batched(rows):
        # Read anew: nginx would do whatever else somebody wrote into the table.
        click.echo("".join(f"deny {ipaddress.ip_network(row.network)};\n" for row in batch), nl=False)


def as_nft(rows: "Iterable[Ban]") -> None:
    """Emptied and filled in one transaction. A set takes no network that lies in another of it."""
    found = [ipaddress.ip_network(row.network) for row in rows]
    click.echo(NFT, nl=False)
    for version, name in ((4, "ipv4"), (6, "ipv6")):
        apart = ipaddress.collapse_addresses(one for one in found if one.version == version)  # type: ignore[type-var]
        for batch in formats.batched(apart):
            click.echo(f"add element inet netflix_bans {name} {{ {', '.join(map(str, batch))} }}")


NFT = """\
table inet netflix_bans {
\tset ipv4 {
\t\ttype ipv4_addr
\t\tflags interval
\t}
\tset ipv6 {
\t\ttype ipv6_addr
\t\tflags interval
\t}
}
flush set inet netflix_bans ipv4
flush set inet netflix_bans ipv6
"""


def as_json(rows: "Iterable[Ban]") -> None:
    Listing(TOLD, "json").print(rows, "")


EXPORTS = {"nginx": as_nginx, "nft": as_nft, "json": as_json}
