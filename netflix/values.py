"""What may stand in a setting: each reads a text, and raises ValueError for what it does not take."""

import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from limits import RateLimitItem, parse_many
from redis.connection import parse_url
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
SHORTEST_KEY = 32
PORTS = {"http": 80, "https": 443}


def a_key(text: str) -> str:
    if len(text) < SHORTEST_KEY:
        raise ValueError
    return text


def some_keys(text: str) -> tuple[str, ...]:
    """Divided by commas."""
    return tuple(a_key(part.strip()) for part in text.split(","))


def a_database(text: str) -> str:
    try:
        url = make_url(re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", text))
    except ArgumentError:
        raise ValueError from None
    if url.drivername not in ("sqlite", "postgresql+psycopg"):
        raise ValueError
    if url.drivername == "sqlite" and not Path(url.database or "").is_absolute():
        raise ValueError
    return url.render_as_string(hide_password=False)


def a_redis(text: str) -> str:
    url = urlsplit(text)
    if url.scheme not in ("redis", "rediss", "unix") or not (url.hostname or (url.scheme == "unix" and url.path)):
        raise ValueError
    if url.port == 0:
        raise ValueError
    # Redis's own client looks closer, at options after `?`.
    parse_url(text)
    return text


def a_folder(text: str) -> Path:
    try:
        path = Path(text).expanduser()
    except RuntimeError:
        raise ValueError from None
    if not path.is_absolute() or (path.exists() and not path.is_dir()):
        raise ValueError
    return path


def a_host(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.:-]+|\[[0-9A-Fa-f:.]+\]", text):
        raise ValueError
    return text.strip("[]")


def a_url(text: str) -> str:
    """As a browser has it in `Origin`: in small letters, without the usual port, names beyond ASCII as DNS has them."""
    url = urlsplit(text)
    if url.scheme not in ("http", "https") or url.path.strip("/") or re.search(r"[?#@\\\s]", text) or url.port == 0:
        raise ValueError
    host = a_host(in_dns(url.hostname or ""))
    named = f"[{host}]" if ":" in host else host
    return f"{url.scheme}://{named}" if url.port in (None, PORTS[url.scheme]) else f"{url.scheme}://{named}:{url.port}"


def in_dns(host: str) -> str:
    """A name beyond ASCII as it is looked up, unless the older rules of those mean another (RFC 5895)."""
    if host.isascii():
        return host
    plain = host.encode("idna")
    if plain.decode("idna") != host:
        raise ValueError
    return plain.decode()


def a_mail_server(text: str) -> str:
    url = urlsplit(text)
    if url.scheme not in ("smtp", "smtps") or not url.hostname or url.port == 0:
        raise ValueError
    if url.path.strip("/") or url.query or url.fragment or bool(url.username) != bool(url.password):
        raise ValueError
    a_host(url.hostname)
    return text


def an_address(text: str) -> str:
    """Plain, so that it goes through every mail server."""
    if not re.fullmatch(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,189}", text):
        raise ValueError
    return text


def a_contact(text: str) -> str:
    """An e-mail address, or where on the web somebody is to be asked."""
    if "://" not in text:
        return an_address(text)
    url = urlsplit(text)
    if url.scheme not in ("http", "https") or not url.hostname or url.username or not text.isprintable() or " " in text:
        raise ValueError
    return text


def networks(text: str) -> tuple[Network, ...]:
    named = tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
    if any(network.prefixlen == 0 for network in named):
        # To believe everybody is to believe whoever forges the header.
        raise ValueError
    return named


def one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError
        return text

    return read


def yes_or_no(text: str) -> bool:
    return one_of("yes", "no")(text) == "yes"


def whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
            raise ValueError
        return int(text)

    return read


def rates(text: str) -> tuple[RateLimitItem, ...]:
    """Flask-Limiter's notation; several are divided by `;`, each over a time of its own.

    Amounts from 1 to 10,000,000, times of up to ten years.
    """
    items = tuple(parse_many(text))
    if not items or any(not 1 <= item.amount <= 10_000_000 for item in items):
        raise ValueError
    windows = {item.get_expiry() for item in items}
    if len(windows) < len(items) or max(windows) > 10 * 366 * 86_400:
        raise ValueError
    return items
