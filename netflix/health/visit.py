"""Asking the site from outside, as whoever visits it does; only ever at the address that was named."""

import socket
import ssl
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPSConnection
from typing import NamedTuple
from urllib.parse import urlsplit

# Seconds.
PATIENCE = 8
LONGEST = 1 << 20
APART = "127.0.0.2"


class Answer(NamedTuple):
    """`own` is the address that was asked from."""

    status: int
    headers: HTTPMessage
    text: str
    own: str


class NoAnswer(Exception):
    """Nobody there, or nobody who speaks HTTP, or a certificate that nobody vouches for."""


def ask(url: str, path: str, headers: Sequence[tuple[str, str]] = (), host: str = "") -> Answer:
    """One GET; what it answers is never followed. `host` is another name than the address's own. Raises NoAnswer."""
    parts = urlsplit(url)
    connection = opened(parts.scheme, parts.hostname or "", parts.port)
    try:
        connection.connect()
        own = connection.sock.getsockname()[0]
        connection.putrequest("GET", path, skip_host=True, skip_accept_encoding=True)
        for name, value in (("Host", host or parts.netloc.rpartition("@")[2]), ("Connection", "close"), *headers):
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return Answer(answer.status, answer.msg, answer.read(LONGEST).decode("utf-8", "replace"), own)
    except (OSError, HTTPException, UnicodeError) as error:
        raise NoAnswer(reason(error)) from error
    finally:
        connection.close()


def opened(scheme: str, host: str, port: int | None) -> HTTPConnection:
    own = source(host)
    if scheme == "https":
        context = ssl.create_default_context()
        return HTTPSConnection(host, port or 443, timeout=PATIENCE, source_address=own, context=context)
    return HTTPConnection(host, port or 80, timeout=PATIENCE, source_address=own)


def source(host: str) -> tuple[str, int] | None:
    """On the machine itself another address than a proxy's there, where there is one, so that the two can be told."""
    try:
        first = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0]
        if not str(first).startswith("127."):
            return None
        with socket.socket() as trial:
            trial.bind((APART, 0))
    except OSError:
        return None
    return APART, 0


def reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not good: {error.verify_message}"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
