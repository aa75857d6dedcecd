"""Whether the site knows its visitors through whatever stands before it, also those who say they are others."""

import json
from collections.abc import Generator, Sequence
from ipaddress import ip_network
from typing import NamedTuple
from urllib.parse import urlsplit

from netflix.errors import Declined
from netflix.health import probe
from netflix.health.finding import Finding, fault, ok, warning
from netflix.health.visit import NoAnswer, ask
from netflix.limits.address import parsed

# Of networks that are in documents only (RFC 5737), so nobody's.
FORGED, FORGED_TOO = "203.0.113.77", "198.51.100.77"
HEADERS: dict[str, Sequence[tuple[str, str]]] = {
    "X-Forwarded-For": [("X-Forwarded-For", FORGED)],
    "two X-Forwarded-For": [("X-Forwarded-For", FORGED), ("X-Forwarded-For", FORGED_TOO)],
    "X_Forwarded_For": [("X_Forwarded_For", FORGED)],
    "Forwarded": [("Forwarded", f"for={FORGED};proto=https")],
    "X-Real-IP": [("X-Real-IP", FORGED)],
}
APPEND = (
    "Let the proxy append the client to X-Forwarded-For (nginx: $proxy_add_x_forwarded_for) and drop header names with "
    "underscores; in NETFLIX_TRUSTED_PROXIES name the proxy alone."
)


class Seen(NamedTuple):
    """Whom the site took the doctor for. `peer` is who called it, at its own `port`, with what in X-Forwarded-For."""

    address: str
    scheme: str
    peer: str
    port: str
    forwarded: str
    # The networks whose word it takes.
    trusted: list[str]
    # Where the doctor asked from.
    own: str

    @property
    def is_trusted_itself(self) -> bool:
        """Whether the doctor asked from where a proxy may be, so that what it says is rightly believed."""
        told = parsed(self.forwarded.rpartition(",")[2]) if self.forwarded else None
        asking = told or (parsed(self.peer) if self.peer == self.own else None)
        return asking is not None and any(asking in ip_network(one) for one in self.trusted)


def findings(url: str) -> Generator[Finding, None, None]:
    """Raises CountersUnavailable, and Declined where the site cannot be asked."""
    with probe.opened() as carried:
        plain = asked(url, carried)
        seen = {name: asked(url, carried, headers) for name, headers in HEADERS.items()}
        other = "http" if urlsplit(url).scheme == "https" else "https"
        claimed = asked(url, carried, [("X-Forwarded-Proto", other)])
    yield visitor(url, plain, seen["X-Forwarded-For"])
    for name, one in seen.items():
        yield forged(name, one, plain)
    yield scheme(url, plain, claimed)


def asked(url: str, carried: str, headers: Sequence[tuple[str, str]] = ()) -> Seen:
    try:
        answer = ask(url, probe.PATH, [(probe.HEADER, carried), *headers])
    except NoAnswer as error:
        raise Declined(f"{url} does not answer: {error}.", "Start the site and its proxy, or check --url.") from error
    try:
        return Seen(**json.loads(answer.text), own=answer.own)
    except (ValueError, TypeError) as error:
        raise Declined(
            f"{url} is not this site (it answers {answer.status}).",
            "Check --url; site and terminal must have the same Redis, and the proxy must pass on X-Netflix-Probe.",
        ) from error


def visitor(url: str, plain: Seen, claiming: Seen) -> Finding:
    """Whom it takes an honest one for."""
    if is_between(url, plain, claiming) and plain.address == plain.peer:
        trust = f"NETFLIX_TRUSTED_PROXIES={plain.peer}/{128 if ':' in plain.peer else 32}"
        append = "Let the proxy append the client to X-Forwarded-For, and set"
        return fault(
            "visitor",
            f"Everybody looks like the proxy, {plain.peer}: one guesser uses up everybody's attempts.",
            f"{'Set' if plain.forwarded else append} {trust}.",
        )
    return ok("visitor", f"You are taken for {plain.address}, who called from {plain.own}.")


def is_between(url: str, plain: Seen, claiming: Seen) -> bool:
    """Whether a proxy stands before the site: it says so, changes what was said, or calls for others."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    calls = plain.peer != plain.own and plain.port.isdigit() and int(plain.port) != port
    return bool(plain.forwarded) or claiming.forwarded != FORGED or calls


def forged(name: str, seen: Seen, plain: Seen) -> Finding:
    if seen.address not in (FORGED, FORGED_TOO):
        return ok(name, f"A forged one was not believed ({seen.address}).")
    if plain.is_trusted_itself:
        return warning(
            name,
            f"It was believed, since {plain.own} is one of the trusted proxies ({', '.join(plain.trusted)}).",
            "Ask from a machine that is none, at the address that people type.",
        )
    return fault(name, f"It was believed: anybody can be anybody ({seen.address}).", APPEND)


def scheme(url: str, plain: Seen, claimed: Seen) -> Finding:
    wanted = urlsplit(url).scheme
    if plain.scheme != wanted:
        return fault(
            "scheme",
            f"The site takes {wanted} for {plain.scheme}, so its cookies are not Secure.",
            f"Let the proxy set X-Forwarded-Proto, and set NETFLIX_TRUSTED_PROXIES={plain.peer}.",
        )
    if claimed.scheme != wanted and not plain.is_trusted_itself:
        return fault(
            "scheme",
            "A forged X-Forwarded-Proto was believed.",
            "Let the proxy set it anew (nginx: proxy_set_header X-Forwarded-Proto $scheme).",
        )
    return ok("scheme", f"It knows that it is reached by {wanted}; a forged X-Forwarded-Proto was not believed.")
