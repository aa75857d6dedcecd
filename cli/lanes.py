"""Whom a limit counts, as it is typed."""

import re

import click

from . import site


class Address(click.ParamType):
    """An address, or what the listing shows for one: a /64, or `unknown`."""

    name = "address"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        address = value.removesuffix("/64") if ":" in value else value
        if site.address.parsed(address) is None and address != site.address.UNKNOWN:
            self.fail(f"'{value}' is no address. Give one such as 192.0.2.7 or 2001:db8::7.", param, ctx)
        return address


class Account(click.ParamType):
    """An e-mail as it is counted, whether or not a user has it; or the digest that the listing shows for one."""

    name = "e-mail"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if re.fullmatch(r"[0-9a-f]{32}", value):
            return value
        if not value:
            self.fail("It is empty. Give an e-mail, or the digest that the listing shows.", param, ctx)
        for fault in site.email.faults(value):
            self.fail(fault, param, ctx)
        return site.email.normalised(value)


class Device(click.ParamType):
    """The digest that the listing shows for a known browser."""

    name = "device"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not re.fullmatch(r"[0-9a-f]{32}", value):
            self.fail(f"'{value}' is no device. Give the 32 digits that `netflix-admin limits list` shows.", param, ctx)
        return value
