"""A time in which only known browsers and second factors sign in."""

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from . import cells, dry_run, formats, output, site, times
from .formats import Column, Sheet

if TYPE_CHECKING:
    from netflix.lockdown.lockdown import Lockdown

DETAILS = (
    Column(
        "on",
        "Lockdown",
        lambda row: row is not None,
        lambda row: "on" if row else "off",
        lambda row: "bad" if row else "good",
        type="boolean",
    ),
    Column("reason", "Reason", lambda row: of(row, "reason"), type="string?"),
    Column("since", "Since", lambda row: of(row, "since"), type="date-time?"),
    Column("until", "Until", lambda row: of(row, "until"), lambda row: ends(row), type="date-time?"),
    Column("by", "By", lambda row: of(row, "by"), type="string?"),
)


def of(row: "Lockdown | None", field: str) -> object:
    return getattr(row, field) if row else None


def ends(row: "Lockdown | None") -> str:
    return "you turn it off" if row else "-"


@click.group()
def lockdown() -> None:
    """Let only known browsers and second factors in, for a while.

    Nobody is signed out by it. Registration and mailed links are closed, and everybody else reads why.

    \b
    Example:
      netflix-admin lockdown on --for 2h --reason "Somebody is trying stolen passwords."
    """


@lockdown.command()
@click.option("--for", "lasts", type=times.While(), help="How long: 30m, 2h, 7d. Without it until it is turned off.")
@click.option("--reason", metavar="WORDS", required=True, help="What everybody reads who is kept out.")
@site.within
@dry_run.offered
def on(lasts: timedelta | None, reason: str) -> None:
    """Begin it, or give the present one another end and reason.

    It ends by itself at its time.

    \b
    Example:
      netflix-admin lockdown on --for 2h --reason "Somebody is trying stolen passwords."
    """
    until = times.until(lasts)
    was_on = site.lockdown.turn_on(reason, until)
    lasting = f"until {cells.iso(until)}" if until else "until you turn it off"
    output.done(f"{'It was on, and now lasts' if was_on else 'Lockdown'} {lasting}. {known()}")
    if not site.rights.may_any_come_in():
        output.note(
            "No administrator has a known browser or a second factor, so none of them can sign in anew. "
            "End it here: `netflix-admin lockdown off`."
        )


@lockdown.command()
@site.within
@dry_run.offered
def off() -> None:
    """End it.

    \b
    Example:
      netflix-admin lockdown off
    """
    if site.lockdown.turn_off():
        output.done(f"It is over. {known()}")
    else:
        output.idle("It was not on.")


@lockdown.command()
@formats.sheet(DETAILS)
@site.within
def status(sheet: Sheet) -> None:
    """Say whether it is on, why, and until when.

    \b
    Example:
      netflix-admin lockdown status --format json
    """
    sheet.print(site.lockdown.Lockdown.present())


def known() -> str:
    return f"Every process of the site knows it within {site.orders.HOLDS_WITHIN} seconds."
