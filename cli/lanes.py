"""Whom a limit counts, as it is typed."""

import re
from collections.abc import Callable, Sequence
from fnmatch import translate
from typing import TYPE_CHECKING, Any, NamedTuple

import click
from click.shell_completion import CompletionItem

from . import asking, site

if TYPE_CHECKING:
    from netflix.limits.key import Key
    from netflix.values import Network

# As a listing shows whom it counts, and as much of it as the record has.
DIGEST = re.compile("[0-9a-f]{32}")
BEGINNING = re.compile("[0-9a-f]{12,31}")
LANES = ("address", "account", "device", "site")


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
        if DIGEST.fullmatch(value):
            return value
        if not value:
            self.fail("It is empty. Give an e-mail, or the digest that the listing shows.", param, ctx)
        for fault in site.email.faults(value):
            self.fail(f"'{value}': {fault}", param, ctx)
        return site.email.normalised(value)


class Counted(Account):
    """The same, or the beginning of a digest, as the record has it."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return value if BEGINNING.fullmatch(value) else super().convert(value, param, ctx)


class Device(click.ParamType):
    """The digest that the listing shows for a known browser."""

    name = "device"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not DIGEST.fullmatch(value):
            self.fail(f"'{value}' is no device. Give the 32 digits that `netflix-admin limits list` shows.", param, ctx)
        return value


class Limit(click.ParamType):
    """A limit by its name."""

    name = "limit"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in names():
            self.fail(f"There is no limit '{value}'. There are: {', '.join(names())}.", param, ctx)
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(name) for name in names() if name.startswith(incomplete)]


def names() -> list[str]:
    return list(dict.fromkeys(limit.name for limit in site.policy.LIMITS))


class Matched(NamedTuple):
    """Whom `--match` means: what each of some lanes counts for the `subject`, or whoever `takes` says.

    A `pattern` may mean users by their e-mails too.
    """

    lanes: Sequence[str] = ()
    subject: str = ""
    takes: Callable[[str], bool] | None = None
    pattern: str = ""

    def keys(self) -> "list[Key] | None":
        """All that may be there, where nothing has to be searched; of an e-mail also of the browsers that it knows."""
        if self.takes:
            return None
        keys = site.counter.counters().keys
        found = [key for lane in self.lanes for key in keys(site.policy.Lane(lane), self.subject)]
        if "account" in self.lanes:
            found += [key for who in browsers([self.subject]) for key in keys(site.policy.Lane.DEVICE, who)]
        return found

    def everybody(self) -> Callable[[str], bool] | None:
        """`takes`, and the users whose e-mail is like the pattern. Raises NotFound when nobody can be."""
        fits = self.takes
        if not self.pattern or fits is None:
            return fits
        like = re.compile(translate(self.pattern.casefold())).match

        def is_like(email: str) -> bool:
            return bool(like(email))

        digests = site.counted.digests(is_like)
        if digests:
            digests |= site.device.Device.counted_of(is_like)
        if not digests and not can_be_counted(self.pattern, fits):
            raise site.errors.NotFound(
                f"No user has an e-mail like '{self.pattern}', and nothing else that is counted looks so.",
                "E-mails that no user has are counted by a digest: give a whole one, such as you@example.org.",
            )
        return lambda who: fits(who) or who in digests


def browsers(accounts: Sequence[str]) -> list[str]:
    """Whom the limits count of the browsers that these accounts know."""
    return [device.who for device in site.device.Device.known_to(accounts)]


def can_be_counted(pattern: str, fits: Callable[[str], bool]) -> bool:
    """Whether an address, a digest or a word that stands for one is like the pattern."""
    letters = re.sub(r"\[[^]]*\]|[*?]", "", pattern)
    return set(letters) <= set("0123456789abcdef.:/") or any(map(fits, (site.address.UNKNOWN, "all")))


class Match(click.ParamType):
    """An address, a network, an e-mail, a digest or its beginning, or a pattern of what the listing shows."""

    name = "match"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Matched:
        is_pattern = any(sign in value for sign in "*?[") and not value.startswith("[")
        if is_pattern:
            fits = re.compile(translate(value)).match
            # To find users by it all are read: not for what is plainly of addresses.
            may_be_email = "@" in value or (any(sign.isalpha() for sign in value) and ":" not in value)
            return Matched(takes=lambda who: bool(fits(who)), pattern=value if may_be_email else "")
        if "@" in value:
            return Matched(["account"], Account().convert(value, param, ctx))
        if DIGEST.fullmatch(value):
            return Matched(["account", "device"], value)
        if BEGINNING.fullmatch(value):
            return Matched(takes=lambda who: who.startswith(value))
        if value in (site.address.UNKNOWN, "all"):
            return Matched(["address" if value == site.address.UNKNOWN else "site"], value)
        try:
            return among(site.network.read(value))
        except site.errors.NotAccepted as slip:
            or_else = "" if "/" in value else " Or a pattern, such as '192.0.2.*'."
            return self.fail(f"{slip}{or_else}", param, ctx)


def among(network: "Network") -> Matched:
    """Of a single address or household the keys are known."""
    one = 1 if network.version == 4 else 1 << 64
    first, last = int(network.network_address), int(network.broadcast_address)
    if last - first < one:
        return Matched(["address"], str(network.network_address))
    address = type(network.network_address)

    def takes(who: str) -> bool:
        try:
            return first <= int(address(who.removesuffix("/64"))) <= last
        except ValueError:
            return False

    return Matched(["address"], takes=takes)


def several(kind: click.ParamType, *names: str, help: str) -> Callable[..., Any]:
    """An option that may be repeated, or takes those of standard input, one a line, for a `-`."""

    def read(ctx: click.Context, param: click.Parameter, words: tuple[str, ...]) -> tuple[str, ...]:
        found = (kind.convert(word, param, ctx) for word in asking.lines(ctx, param, words))
        return asking.some(words, tuple(dict.fromkeys(found)))

    help = f"{help} May be repeated; - reads them from standard input, one a line."
    return click.option(*names, metavar=kind.name.upper(), multiple=True, callback=read, help=help)


def one(kind: click.ParamType, name: str, *, help: str, required: bool = False) -> Callable[..., Any]:
    """An option that may be given once: the last of two would silently be the one that is meant."""

    def read(ctx: click.Context, param: click.Parameter, found: tuple[str, ...]) -> str | None:
        if len(found) > 1:
            raise click.UsageError(f"Give {name} once.", ctx)
        return found[0] if found else None

    return click.option(
        name, type=kind, metavar=kind.name.upper(), multiple=True, callback=read, required=required, help=help
    )
