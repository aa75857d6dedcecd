"""Who there is: `users list`."""

from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from . import asking, cells, formats, output, site, times
from .formats import Column, Listing

if TYPE_CHECKING:
    from netflix.accounts.user import User
    from netflix.administration.directory import Wanted

# In a table at a terminal.
MOST_ROWS = 1000


def state(user: "User") -> str:
    return f"leaving {cells.human(user.deleting_at)}" if user.state == "leaving" else user.state


def state_role(user: "User") -> str:
    return {"disabled": "bad", "leaving": "bad", "no password": "quiet"}.get(user.state, "")


COLUMNS = (
    Column("email", "E-mail", role=lambda _: "noun", shrinks=True),
    Column("id", type="integer"),
    Column(
        "admin",
        "Role",
        lambda user: user.is_admin,
        lambda user: "administrator" if user.is_admin else "member",
        lambda user: "good" if user.is_admin else "",
        type="boolean",
    ),
    Column("disabled", "State", lambda user: user.is_disabled, lambda user: state(user), state_role, type="boolean"),
    Column("has_password", type="boolean"),
    Column("verified", "Confirmed", lambda user: user.is_verified, role=lambda _: "quiet", spare=True, type="boolean"),
    Column("deleting_at", type="date-time?"),
    Column("signed_in_at", "Signed in", show=lambda user: last(user), role=lambda _: "quiet", type="date-time?"),
    Column("created_at", "Created", role=lambda _: "quiet", spare=True, type="date-time"),
    # Looked for one by one only where a person reads them, who reads few.
    Column("second_factor", "Second factor", lambda user: has_second_factor(user), type="boolean", is_extra=True),
)


def has_second_factor(user: "User") -> bool:
    """Two-step sign-in or a passkey."""
    return user.has_second_factor or site.passkey.Passkey.count(user.id) > 0


def part(ctx: click.Context, param: click.Parameter, word: str | None) -> str:
    """All would be meant by an empty one, which is an empty variable of a script."""
    if word is not None and not word.strip():
        raise click.UsageError("--match is empty. Give a part of an e-mail, or '*' for all.")
    return word or ""


class Sort(click.ParamType):
    """What to sort by, and whether from the other end."""

    name = "sort"
    KEYS = ("email", "created", "signed-in")

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, bool]:
        key = value.removeprefix("-")
        if key not in self.KEYS:
            self.fail(f"'{value}' is nothing to sort by. Give email, created or signed-in, or -created.", param, ctx)
        return key, value.startswith("-")

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(key) for key in self.KEYS if key.startswith(incomplete)]


def last(user: "User") -> str:
    return cells.human(user.signed_in_at) if user.signed_in_at else "never"


@click.command("list")
@click.option("--admin", is_flag=True, help="Administrators only.")
@click.option("--disabled", is_flag=True, help="Disabled users only.")
@click.option("--unverified", is_flag=True, help="Only those whose e-mail was not confirmed.")
@click.option("--no-second-factor", is_flag=True, help="Only those with neither two-step sign-in nor a passkey.")
@click.option(
    "--match",
    metavar="PART",
    callback=part,
    cls=asking.Once,
    help="Only those with this in their e-mail, or with a * in it, such as '*@example.org', whose e-mail is like it.",
)
@click.option(
    "--inactive-since",
    cls=asking.Once,
    type=times.Since(),
    metavar="TIME",
    help="Not signed in since then: 90d, or a day as 2026-11-24.",
)
@click.option("--created-since", cls=asking.Once, type=times.Since(), metavar="TIME", help="Made since then.")
@click.option(
    "--sort",
    cls=asking.Once,
    type=Sort(),
    metavar="[-]KEY",
    help="By email, created or signed-in; with a - before it from the other end.  "
    "[default: email; created with --created-since or --unverified]",
)
@click.option("--limit", type=asking.Count(1), metavar="N", help="The first N only.")
@formats.listing(COLUMNS)
@site.within
def list_users(sort: tuple[str, bool] | None, listing: Listing, **which: Any) -> None:
    """List users.

    To a terminal come the first thousand, unless --limit says how many. Everywhere else come all, as they are read.

    \b
    Example:
      netflix-admin users list --inactive-since 90d --sort -signed-in --fields email,signed_in_at
    """
    # These are found by when they were made.
    by_age = which["created_since"] or which["unverified"]
    key, descending = sort or ("created" if by_age else "email", False)
    wanted = site.directory.Wanted(**which, sort=key, descending=descending)
    if listing.is_for_a_person:
        print_some(wanted, listing)
    elif listing.form == "jsonl":
        listing.print_written(site.directory.json_lines(wanted, listing.fields))
    else:
        listing.by_name().print(site.directory.rows(wanted, listing.fields), "")


def print_some(wanted: "Wanted", listing: Listing) -> None:
    """No more than somebody would read, unless they said how many: a table's widths need all of its rows."""
    shown = list(site.directory.users(wanted if wanted.limit else wanted._replace(limit=MOST_ROWS)))
    anybody = shown or site.directory.count(site.directory.Wanted(limit=1))
    listing.print(
        shown, "No user is like that." if anybody else "There are no users. Make one: netflix-admin users create EMAIL"
    )
    more = 0 if len(shown) < MOST_ROWS or wanted.limit else site.directory.count(wanted) - len(shown)
    if more > 0:
        output.note(f"… and {more:,} more: narrow it, or give --limit or --format.")
