"""Browsers that are signed in."""

import click

from . import asking, dry_run, formats, output, refusals, site
from .formats import Column, Listing

COLUMNS = (
    Column("id", "Id", type="integer"),
    Column("email", "E-mail", lambda session: session.user.email, role=lambda _: "noun", shrinks=True),
    Column("browser", "Browser", shrinks=True, spare=True),
    # Never shortened, since it is for the next command.
    Column("address", "Address"),
    Column("seen_at", "Last seen", type="date-time"),
    Column("created_at", "Signed in", role=lambda _: "quiet", spare=True, type="date-time"),
    Column("idle_until", "Ends", role=lambda _: "quiet", spare=True, type="date-time"),
    Column("remembered", type="boolean"),
    Column("user_agent", shrinks=True),
)


@click.group()
def sessions() -> None:
    """See which browsers are signed in, and end their sessions.

    \b
    Example:
      netflix-admin sessions list --user ada@example.org
    """


@sessions.command("list")
@asking.users("Those of this user")
@formats.listing(COLUMNS)
@site.within
def list_sessions(emails: tuple[str, ...], listing: Listing) -> None:
    """List the browsers that are signed in, the latest seen first.

    \b
    Example:
      netflix-admin sessions list --format csv
    """
    owners = [site.user.User.named(email) for email in emails]
    listing.print(site.session.Session.everywhere(*owners), "No browser is signed in.")


@sessions.command()
@click.argument("ids", metavar="[ID]...", nargs=-1, type=asking.Id())
@asking.users("Those of this user")
@click.option("--all", "everybody", is_flag=True, help="Everybody's.")
@click.option("--yes", is_flag=True, help="With --all: do not ask.")
@site.within
@dry_run.offered
def end(ids: tuple[int, ...], emails: tuple[str, ...], everybody: bool, yes: bool) -> None:
    """End sessions: those browsers have to sign in again.

    \b
    Example:
      netflix-admin sessions end 12 15
    """
    asking.exactly_one({"an ID": ids, "--user": emails, "--all": everybody})
    if ids:
        refusals.for_each(ids, end_one)
    elif everybody:
        asking.confirm("Sign everybody out, in all browsers?", yes)
        ended = site.access.end_every_session()
        told(ended) if ended else output.idle("Nobody was signed in.")
    else:
        whose = " of {}" if len(emails) > 1 else ""
        refusals.for_each(emails, lambda email: told(site.access.end_sessions_of(email), whose.format(email)))


def told(ended: int, whose: str = "") -> None:
    output.done(f"Ended {ended} session{'s' * (ended != 1)}{whose}.")


def end_one(session_id: int) -> None:
    site.access.end_session(session_id)
    output.done(f"Ended session {session_id}.")
