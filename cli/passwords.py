"""Which passwords are refused: the operator's own list, what is in use, and a try."""

import re
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import click

from . import asking, dry_run, formats, output, site
from .formats import Column, Listing
from .lock import one_at_a_time

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

    from netflix.accounts.wordlist import Imported


SOUND, ABSENT = "ok", "none"
STDIN = "-"
# In bytes: what takes longer than a second.
LONG = 500_000
LIST = click.Path(exists=True, dir_okay=False, allow_dash=True)


class Listed(NamedTuple):
    """A list of passwords as it lies in the instance folder."""

    name: str
    path: Path
    state: str
    passwords: int | None = None
    size: int | None = None
    error: float | None = None
    source: str | None = None
    made_at: datetime | None = None

    @property
    def is_sound(self) -> bool:
        return self.state in (SOUND, ABSENT)


COLUMNS = (
    Column("name", "List", role=lambda _: "noun"),
    Column("state", "State", role=lambda row: "" if row.is_sound else "bad", shrinks=True),
    Column("passwords", "Passwords", type="integer?"),
    Column("size", "Bytes", type="integer?"),
    Column(
        "error",
        "Wrongly refused",
        # It is an estimate.
        lambda row: row.error and float(f"{row.error:.2g}"),
        lambda row: one_in(row.error),
        spare=True,
        type="number?",
    ),
    Column("made_at", "Made", role=lambda _: "quiet", spare=True, type="date-time?"),
    Column("source", "From", role=lambda _: "quiet", shrinks=True, spare=True, type="string?"),
    Column("path", value=lambda row: str(row.path)),
)


def one_in(error: float | None) -> str:
    """How many good passwords it takes until one is refused."""
    return f"1 in {1 / error:,.0f}" if error else "-"


class Cost(NamedTuple):
    """What a cost takes on this machine."""

    rounds: int
    milliseconds: float
    chosen: bool
    present: bool


COSTS = (
    Column("rounds", "Rounds", type="integer"),
    Column("milliseconds", "Milliseconds", type="number"),
    Column("chosen", "Choice", show=lambda cost: marked(cost), role=lambda cost: "good" * cost.chosen, type="boolean"),
    Column("present", type="boolean"),
)
KEPT = (
    Column("scheme", "Scheme", role=lambda _: "noun", shrinks=True),
    Column("rounds", "Rounds", type="integer?"),
    Column("users", "Users", type="integer"),
    Column("must_change", "Must change", type="integer"),
    Column("state", "State", role=lambda kept: "bad" if kept.is_lost else "quiet", shrinks=True),
)
# Off loopback the site takes no less, and nowhere more.
LEAST_ROUNDS, MOST_ROUNDS = 10, 16
TRIES = 3


