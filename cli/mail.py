"""Mails that wait to be sent, and the way they go."""

from typing import TYPE_CHECKING

import click

from . import asking, dry_run, formats, output, refusals, site
from .formats import Column, Listing

if TYPE_CHECKING:
    from netflix.mail.outbox import Mail


def state(mail: "Mail") -> str:
    return "given up" if mail.is_given_up else "tried again" if mail.attempts else "waits"


# Never the text: there may be a link in it.
COLUMNS = (
    Column("id", "Id", type="integer"),
    Column("recipient", "To", role=lambda _: "noun", shrinks=True),
    Column("subject", "Subject", shrinks=True),
    Column("state", "State", state, role=lambda mail: "bad" if mail.is_given_up else ""),
    Column("attempts", "Tried", type="integer"),
    Column("due_at", "Next", type="date-time?"),
    Column("error", "Why", role=lambda _: "quiet", shrinks=True, type="string?"),
    Column("created_at", "Posted", role=lambda _: "quiet", spare=True, type="date-time"),
)


@click.group()
def mail() -> None:
    """See mails that wait to be sent, and send them.

    \b
    Example:
      netflix-admin mail test you@example.org
    """


@mail.command("list")
@formats.listing(COLUMNS)
@site.within
def list_mails(listing: Listing) -> None:
    """List mails that wait or were given up, the oldest first.

    What was sent is not kept.

    \b
    Example:
      netflix-admin mail list --format json
    """
    listing.print(site.outbox.Mail.all(), "No mail waits.")


@mail.command()
@site.within
def send() -> None:
    """Send what is due now.

    The site does so itself; this is for cron, on a site that sleeps. Silent when nothing was due.

    \b
    Example:
      netflix-admin mail send
    """
    site.delivery.check_on()
    sent, unsent, _ = site.courier.current().work()
    if sent:
        output.done(f"Sent {sent} mail{'s' * (sent != 1)}.")
    if unsent:
        raise site.errors.NotSent(
            f"{unsent} mail{'s were' if unsent != 1 else ' was'} not sent.", "See `netflix-admin mail list`."
        )


@mail.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True, type=asking.Id())
@site.within
@dry_run.offered
def retry(ids: tuple[int, ...]) -> None:
    """Try mails again now, also those given up.

    \b
    Example:
      netflix-admin mail retry 7
    """
    site.delivery.check_on()
    refusals.for_each(ids, retry_one)


def retry_one(number: int) -> None:
    site.delivery.retry(number)
    output.done(f"Mail {number} is due now.")


@mail.command()
@click.argument("address", type=asking.Email())
@site.within
def test(address: str) -> None:
    """Send a test mail, and say what the server said.

    \b
    Example:
      netflix-admin mail test you@example.org
    """
    if site.delivery.try_out(address):
        output.done(f"The mail server took a test mail to {address}.")
    else:
        output.done(f"No mail server is named: a test mail to {address} is a file in the instance folder's `mail`.")
