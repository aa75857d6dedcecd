"""A limit that is used up is written down once, whichever it is."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from netflix.events import event
from netflix.events.event import Event, Kind, Wanted
from tests.factors.authenticator import Authenticator, send
from tests.people import PASSWORD, Browser

Later = Callable[[timedelta], None]
GUESS = "a wrong guess"


def reached(app: Flask) -> list[Event]:
    """The oldest first."""
    with app.app_context():
        return list(event.following(Wanted(kinds=(Kind.LIMIT_REACHED,))))


def recover(browser: Browser, email: str) -> int:
    return browser.post("/recover", {"email": email}, page="/recover").status_code


def unlock(browser: Browser, email: str) -> int:
    return browser.post("/unlock", {"email": email}, page="/unlock").status_code


def register(browser: Browser, email: str) -> int:
    return browser.register(email).status_code


def export(browser: Browser, email: str) -> int:
    if not browser.client.get_cookie("devices"):
        browser.sign_in(email)
    return browser.post("/account/export", page="/account/export").status_code


def ask_for_passkey(browser: Browser, _: str) -> int:
    return send(browser, "/login/passkey/options", {}).status_code


def show_passkey(browser: Browser, _: str) -> int:
    asked = send(browser, "/login/passkey/options", {}).get_json()
    return send(browser, "/login/passkey", {"credential": Authenticator().use(asked)}).status_code


@pytest.mark.parametrize(
    ("act", "lets_in", "limit", "lane"),
    [
        (recover, 3, "recover", "account"),
        (unlock, 3, "unlock", "account"),
        (register, 5, "register", "account"),
        (export, 10, "export", "account"),
        (show_passkey, 10, "passkey", "address"),
        (ask_for_passkey, 60, "passkey-asked", "address"),
    ],
)
def test_each_is_an_event_with_its_last_attempt(
    app: Flask, browser: Browser, ada: str, act: Callable[[Browser, str], int], lets_in: int, limit: str, lane: str
) -> None:
    assert 429 not in [act(browser, ada) for _ in range(lets_in)]
    (row,) = reached(app)
    assert row.details == {"limit": limit, "lane": lane}
    assert (row.user_id, row.address) == (1 if lane == "account" else None, "192.0.2.10")
    assert [act(browser, ada) for _ in range(2)] == [429] * 2
    assert len(reached(app)) == 1


def test_of_an_unknown_e_mail_its_digest_alone(app: Flask, browser: Browser) -> None:
    for _ in range(3):
        recover(browser, "nobody@example.org")
    (row,) = reached(app)
    assert row.user_id is None
    assert set(row.details) == {"limit", "lane", "account"}
    assert len(row.details["account"]) == 12


def test_who_keeps_at_it_is_written_down_once_in_its_window(
    app: Flask, browser: Browser, ada: str, later: Later
) -> None:
    """Each of the last three was the last that the minute allowed."""
    for _ in range(8):
        assert browser.sign_in(ada, GUESS).status_code == 401
        later(timedelta(seconds=13))
    assert len(reached(app)) == 1


def test_what_was_given_back_used_nothing_up(app: Flask, browser: Browser, ada: str) -> None:
    for guess in (*[GUESS] * 4, PASSWORD):
        browser.sign_in(ada, guess)
    assert reached(app) == []


def test_the_limits_of_a_known_browser_are_its_owner_s(app: Flask, known: Browser, ada: str) -> None:
    for _ in range(5):
        known.sign_in(ada, GUESS)
    (row,) = reached(app)
    assert (row.user_id, row.details) == (1, {"limit": "sign-in", "lane": "device"})
    Browser(app, "203.0.113.1").sign_in(ada)
    assert known.sign_in(ada).status_code == 429


def test_it_is_told_in_words(app: Flask, browser: Browser, ada: str) -> None:
    for _ in range(10):
        export(browser, ada)
    told = "A limit was reached, so that more had to wait for a while: copies of one&#39;s data."
    assert told in browser.get("/activity").text
