"""What each page may cost, counted: statements and round trips, not seconds."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from flask import Flask

from tests.people import PASSWORD, Browser
from tests.watching import hashes, round_trips, statements


def cost(app: Flask, act: Callable[[], object]) -> tuple[int, int, int]:
    """(statements, round trips to Redis, hashes)"""
    with statements(app) as asked, round_trips() as trips, hashes() as done:
        act()
    return len(asked), len(trips), len(done)


def test_pages_for_strangers_cost_nothing(app: Flask, browser: Browser) -> None:
    for path in ("/", "/login", "/register", "/dashboard", "/nowhere", "/.well-known/change-password"):
        assert cost(app, partial(browser.get, path)) == (0, 0, 0), path


def test_a_session_check_is_one_statement_and_no_redis(app: Flask, browser: Browser, ada: str) -> None:
    browser.sign_in(ada)
    assert cost(app, lambda: browser.get("/")) == (1, 0, 0)
    assert cost(app, lambda: browser.get("/password")) == (1, 0, 0)


def test_the_dashboard_is_two_statements(app: Flask, browser: Browser, ada: str) -> None:
    browser.sign_in(ada)
    for _ in range(3):
        Browser(app).sign_in(ada)
    assert cost(app, lambda: browser.get("/dashboard")) == (2, 0, 0)


def test_and_one_more_when_last_seen_is_written(
    app: Flask, browser: Browser, ada: str, later: Callable[[timedelta], None]
) -> None:
    browser.sign_in(ada)
    later(timedelta(minutes=6))
    assert cost(app, lambda: browser.get("/dashboard")) == (3, 0, 0)
    assert cost(app, lambda: browser.get("/dashboard")) == (2, 0, 0)


def sending(browser: Browser, email: str, password: str) -> Callable[[], object]:
    fields = {"csrf_token": browser.token(), "email": email, "password": password}
    return lambda: browser.client.post("/login", data=fields, environ_base=browser.environ)


def test_a_wrong_sign_in_is_one_round_trip_one_hash_and_four_statements(app: Flask, browser: Browser, ada: str) -> None:
    """One to find the user, three to write it into the record."""
    browser.sign_in(ada, "wrong")
    assert cost(app, sending(browser, ada, "wrong")) == (4, 1, 1)
    assert cost(app, sending(browser, "nobody@example.org", "wrong")) == (4, 1, 1)


def test_a_rejected_one_is_one_round_trip(app: Flask, browser: Browser, ada: str) -> None:
    for _ in range(5):
        browser.sign_in(ada, "wrong")
    assert cost(app, sending(browser, ada, PASSWORD)) == (0, 1, 0)


def test_a_right_one_gives_itself_back(app: Flask, browser: Browser, ada: str) -> None:
    """A known browser has its row read; a new one gets a row, in place of the oldest of too many, and is told of."""
    browser.sign_in(ada)
    browser.sign_out()
    assert cost(app, sending(browser, ada, PASSWORD)) == (8, 2, 1)
    assert cost(app, sending(Browser(app), ada, PASSWORD)) == (10, 2, 1)


def test_a_wrong_one_of_a_known_browser_is_no_dearer_to_redis(app: Flask, browser: Browser, ada: str) -> None:
    browser.sign_in(ada)
    browser.sign_out()
    assert cost(app, sending(browser, ada, "wrong")) == (5, 1, 1)


def test_a_form_without_its_token_reaches_no_database(app: Flask, browser: Browser, ada: str) -> None:
    asked, _, done = cost(app, lambda: browser.client.post("/login", data={"email": ada, "password": PASSWORD}))
    assert (asked, done) == (0, 0)


def test_health_is_one_statement_and_one_round_trip(app: Flask, browser: Browser) -> None:
    browser.get("/healthz")
    assert cost(app, lambda: browser.get("/healthz")) == (1, 1, 0)
