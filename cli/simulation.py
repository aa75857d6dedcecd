"""What a policy would have done to a log: `limits simulate`."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

import click

from . import asking, formats, output, site
from .formats import Column, Listing
from .times import in_short

if TYPE_CHECKING:
    from netflix.limits.policy import PolicyRule
    from netflix.signin.logged import Log
    from netflix.signin.simulation import Simulation, Tally


class Measure(NamedTuple):
    """One number of a simulation, under the present policy and the proposed one; None where a policy has it not."""

    of: str
    what: str
    unit: str
    present: int | None
    proposed: int | None

    def shown(self, number: int | None) -> str:
        if number is None:
            return "-"
        if self.unit == "seconds":
            return in_short(number) if number else "no wait"
        return f"{number:,}"


MEASURES = (
    Column("of", "Of", role=lambda _: "quiet"),
    Column("what", "What", role=lambda row: "noun" if row.unit == "seconds" else "", shrinks=True),
    Column("present", "Present", show=lambda row: row.shown(row.present), right=True, type="integer?"),
    Column("proposed", "Proposed", show=lambda row: row.shown(row.proposed), right=True, type="integer?"),
    Column("unit"),
)
LOG = click.Path(exists=True, dir_okay=False, allow_dash=True)
STDIN = "-"
# Bytes that are read in about a second.
WORTH_A_BAR = 10_000_000


@click.command()
@click.argument("log", metavar="LOG", type=LOG)
@click.option(
    "--policy",
    "file",
    cls=asking.Once,
    type=click.Path(exists=True, dir_okay=False),
    help="A file of lines such as NETFLIX_LOGIN_LIMIT=3 per minute, to set beside the present policy.",
)
@click.option(
    "--log-format",
    type=click.Choice(["events", "access"]),
    help="What LOG is; by default its first line tells.",
)
@click.option(
    "--worst", type=click.IntRange(0, 1000), metavar="N", default=10, show_default=True, help="So many people by name."
)
@formats.listing(MEASURES)
@partial(site.within, migrated=False)
def simulate(log: str, file: str | None, log_format: str | None, worst: int, listing: Listing) -> None:
    """Replay a log of sign-ins: attackers stopped, real people hit.

    LOG holds events as `events export` prints them, or is the access log of a server before the site, in the common
    or combined format; it may be gzip, and - is standard input. The limits count as the site does, by the log's own
    times. Redis, the database and the site's counters are not touched.

    Real people are accounts that were signed in to from an address, at any time in the log, and all attempts of that
    account from there are theirs: somebody who guessed right counts as real too. An address is an attacker's when
    nobody ever signed in from it, or when it failed on more than five accounts that nobody ever signed in to from
    there: somebody who forgot the password and gave up counts as one too. The rest, such as a mistyped e-mail at
    home, is unclear. An access log names no accounts: there a person is an address, the limits of an account are left
    out, and a browser counts as known after it signed in.

    What a limit refused is no event, so the record has only what was let in at the time; an access log has both.

    \b
    Example:
      netflix-admin limits simulate access.log --policy stricter.env
    """
    present = site.config.current()
    configs = [present]
    if file:
        configs.append(site.proposal.proposed(text_of(file), present, site.replay.limits()))
    simulation = site.simulation.Simulation(configs, worst)
    read = replayed(simulation, log, log_format)
    if not simulation.everybody.attempts:
        raise site.errors.NotFound(
            f"There is no attempt to sign in among {read.lines:,} line{'s' * (read.lines != 1)}.",
            "Give a log that has some: `netflix-admin events export`, or a server's with POST /login.",
        )
    if not file and listing.form == "table" and output.is_terminal(sys.stdout):
        listing = replace(listing, columns=[column for column in listing.columns if column.field != "proposed"])
    listing.print(measures(simulation, bool(file)), "")
    for note in notes(read, simulation, bool(file)):
        listing.note(note)


def text_of(file: str) -> str:
    try:
        return Path(file).read_text()
    except UnicodeDecodeError:
        raise click.UsageError(f"{file} is not UTF-8. Write the policy in that encoding.") from None


def replayed(simulation: "Simulation", name: str, form: str | None) -> "Log":
    """With a bar that tells how far it is, at a terminal and where it takes a while."""
    size = 0 if name == STDIN else Path(name).stat().st_size
    seen = size > WORTH_A_BAR and output.is_terminal(sys.stderr)
    with ExitStack() as opened:
        file: IO[bytes] = opened.enter_context(click.open_file(name, "rb"))
        bar = opened.enter_context(click.progressbar(length=size, label="Replaying", file=sys.stderr, hidden=not seen))
        tell = (lambda: bar.update(file.tell() - bar.pos)) if seen else (lambda: None)
        log = site.logged.Log(file, site.logged.Form(form) if form else None, tell)
        simulation.run(log)
    return log


def measures(simulation: "Simulation", is_compared: bool) -> Iterator[Measure]:
    def both(of: str, what: str, unit: str, numbers: "list[int] | list[int | None] | tuple[int, ...]") -> Measure:
        return Measure(of, what, unit, numbers[0], numbers[1] if is_compared else None)

    def tally(of: str, tally: "Tally") -> Iterator[Measure]:
        yield both(of, "attempts", "attempts", [tally.attempts] * 2)
        yield both(of, "attempts refused", "attempts", tally.refused)

    yield from tally("all", simulation.everybody)
    yield both("attackers", "addresses", "addresses", [simulation.attacking_addresses] * 2)
    yield from tally("attackers", simulation.attackers)
    yield both("people", "people", "people", [simulation.persons] * 2)
    yield both("people", "people hit", "people", simulation.hit)
    yield from tally("people", simulation.people)
    yield both("people", "right passwords refused", "attempts", simulation.right_refused)
    yield from tally("unclear", simulation.unclear)
    for rule, refused in simulation.rules():
        yield both("rules", f"refused by {named(rule)}", "attempts", refused)
    for hit in simulation.most_hit():
        who = f"{hit.account} from {hit.address}" if hit.account else hit.address
        yield both("hit", who, "seconds", hit.waits)


def named(rule: "PolicyRule") -> str:
    return f"{rule.limit.name}, {rule.limit.lane}: {rule.amount} in {in_short(rule.window)}"


def notes(log: "Log", simulation: "Simulation", is_compared: bool) -> Iterator[str]:
    if log.unreadable:
        lines = f"{log.unreadable:,} line{'s' * (log.unreadable != 1)}"
        yield f"{lines} could not be read, the first is line {log.first_unreadable:,}."
    if log.disorderly:
        stand = "1 attempt stands" if log.disorderly == 1 else f"{log.disorderly:,} attempts stand"
        yield f"{stand} after later ones, and counted as of then: sort the log by time."
    if is_compared and log.form == "events":
        yield "What was refused at the time is not in the record, so a looser policy would meet more than this."
    if log.form == "access":
        yield "An access log names no accounts: the limits of one account were left out."
    if simulation.forgotten:
        yield f"For want of room {simulation.forgotten:,} counters were forgotten: a little more would be refused."
