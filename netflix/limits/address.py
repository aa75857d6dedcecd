"""Who is asking: the client's address as the trusted proxies vouch for it, and whom it counts as."""

import ipaddress
import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

from netflix.values import Network

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# No honest chain of proxies is longer; a longer header is a stranger's.
MOST_HOPS = 20
# Nor is any address: longer text is garbage, and is not kept in the caches below.
LONGEST = 64
# Whom a limit counts when the server knows no address, such as behind a unix socket: all of them as one.
UNKNOWN = "unknown"


def parsed(text: str) -> Address | None:
    """The address in `text` with port, brackets and zone taken off and a mapped IPv4 folded; None for garbage."""
    return parsed_short(text) if len(text) <= LONGEST else None


@lru_cache(maxsize=4096)
def parsed_short(text: str) -> Address | None:
    text = text.strip()
    if bracketed := re.fullmatch(r"\[([^]]*)\](?::\d{1,5})?", text):
        text = bracketed[1]
    elif text.count(":") == 1:
        text = re.sub(r":\d{1,5}$", "", text)
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


@lru_cache(maxsize=4096)
def counted_as(text: str) -> str:
    """Whom a limit counts for a client's address: IPv4 as itself, IPv6 as its /64 (one household), garbage as one."""
    address = parsed(text)
    if address is None:
        return UNKNOWN
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))
    return str(address)


def client(peer: str, forwarded: str, trusted: Sequence[Network]) -> str:
    """The address that the trusted proxies vouch for, walked from the right of X-Forwarded-For.

    The walk ends at the first address that is not a trusted proxy, or before anything that is none:
    garbage is never a new identity.
    """
    address = parsed(peer)
    if address is None:
        return UNKNOWN
    for hop in list(reversed(forwarded.split(",")))[:MOST_HOPS]:
        if not any(address in network for network in trusted):
            break
        further = parsed(hop)
        if further is None:
            break
        address = further
    return str(address)


class TrustedProxies:
    """WSGI middleware that puts the vouched-for address and scheme where Flask looks for them."""

    def __init__(self, inner: Callable[..., Iterable[bytes]], trusted: Sequence[Network]) -> None:
        self.inner = inner
        self.trusted = trusted

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        peer = environ["netflix.peer"] = environ.get("REMOTE_ADDR", "")
        environ["REMOTE_ADDR"] = client(peer, environ.get("HTTP_X_FORWARDED_FOR", ""), self.trusted)
        near = parsed(peer)
        if near and any(near in network for network in self.trusted):
            scheme = environ.get("HTTP_X_FORWARDED_PROTO", "").rpartition(",")[2].strip()
            if scheme in ("http", "https"):
                environ["wsgi.url_scheme"] = scheme
        return self.inner(environ, start_response)
