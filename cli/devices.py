"""Browsers that are known to an account."""

from typing import TYPE_CHECKING

import click

from netflix.errors import NotFound

from . import asking, cells, dry_run, formats, output, refusals, site
from .formats import Column, Listing

if TYPE_CHECKING:
    from netflix.signin.device import Device

COLUMNS = (
    Column("id", "Id", type="integer"),
    Column("email", "E-mail", lambda device: device.user.email, role=lambda _: "noun", shrinks=True),
    Column("browser", "Browser", shrinks=True, spare=True),
    # Never shortened, since it is for the next command.
    Column("address", "Address"),
    Column("seen_at", "Last sign-in", show=lambda row: last_sign_in(row), type="date-time"),
    Column("created_at", "Known since", role=lambda _: "quiet", spare=True, type="date-time"),
    Column("limit", "Counted as", lambda device: device.who, role=lambda _: "quiet", spare=True),
    Column("user_agent", shrinks=True),
    Column("by_link", type="boolean"),
)


def last_sign_in(device: "Device") -> str:
    return "none, a link" if device.by_link else cells.human(device.seen_at)


@click.group()
def devices() -> None:
    """See which browsers an account knows, and end that.

    A browser that has signed in to an account before has attempts of its own there, however many strangers guess.

    \b
    Example:
      netflix-admin devices list --user ada@example.org
    """


@devices.command("list")
@asking.users("Those of this user")
@formats.listing(COLUMNS)
@site.within
def list_devices(emails: tuple[str, ...], listing: Listing) -> None:
    """List the browsers that are known, the latest seen first.

    \b
    Example:
      netflix-admin devices list --format csv
    """
    owners = [site.user.User.named(email) for email in emails]
    listing.print(site.device.Device.everywhere(*owners), "No browser is known.")


@devices.command()
@click.argument("ids", metavar="[ID]...", nargs=-1, type=asking.Id())
@asking.users("Those of this user")
@site.within
@dry_run.offered
def end(ids: tuple[int, ...], emails: tuple[str, ...]) -> None:
    """Make known browsers strangers, and sign nobody out.

    \b
    Example:
      netflix-admin devices end 12 15
    """
    asking.exactly_one({"an ID": ids, "--user": emails})
    if ids:
        refusals.for_each(ids, end_one)
    else:
        whose = " to {}" if len(emails) > 1 else ""
        refusals.for_each(emails, lambda email: end_all(email, whose.format(email)))


def end_all(email: str, whose: str) -> None:
    ended = site.device.end_devices(site.user.User.named(email).id)
    made = "1 known browser a stranger" if ended == 1 else f"{ended} known browsers strangers"
    output.done(f"Made {made}{whose}." if ended else f"No browser was known{whose}.")


def end_one(device_id: int) -> None:
    try:
        site.device.end_device(device_id)
    except NotFound:
        raise NotFound(f"There is no device {device_id}.", "See `netflix-admin devices list`.") from None
    output.done(f"Made device {device_id} a stranger.")
