"""Nobody learns at the door who has an account: neither from an answer nor from how long it takes (ASVS 5.0 6.3.8)."""

import gc
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

import pytest
from flask import Flask
from redis import Redis
from werkzeug.test import TestResponse

from netflix.accounts import password as passwords
from netflix.accounts.registration import create
from netflix.accounts.user import User
from netflix.signin import access
from netflix.values import rates
from tests.conftest import Build
from tests.people import PASSWORD, Browser
from tests.ranks import CERTAIN, lean

PAIRS = 200
# What a visitor waits, and, on a machine that is busy with other tests too, what the answer costs.
CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}
# In seconds. A user's row is made an object, and a new one enters the indexes: 10 to 20 µs of processor time, which no
# network carries and no limit lets anybody ask often enough for. What is told apart is more than this.
LEAST = 50e-6
WIDE = rates("1000000 per minute")
# Of equal length, so that pages are.
KNOWN, UNKNOWN, DISABLED = "known@example.org", "nobod@example.org", "shuto@example.org"


def wrong_sign_in(browser: Browser, email: str, token: str) -> TestResponse:
    return send(browser, "/login", token, email=email, password="a wrong guess")


def send(browser: Browser, path: str, token: str, **fields: str) -> TestResponse:
    return browser.client.post(path, data={"csrf_token": token, **fields}, environ_base=browser.environ)


def registration(browser: Browser, email: str, token: str) -> TestResponse:
    # Who is unknown is known after it.
    fresh = email if email != UNKNOWN else f"n{next(NUMBERS):04}@example.org"
    return send(browser, "/register", token, email=fresh, password="eleven patient otters")


def recovery(browser: Browser, email: str, token: str) -> TestResponse:
    return send(browser, "/recover", token, email=email)


def unlocking(browser: Browser, email: str, token: str) -> TestResponse:
    return send(browser, "/unlock", token, email=email)


# Whatever a stranger can ask that an e-mail stands in, and the page whose form it is.
ASKED: dict[str, tuple[Callable[[Browser, str, str], TestResponse], str]] = {
    "sign-in": (wrong_sign_in, "/login"),
    "registration": (registration, "/register"),
    "recovery": (recovery, "/recover"),
    "unlock": (unlocking, "/unlock"),
}
NUMBERS = count()


@pytest.fixture
def site(build: Build) -> Flask:
    """Where no limit is met, and two people have an account, of whom one is disabled."""
    # A hash then takes longer than all the rest of an answer, as it does in earnest.
    wide = ("login_limit", "account_limit", "site_limit", "registration_limit", "registration_site_limit")
    site = build(bcrypt_rounds=6, **dict.fromkeys(wide, WIDE))
    with site.app_context():
        for email in (KNOWN, DISABLED):
            create(email, PASSWORD)
        access.disable(DISABLED)
    return site


def answer(response: TestResponse, email: str) -> tuple[object, ...]:
    """All that can be seen of an answer, less what is new in every one, and the e-mail that was sent."""
    text = re.sub(r'name="csrf_token" value="[^"]*"', "", response.text).replace(email, "")
    cookies = [re.sub(r"=[^;]*", "=", cookie, count=1) for cookie in response.headers.getlist("Set-Cookie")]
    headers = {(name, value) for name, value in response.headers if name not in ("Set-Cookie", "Date")}
    return response.status_code, text, sorted(headers), cookies


@pytest.mark.parametrize("kind", ASKED)
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_the_answer_is_the_same_for_known_unknown_and_disabled(site: Flask, kind: str, accept: str) -> None:
    ask, page = ASKED[kind]
    answers = []
    for email in (KNOWN, UNKNOWN, DISABLED):
        browser = Browser(site)
        browser.environ["HTTP_ACCEPT"] = accept
        answers.append(answer(ask(browser, email, browser.token(page)), email))
    assert answers[0] == answers[1] == answers[2]


def measured(site: Flask, redis: Redis, kind: str, pair: tuple[str, str]) -> dict[str, list[tuple[float, float]]]:
    """The seconds of each by each clock, asked in turn; which of the two comes first is left to chance."""
    ask, page = ASKED[kind]
    browser = Browser(site)
    token = browser.token(page)
    found: dict[str, list[tuple[float, float]]] = {clock: [] for clock in CLOCKS}
    with undisturbed():
        for _ in range(PAIRS):
            redis.flushall()
            seconds = {}
            for email in random.sample(pair, 2):
                began = [clock() for clock in CLOCKS.values()]
                ask(browser, email, token)
                seconds[email] = [clock() - start for clock, start in zip(CLOCKS.values(), began, strict=True)]
            for clock, known, other in zip(CLOCKS, seconds[pair[0]], seconds[pair[1]], strict=True):
                found[clock].append((known, other))
    return found


@contextmanager
def undisturbed() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def direction(pairs: list[tuple[float, float]]) -> int:
    """1 where the first of each pair takes longer by more than LEAST, -1 where the second does, else 0."""
    longer = lean([(one - LEAST, other) for one, other in pairs]) > CERTAIN
    shorter = lean([(one + LEAST, other) for one, other in pairs]) < -CERTAIN
    return longer - shorter


def directions(site: Flask, redis: Redis, kind: str, pair: tuple[str, str]) -> dict[str, int]:
    return {clock: direction(pairs) for clock, pairs in measured(site, redis, kind, pair).items()}


def telling(site: Flask, redis: Redis, kind: str, pair: tuple[str, str]) -> set[str]:
    """The clocks by which the two are told apart; what seems so by chance does not seem so twice in one direction."""
    first = directions(site, redis, kind, pair)
    if not any(first.values()):
        return set()
    again = directions(site, redis, kind, pair)
    return {clock for clock in CLOCKS if first[clock] and first[clock] == again[clock]}


@pytest.mark.parametrize("kind", ASKED)
@pytest.mark.parametrize("pair", [(KNOWN, UNKNOWN), (DISABLED, UNKNOWN)], ids=["known", "disabled"])
def test_the_time_is_the_same(site: Flask, redis: Redis, kind: str, pair: tuple[str, str]) -> None:
    assert telling(site, redis, kind, pair) == set()


def test_a_password_check_that_is_left_out_is_seen(site: Flask, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted leak, as most sites have it: nothing is hashed for whom there is no hash."""
    true = passwords.matches

    def matches(text: str, kept: str | None, whose: int | None = None) -> bool:
        return kept is not None and true(text, kept, whose)

    monkeypatch.setattr(passwords, "matches", matches)
    assert directions(site, redis, "sign-in", (KNOWN, UNKNOWN)) == dict.fromkeys(CLOCKS, 1)


def test_half_a_millisecond_is_seen(site: Flask, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted leak of a look-up more, such as a row that is read for known e-mails alone."""
    true = User.known_as

    def known_as(email: str) -> User | None:
        found = true(email)
        until = time.process_time() + 0.0005 * (found is not None)
        while time.process_time() < until:
            pass
        return found

    monkeypatch.setattr(User, "known_as", known_as)
    assert directions(site, redis, "sign-in", (KNOWN, UNKNOWN))["processor"] == 1
