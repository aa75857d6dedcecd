"""How counters stand: `limits list`, also live and of a million."""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import click

from . import asking, cells, formats, site
from .formats import Column, Listing
from .lanes import DIGEST, LANES, Limit, Match, Matched
from .times import in_short

if TYPE_CHECKING:
    from netflix.limits.counter import Kind
    from netflix.limits.key import Key
    from netflix.limits.standing import Row, Standing, Wanted

# So many can be sorted, and e-mails looked up for them; a table holds no more unless it is asked to.
MOST_ROWS = 1000
# Of Redis's clock, in which the counters are.
SECOND = 1_000_000


class Counted(NamedTuple):
    """How a counter stands, and the e-mail of the user whom it counts, or whose browser, where one was looked for."""

    standing: "Standing"
    email: str | None = None
    was_looked_up: bool = True

    @property
    def lane(self) -> str:
        return str(self.standing.key.limit.lane)

    @property
    def who(self) -> str:
        return (self.lane == "account" and self.email) or self.standing.key.who

    @property
    def is_digest(self) -> bool:
        return self.lane == "account" and not self.email

    @property
    def free_in(self) -> int:
        return math.ceil(self.standing.free_in)

    @property
    def first(self) -> datetime | None:
        return at(self.standing.first)

    @property
    def last(self) -> datetime | None:
        return at(self.standing.last)


COLUMNS = (
    Column("limit", "Limit", lambda row: row.standing.key.limit.name),
    Column("lane", "Lane"),
    Column(
        "who",
        "Who",
        show=lambda row: shown(row),
        role=lambda row: "quiet" if row.is_digest else "noun",
        shrinks=True,
    ),
    Column(
        "used",
        "Used",
        lambda row: row.standing.used,
        lambda row: f"{row.standing.used} of {row.standing.amount}",
        lambda row: urgent(row),
        type="integer",
    ),
    Column("allowed", value=lambda row: row.standing.amount, type="integer"),
    Column("left", value=lambda row: row.standing.left, type="integer"),
    Column(
        "window",
        "Within",
        lambda row: row.standing.key.window,
        lambda row: in_short(row.standing.key.window),
        type="integer",
    ),
    Column(
        "free_in",
        "Free in",
        show=lambda row: in_short(row.free_in),
        role=lambda row: urgent(row, "quiet"),
        type="integer",
    ),
    Column("first", "First", role=lambda _: "quiet", spare=True, type="date-time?"),
    Column("last", "Last", role=lambda _: "quiet", spare=True, type="date-time?"),
    Column("email", type="string?"),
    Column("blocked", value=lambda row: row.standing.is_blocked, type="boolean"),
    Column("counts", value=lambda row: row.standing.key.limit.counts, shrinks=True),
)


# In a table of one subject, who it is makes room for when.
OF_ONE = tuple(
    replace(column, spare=column.field in ("lane", "who"))
    for column in sorted(COLUMNS, key=lambda column: column.field in ("lane", "who"))
)


def at(seconds: float) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def urgent(row: Counted, else_: str = "") -> str:
    return "bad" if row.standing.is_blocked else else_


def shown(row: Counted) -> str:
    if row.is_digest:
        # Attempts were made on an e-mail that no user has.
        return f"no user: {row.who[:12]}…" if row.was_looked_up else row.who
    if row.lane == "device" and row.email:
        return f"{row.email} in {row.who}"
    return "all strangers" if row.lane == "site" else row.who


@click.command("list")
@click.option("--limit", cls=asking.Once, type=Limit(), metavar="NAME", help="Only this one, by its name.")
@click.option("--lane", cls=asking.Once, type=click.Choice(LANES), help="Only those that count this.")
@click.option("--blocked", is_flag=True, help="Only who has to wait.")
@click.option(
    "--match",
    cls=asking.Once,
    type=Match(),
    metavar="WHO",
    help="Only this address, network (192.0.2.0/24), e-mail or digest (its first 12 digits are enough), "
    "or who is like a pattern ('192.0.2.*', '*@example.org').",
)
@click.option("--top", type=asking.Count(1), metavar="N", help="The N that have to wait longest.")
@click.option("--watch", is_flag=True, help="Show it anew every two seconds, at a terminal, until Ctrl-C.")
@formats.listing(COLUMNS)
@site.within
def list_limits(
    limit: str | None,
    lane: str | None,
    blocked: bool,
    match: Matched | None,
    top: int | None,
    watch: bool,
    listing: Listing,
) -> None:
    """List what is counted.

    Up to a thousand rows come sorted, the longest wait first, and with the e-mails of users. More are printed as they
    are read (a table shows the first thousand, unless --top says how many): an account is then told by its digest,
    which `show` and `clear` take too, and a counter may come twice when Redis makes room meanwhile. Of an e-mail that
    no user has, only the digest is ever known. A browser that an account knows is counted apart, in the lane `device`,
    by a digest of its own; --match takes in those that a user's e-mail knows.

    \b
    Example:
      netflix-admin limits list --blocked --match 192.0.2.0/24
    """
    wanted = site.standing.Wanted(limit or "", lane or "", match.everybody() if match else None, blocked)
    keys = match.keys() if match else None
    empty = "Nobody has to wait." if blocked else "Nothing is counted now."
    if watch:
        keep_showing(listing, wanted, keys, top, empty)
        return
    others = site.standing.Others()
    if top or listing.is_for_a_person:
        found, count = longest(site.standing.read(keys, wanted, others), top or MOST_ROWS)
        listing.print(named(found), empty)
        if count > len(found) and not top:
            listing.note(f"… and {count - len(found):,} more: narrow it, or give --top or --format.")
    else:
        print_all(listing, site.standing.rows(keys, wanted, others))
    if others.met:
        are = "key under the site's prefix is" if others.met == 1 else "keys under the site's prefix are"
        listing.note(f"{others.met:,} {are} not the site's; see `netflix-admin doctor`.")


