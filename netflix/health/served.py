"""What is really served: headers, cookies, and whom the site takes itself for, through whatever stands before it."""

import re
from collections.abc import Iterator
from http.cookies import Morsel, SimpleCookie
from urllib.parse import urlsplit

from netflix.config import Config, is_loopback
from netflix.headers import ALWAYS, NO_STORE, POLICY
from netflix.health.finding import Finding, fault, ok, warning
from netflix.health.visit import Answer, NoAnswer, ask

PAGE = "/login"
# What every page with a form has, and no other server's.
OURS = 'name="csrf_token"'
# A name that nobody can have (RFC 6761).
STRANGER = "stranger.invalid"
# Seconds of Strict-Transport-Security: a year (ASVS 5.0 3.4.1).
YEAR = 31_536_000
PROXY = "Let the proxy set X-Forwarded-Proto, and name it in NETFLIX_TRUSTED_PROXIES."


def findings(config: Config, url: str) -> Iterator[Finding]:
    """What cannot be asked where nothing answers is not asked."""
    try:
        answer = ask(url, PAGE)
    except NoAnswer as error:
        yield fault("site", f"{url} does not answer: {error}.", "Start the site and its proxy, or check the address.")
        return
    if answer.status != 200 or OURS not in answer.text:
        yield fault("site", f"{url}{PAGE} is not this site's (it answers {answer.status}).", "Check the address.")
        return
    yield ok("site", f"{url} answers.")
    is_secure = urlsplit(url).scheme == "https"
    yield headers(answer)
    yield cookies(answer, is_secure)
    yield tls(url, answer) if is_secure else in_the_clear(url)
    yield stranger(config, url)
    yield server(answer)


def headers(answer: Answer) -> Finding:
    wanted = [POLICY, *ALWAYS, NO_STORE]
    wrong = [name for name, value in wanted if answer.headers.get_all(name) != [value]]
    if wrong:
        return fault(
            "headers",
            f"Not served as the site says: {', '.join(wrong)}.",
            "Let the proxy neither add, change nor drop the site's headers.",
        )
    return ok("headers", "They are served as the site says them.")


def cookies(answer: Answer, is_secure: bool) -> Finding:
    served = [morsel for line in answer.headers.get_all("Set-Cookie", []) for morsel in SimpleCookie(line).values()]
    for cookie in served:
        if wrong := missing(cookie, is_secure):
            return fault("cookies", f"The cookie {cookie.key} is served without {', '.join(wrong)}.", PROXY)
    if not served:
        return warning("cookies", "The sign-in page sets none.", "Let the proxy keep Set-Cookie, and cache nothing.")
    return ok("cookies", f"{', '.join(cookie.key for cookie in served)}: no script, no other site reads it.")


def missing(cookie: "Morsel[str]", is_secure: bool) -> list[str]:
    there = {
        "HttpOnly": bool(cookie["httponly"]),
        "SameSite": cookie["samesite"].lower() in ("lax", "strict"),
        "Secure": bool(cookie["secure"]) or not is_secure,
        "the prefix __Host-": cookie.key.startswith("__Host-") or not is_secure,
    }
    return [name for name, is_there in there.items() if not is_there]


def tls(url: str, answer: Answer) -> Finding:
    age = re.search(r"max-age=(\d+)", answer.headers.get("Strict-Transport-Security", ""))
    if age is None or int(age[1]) < YEAR:
        return fault("https", "Browsers are not told to come by https only (Strict-Transport-Security).", PROXY)
    if urlsplit(url).port in (None, 443) and not is_sent_on(urlsplit(url).hostname or ""):
        return fault("https", "What comes by http is not sent on to https.", "Redirect port 80 to https in the proxy.")
    return ok("https", "Browsers are told to come by https only.")


def is_sent_on(host: str) -> bool:
    """Or there is nothing on the other port."""
    try:
        answer = ask(f"http://[{host}]" if ":" in host else f"http://{host}", PAGE)
    except NoAnswer:
        return True
    return 300 <= answer.status < 400 and answer.headers.get("Location", "").startswith("https://")


def in_the_clear(url: str) -> Finding:
    if is_loopback(urlsplit(url).hostname or ""):
        return ok("https", "Served on this machine alone, so without TLS.")
    return fault("https", "Passwords travel in the clear.", "Put a proxy that ends TLS before the site.")


def stranger(config: Config, url: str) -> Finding:
    try:
        answer = ask(url, PAGE, host=STRANGER)
    except NoAnswer:
        # Such as nginx's `return 444`.
        return ok("host", "A request for another site's name gets no answer.")
    if STRANGER in answer.headers.get("Location", ""):
        return fault("host", "A request for another site's name is sent on to that name.", "Set NETFLIX_URL.")
    if answer.status == 200 and OURS in answer.text:
        if not config.url and urlsplit(url).scheme == "http" and is_loopback(urlsplit(url).hostname or ""):
            return ok("host", "It answers to any name, since nobody but this machine is served.")
        return fault("host", "It answers to any name.", "Set NETFLIX_URL, and let the proxy pass Host on.")
    return ok("host", "A request for another site's name is refused.")


def server(answer: Answer) -> Finding:
    said = answer.headers.get("Server", "")
    if re.search(r"\d", said):
        return warning("server", f"It tells its version: {said}.", "Hide it; in nginx: `server_tokens off`.")
    return ok("server", "It does not tell its version.")
