"""Links by which people may register."""

from datetime import timedelta

import click

from . import asking, dry_run, formats, output, refusals, site, times
from .formats import Column, Listing

COLUMNS = (
    Column("id", "Id", type="integer"),
    Column("note", "Note", shrinks=True),
    Column("state", "State", role=lambda row: "good" if row.is_open else "quiet"),
    Column("used", "Used", type="integer"),
    Column("uses", "Of", type="integer"),
    Column("expires_at", "Ends", type="date-time"),
    Column("created_at", "Made", role=lambda _: "quiet", spare=True, type="date-time"),
)


@click.group()
def invites() -> None:
    """Invite people to register, and take invitations back.

    \b
    Example:
      netflix-admin invites create --note "for the grandparents" --uses 2
    """


@invites.command()
@click.option(
    "--uses", type=click.IntRange(1, 10_000), metavar="N", default=1, show_default=True, help="For how many people."
)
@click.option(
    "--for", "lasts", type=times.While("365d"), default="7d", show_default=True, help="How long: 24h, 7d, 2w."
)
@click.option("--note", metavar="WORDS", default="", help="Whom it is for; only operators and administrators see it.")
@site.within
@dry_run.offered
def create(uses: int, lasts: timedelta, note: str) -> None:
    """Print a link by which somebody may register.

    \b
    Example:
      netflix-admin invites create --for 2w --note "Ada"
    """
    link = site.invitation.invite(uses, lasts, note)
    people = "one person" if uses == 1 else f"{uses} people"
    if output.is_dry_run():
        output.done(f"A link lets {people} register.")
        return
    output.note(f"This link lets {people} register. It is shown this once:")
    number = site.invitation.Invitation.open_with(link.rpartition("/")[2]).id
    output.product(
        link,
        f"Nobody has the link: take it back with `netflix-admin invites revoke {number}`, mend the output, and make "
        "another with `netflix-admin invites create`.",
    )


@invites.command("list")
@click.option("--open", "open_only", is_flag=True, help="Only those by which somebody may still come in.")
@formats.listing(COLUMNS)
@site.within
def list_invites(open_only: bool, listing: Listing) -> None:
    """List invitations, the latest first.

    \b
    Example:
      netflix-admin invites list --open
    """
    rows = [row for row in site.invitation.Invitation.all() if row.is_open >= open_only]
    listing.print(rows, "No invitation is open." if open_only else "There are no invitations.")


@invites.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True, type=asking.Id())
@site.within
@dry_run.offered
def revoke(ids: tuple[int, ...]) -> None:
    """Take invitations back: nobody comes in by them any more.

    Who came in by one stays.

    \b
    Example:
      netflix-admin invites revoke 3
    """
    refusals.for_each(ids, revoke_one)


def revoke_one(number: int) -> None:
    site.invitation.revoke(number)
    output.done(f"Invitation {number} is revoked.")