def print_all(listing: Listing, batches: "Iterator[list[Row]]") -> None:
    """Sorted and with e-mails when they are few, else as they come."""
    first: list[Row] = []
    for batch in batches:
        first += batch
        if len(first) > MOST_ROWS:
            break
    if len(first) <= MOST_ROWS:
        listing.print(named(longest(map(site.standing.Standing.of, first), MOST_ROWS)[0]), "")
    elif listing.form == "jsonl":
        for text in json_lines(listing.columns, chain([first], batches)):
            click.echo(text, nl=False)
    else:
        listing.print((unnamed(row) for batch in chain([first], batches) for row in batch), "")


def unnamed(row: "Row") -> Counted:
    one = site.standing.Standing.of(row)
    return Counted(one, was_looked_up=False)


def longest(found: "Iterable[Standing]", most: int) -> "tuple[list[Standing], int]":
    """Those with the longest wait, sorted and each once, and how many there were; never many more are remembered."""
    kept: dict[Key, Standing] = {}
    count = 0
    for one in found:
        count += one.key not in kept
        kept[one.key] = one
        if len(kept) >= 2 * most + MOST_ROWS:
            kept = {best.key: best for best in by_wait(kept.values())[:most]}
    return by_wait(kept.values())[:most], count


def by_wait(found: "Iterable[Standing]") -> "list[Standing]":
    return sorted(found, key=lambda one: (-math.ceil(one.free_in), -one.used, one.key.who))


def keep_showing(listing: Listing, wanted: "Wanted", keys: "Sequence[Key] | None", top: int | None, empty: str) -> None:
    """Until Ctrl-C."""
    if not listing.is_for_a_person:
        raise click.UsageError("--watch needs a terminal, and no other --format than table.")
    from . import tables

    emails: dict[str, str] = {}
    last: list[Counted] | None = None

    def look(room: int) -> tuple[list[Counted], str, str]:
        nonlocal last
        now = f"{datetime.now(UTC):%H:%M:%S} UTC"
        try:
            rows, count = longest(site.standing.read(keys, wanted), min(top or room, room))
        except site.errors.CountersUnavailable:
            # What was seen last stands on meanwhile.
            return last or [], f"{now}, Redis does not answer; trying again; Ctrl-C ends", "" if last is None else empty
        last = named(rows, emails)
        site.let_go()
        what = "have to wait" if wanted.blocked else "are counted"
        return last, f"{now}, {count:,} {what}; Ctrl-C ends", empty

    tables.watch(listing.columns, look)


# What differs between the counters of one limit and window.
PLACES = ("who", "used", "left", "free_in", "first", "last", "blocked")


def json_lines(columns: Sequence[Column], batches: "Iterable[Sequence[Row]]") -> Iterator[str]:
    """As the listing prints each of them, some at a time: one by one, a million would take five times as long."""
    chosen = [PLACES.index(column.field) for column in columns if column.field in PLACES]
    in_order = None if chosen == list(range(len(PLACES))) else chosen
    shapes: dict[Kind, str] = {}
    for batch in batches:
        lines = []
        for row in batch:
            kind, who, used, first, last, wait = row
            line = shapes.get(kind)
            if line is None:
                line = shapes[kind] = shape(columns, row)
            left = max(0, kind.amount - used)
            free_in = -(-wait // SECOND)
            when = instant(first // SECOND), instant(last // SECOND)
            values = (quoted(who), used, left, free_in, *when, "false" if left else "true")
            lines.append(line % (values if in_order is None else tuple(values[n] for n in in_order)))
        yield "".join(lines)


def shape(columns: Sequence[Column], row: "Row") -> str:
    """The line with places for what differs."""
    one = unnamed(row)
    fields = (
        f'"{column.field}": ' + ("%s" if column.field in PLACES else json.dumps(column.of(one)).replace("%", "%%"))
        for column in columns
    )
    return f"{{{', '.join(fields)}}}\n"


def quoted(who: str) -> str:
    """Only a stranger in Redis can have put in more than the signs of addresses and digests."""
    is_plain = who.isascii() and who.isprintable() and '"' not in who and "\\" not in who
    return f'"{who}"' if is_plain else cells.as_json(who)


@lru_cache(maxsize=10_000)
def instant(seconds: int) -> str:
    return f'"{cells.iso(datetime.fromtimestamp(seconds, UTC))}"'


def named(standings: "Iterable[Standing]", known: dict[str, str] | None = None) -> list[Counted]:
    """With the e-mails of the users whom, or whose browsers, a digest stands for; `known` remembers who they are."""
    standings = list(standings)
    known = {} if known is None else known
    is_looked_up = len(standings) <= MOST_ROWS
    if is_looked_up:
        digests, browsers = (unnamed_of(lane, standings) - set(known) for lane in ("account", "device"))
        known |= dict.fromkeys(digests, "") | (site.counted.emails(digests) if digests else {})
        known |= dict.fromkeys(browsers, "") | site.device.Device.owners(list(browsers))
    return [Counted(one, known.get(one.key.who) or None, is_looked_up) for one in standings]


def unnamed_of(lane: str, standings: "Sequence[Standing]") -> set[str]:
    """The digests that one lane counts; a stranger in Redis can have put in something else."""
    return {one.key.who for one in standings if one.key.limit.lane == lane and DIGEST.fullmatch(one.key.who)}
