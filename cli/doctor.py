"""The doctor: what is wrong with the site, and what to do about it."""

import sys
from collections.abc import Generator
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

import click

from netflix.errors import ConfigError, Declined

from . import asking, formats, output, site
from .formats import Column, Listing

if TYPE_CHECKING:
    from netflix.health.finding import Finding

ROLES = {"ok": "good", "warning": "warned", "fault": "bad"}
COLUMNS = (
    Column("check", "Check", role=lambda _: "noun"),
    Column("state", "State", lambda row: str(row.state), role=lambda row: ROLES[row.state]),
    Column("found", "Found", wraps=True),
    Column("remedy", type="string?", value=lambda row: row.remedy or None),
)


class Url(click.ParamType):
    """The address of a site."""

    name = "url"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return site.values.a_url(value)
        except ValueError:
            self.fail(f"'{value}' is no address of a site. Give one such as https://films.example.org.", param, ctx)


quietly = click.option("--quiet", is_flag=True, help="Only what is not ok; for cron.")


@click.group(invoke_without_command=True)
@click.option("--url", cls=asking.Once, type=Url(), help="Look at the site from outside at this address.")
@quietly
@formats.listing(COLUMNS)
def doctor(url: str | None, quiet: bool, listing: Listing) -> None:
    """Look for what is wrong with the site.

    It looks at the database, Redis, the mail server, clocks, keys, disk, file modes, and at what is really served. It
    changes nothing, sends no mail, and asks no address but the one named, or else the one where the site says that it
    is served. 0 when all is well or there are warnings only, 7 with a fault.

    \b
    Example:
      netflix-admin doctor --url https://films.example.org
    """
    if click.get_current_context().invoked_subcommand is None:
        try:
            examine(url, quiet, listing)
        except ConfigError as error:
            tell(site.doctor.of_settings(error), quiet, listing)


@partial(site.within, migrated=False)
def examine(url: str | None, quiet: bool, listing: Listing) -> None:
    tell(site.doctor.examined(url or ""), quiet, listing)


@doctor.command()
@click.option("--url", cls=asking.Once, type=Url(), help="The address that people type; by default the site's own.")
@quietly
@formats.listing(COLUMNS)
@site.within
def proxy(url: str | None, quiet: bool, listing: Listing) -> None:
    """Find out whether visitors can pass themselves off as others.

    It asks the served site, through its proxy, with forged X-Forwarded-For and the like, and tells which address the
    site believed. 0 when no forged one was and visitors are told apart, else 7.

    \b
    Example:
      netflix-admin doctor proxy --url https://films.example.org
    """
    tell(site.doctor.through_proxy(url or ""), quiet, listing)


def tell(found: "Generator[Finding, None, None]", quiet: bool, listing: Listing) -> None:
    rows: list[Finding] = []

    def kept() -> "Generator[Finding, None, None]":
        for row in found:
            if not quiet or row.remedy:
                rows.append(row)
                yield row

    # While the site is there, also when nothing can be printed.
    with closing(found), closing(kept()) as looked:
        listing.print(looked, "All is well.")
    faults = sum(row.state == "fault" for row in rows)
    if listing.form == "table" and output.is_terminal(sys.stdout):
        for row in rows:
            if row.remedy:
                told = output.printable(f"{row.check}: {row.found} {row.remedy}")
                click.echo(f"\n{output.laid_out(told, sys.stdout)}")
    if faults:
        raise Declined("One fault was found." if faults == 1 else f"{faults} faults were found.", "")