class Target(click.ParamType):
    """A short time, in milliseconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = re.fullmatch(r"(\d{1,5}(?:\.\d{1,3})?)(ms|s)", value)
        milliseconds = float(found[1]) * (1000 if found[2] == "s" else 1) if found else 0
        if not 1 <= milliseconds <= 10_000:
            self.fail(f"'{value}' is no time. Give one such as 250ms or 0.5s, up to 10s.", param, ctx)
        return milliseconds


def marked(cost: Cost) -> str:
    return ", ".join(word for word, so in (("choose this", cost.chosen), ("set now", cost.present)) if so)


@click.group()
def passwords() -> None:
    """Refuse those that guessers know, and see how all are kept.

    \b
    Example:
      netflix-admin passwords status
    """


@passwords.command("import")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=LIST)
@click.option("--skip-malformed", is_flag=True, help="Leave out the lines that cannot be read.")
@site.within
@one_at_a_time
@dry_run.handed_on
def import_list(files: tuple[str, ...], skip_malformed: bool, dry_run: bool) -> None:
    """Refuse the passwords of a list, in place of the last one.

    FILE holds one password a line, or one SHA-1 hash as haveibeenpwned.com publishes them (HASH or HASH:COUNT); which
    of them, its first line says, and a list of both is refused.
    Gzip is unpacked, and - is standard input. Give several files to have all of them in one list. When a line cannot
    be read, nothing is changed. Whoever has one of these passwords has to choose another when they next sign in.

    \b
    Example:
      netflix-admin passwords import pwned-passwords.txt.gz
    """
    done = imported(files, skip_malformed, dry_run)
    if done.left_out:
        output.note(f"{done.left_out:,} line{'s' * (done.left_out != 1)} could not be read, and left out.")
    are = "password is" if done.passwords == 1 else "passwords are"
    output.done(f"{done.passwords:,} {are} refused now; read as {' and '.join(done.read_as)}.")


def imported(names: tuple[str, ...], skipping: bool, dry_run: bool) -> "Imported":
    """With a bar that tells how far it is, at a terminal, where the end is known and not there in a moment."""
    size = sum(Path(name).stat().st_size for name in names) if STDIN not in names else 0
    seen = output.is_terminal(sys.stderr) and size > LONG
    with ExitStack() as opened:
        bar = opened.enter_context(
            click.progressbar(length=size + size // 4, label="Reading", file=sys.stderr, hidden=not seen)
        )
        lines = []
        for name in names:
            file = opened.enter_context(click.open_file(name, "rb"))
            tell = partial(advance, bar, file, [0]) if seen else int
            lines.append(site.wordlist.Lines(name, file, tell))
        source = ", ".join(Path(name).name for name in names)
        done = site.wordlist.replace(lines, source, skipping, partial(bar.update, size // 1024), dry_run)
        bar.update(max(0, (bar.length or 0) - bar.pos))
        return done


def advance(bar: "ProgressBar[int]", file: IO[bytes], read: list[int]) -> None:
    """As far as the file was read since."""
    place = file.tell()
    bar.update(place - read[0])
    read[0] = place


@passwords.command()
@site.within
@one_at_a_time
@dry_run.handed_on
def forget(dry_run: bool) -> None:
    """Take the imported list away.

    \b
    Example:
      netflix-admin passwords forget
    """
    if site.wordlist.forget(dry_run):
        output.done("The imported list is gone.")
    else:
        output.idle("There was no imported list.")


@passwords.command()
@click.option("--email", default="", metavar="EMAIL", help="As if this person chose it.")
@site.within
def check(email: str) -> None:
    """Say whether a password would be taken: 0, or 7 and why not.

    It is asked for, unseen, or is the first line of standard input; it is kept nowhere.

    \b
    Example:
      netflix-admin passwords check --email ada@example.org
    """
    faults = site.password.faults(asking.one(), email)
    if faults:
        raise site.errors.Declined(" ".join(faults), "")
    output.done("That password can be taken.")


@passwords.command()
@formats.listing(COLUMNS)
@site.within
def status(listing: Listing) -> None:
    """Show the lists in use, read through; 7 when one is broken.

    \b
    Example:
      netflix-admin passwords status
    """
    # Made at the first need, which this is.
    site.screening.common()
    rows = [
        listed("common", site.screening.common_path()),
        listed("imported", site.screening.imported_path()),
    ]
    listing.print(rows, "")
    for row in rows:
        if not row.is_sound:
            raise site.errors.Declined(
                f"The list of {row.name} passwords is broken, and refuses nobody.",
                "Import it again." if row.name == "imported" else f"Remove {row.path}: it is made anew.",
            )


def listed(name: str, path: Path) -> Listed:
    try:
        known = site.blocklist.Blocklist(path)
        known.check()
        made_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError:
        return Listed(name, path, ABSENT)
    except (site.blocklist.Broken, OSError) as error:
        return Listed(name, path, f"broken: {error}")
    return Listed(name, path, SOUND, known.count, known.size, known.wrongly, known.source, made_at)


@passwords.command()
@click.option(
    "--target", type=Target(), default="250ms", metavar="TIME", help="What one check may take.", show_default=True
)
@formats.listing(COSTS)
@site.within
def calibrate(target: float, listing: Listing) -> None:
    """Measure what a password check costs here.

    Chosen is the highest NETFLIX_BCRYPT_ROUNDS that takes no longer than the target.
    Measure while the machine is at rest.

    \b
    Example:
      netflix-admin passwords calibrate --target 250ms
    """
    present, took = site.config.current().bcrypt_rounds, measured(target)
    affordable = [rounds for rounds, milliseconds in took.items() if milliseconds <= target]
    chosen = max(affordable, default=LEAST_ROUNDS)
    listing.print([Cost(rounds, took[rounds], rounds == chosen, rounds == present) for rounds in took], "")
    if not affordable:
        listing.note(f"No cost takes so little here, and {LEAST_ROUNDS} is the least that is safe.")
    if chosen == present:
        listing.note(f"NETFLIX_BCRYPT_ROUNDS is {present}: leave it.")
    else:
        listing.note(
            f"Set NETFLIX_BCRYPT_ROUNDS={chosen}; it is {present} now. Passwords are kept anew at the next sign-in."
        )


def measured(target: float) -> dict[int, float]:
    """Milliseconds by cost, up to the first that takes too long; of a few tries the quickest, as others work here."""
    took: dict[int, float] = {}
    with click.progressbar(
        length=int(4 * TRIES * target), label="Measuring", file=sys.stderr, hidden=not output.is_terminal(sys.stderr)
    ) as bar:
        for rounds in range(LEAST_ROUNDS, MOST_ROUNDS + 1):
            took[rounds] = round(min(site.password.seconds_of(rounds) for _ in range(TRIES)) * 1000, 1)
            bar.update(int(TRIES * took[rounds]))
            if took[rounds] > target:
                break
        bar.update(bar.length or 0)
    return took


@passwords.command()
@formats.listing(KEPT)
@site.within
def report(listing: Listing) -> None:
    """Show by which schemes and costs passwords are kept.

    \b
    Example:
      netflix-admin passwords report --format json
    """
    listing.print(site.survey.survey(), "There are no users.")
