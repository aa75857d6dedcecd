from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from redis import Redis
from werkzeug.test import TestResponse

from netflix.accounts import password as passwords
from netflix.events import event
from netflix.events.event import Kind, Wanted
from netflix.signin import access, device
from netflix.signin.session import Session
from tests.people import PASSWORD, Browser

Later = Callable[[timedelta], None]
TEN_MINUTES = timedelta(minutes=10)


@pytest.fixture
def member(browser: Browser, ada: str) -> Browser:
    browser.sign_in(ada)
    return browser


@pytest.fixture
def doubted(member: Browser, later: Later) -> Browser:
    """Signed in, and not proved lately."""
    later(TEN_MINUTES)
    return member


def end_others(browser: Browser, **more: object) -> TestResponse:
    return browser.post("/sessions/end-others", None, "/dashboard", **more)


def prove(browser: Browser, password: str = PASSWORD, back: str = "/dashboard") -> TestResponse:
    return browser.post("/prove", {"password": password, "next": back}, page="/prove")


def test_signing_in_is_a_proof_for_ten_minutes(member: Browser, later: Later) -> None:
    later(TEN_MINUTES - timedelta(seconds=5))
    assert end_others(member).headers["Location"] == "/dashboard"
    later(timedelta(seconds=5))
    assert end_others(member).headers["Location"] == "/prove?next=%2Fdashboard"


def test_until_it_is_proved_nothing_is_done_and_then_one_is_led_back(app: Flask, doubted: Browser, ada: str) -> None:
    other = Browser(app)
    other.sign_in(ada)
    asked = end_others(doubted)
    assert other.get("/dashboard").status_code == 200
    page = doubted.get(asked.headers["Location"])
    assert 'name="next" value="/dashboard"' in page.text
    assert ada in page.text
    assert prove(doubted).headers["Location"] == "/dashboard"
    assert "it is you" in doubted.get("/dashboard").text
    assert end_others(doubted).headers["Location"] == "/dashboard"
    assert other.get("/dashboard").status_code == 303


def test_one_browser_is_ended_after_a_fresh_proof_too(app: Flask, browser: Browser, ada: str, later: Later) -> None:
    """ASVS 5.0 7.5.2."""
    other = Browser(app)
    other.sign_in(ada)
    browser.sign_in(ada)
    later(TEN_MINUTES)
    asked = browser.post("/sessions/1/end", {"next": "/account/browsers"}, "/dashboard")
    assert asked.headers["Location"] == "/prove?next=%2Faccount%2Fbrowsers"
    assert other.get("/dashboard").status_code == 200
    prove(browser)
    browser.post("/sessions/1/end", page="/dashboard")
    assert other.get("/dashboard").status_code == 303


def test_a_program_is_told_by_problem_details(doubted: Browser) -> None:
    answer = end_others(doubted, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
    assert "/prove" in answer.get_json()["detail"]


def test_a_proof_gives_a_fresh_token_and_ends_the_old_one(app: Flask, doubted: Browser) -> None:
    before = doubted.client.get_cookie("session")
    prove(doubted)
    thief = Browser(app)
    thief.client.set_cookie("session", before.value)  # type: ignore[union-attr]
    assert [one.get("/dashboard").status_code for one in (doubted, thief)] == [200, 303]
    with app.app_context():
        assert len(Session.everywhere()) == 1


def test_a_form_that_was_open_before_the_proof_is_still_good(doubted: Browser) -> None:
    token = doubted.token("/dashboard")
    prove(doubted)
    answer = doubted.client.post("/sessions/end-others", data={"csrf_token": token}, environ_base=doubted.environ)
    assert answer.headers["Location"] == "/dashboard"


def test_a_wrong_password_proves_nothing_and_is_written_down(app: Flask, doubted: Browser, ada: str) -> None:
    answer = prove(doubted, "wrong guess")
    assert answer.status_code == 422
    assert "not your password" in answer.text
    assert "wrong guess" not in answer.text
    assert 'name="next" value="/dashboard"' in answer.text
    assert "/prove" in end_others(doubted).headers["Location"]
    with app.app_context():
        assert event.latest(Wanted(kinds=(Kind.SIGN_IN_FAILED,)), 1)[0].details == {"proof": "password"}
    assert "could not prove it" in doubted.get("/activity").text


def test_guesses_are_limited_like_signing_in(doubted: Browser, ada: str) -> None:
    assert [prove(doubted, "wrong guess").status_code for _ in range(5)] == [422] * 5
    assert prove(doubted).status_code == 429
    assert doubted.sign_in(ada).status_code == 429


def test_on_a_browser_that_is_known_no_more_they_are_a_stranger_s(
    app: Flask, doubted: Browser, ada: str, redis: Redis
) -> None:
    with app.app_context():
        device.end_devices(1)
    assert prove(doubted, "wrong guess").status_code == 422
    form = {"current_password": "wrong guess", "password": "a quite new password"}
    assert doubted.post("/password", form, page="/password").status_code == 422
    assert not redis.keys("*:device:*")
    assert len(redis.keys("*sign-in:account:*")) == 1


def test_a_right_proof_is_given_back(doubted: Browser) -> None:
    assert [prove(doubted).status_code for _ in range(8)] == [303] * 8


@pytest.mark.parametrize("back", ["https://evil.example", "//evil.example", "/\\evil.example", ""])
def test_one_is_led_nowhere_else(doubted: Browser, back: str) -> None:
    assert prove(doubted, back=back).headers["Location"] == "/dashboard"


def test_it_is_for_who_is_signed_in(browser: Browser) -> None:
    assert browser.get("/prove").headers["Location"].startswith("/login")
    assert browser.post("/prove", {"password": PASSWORD}).headers["Location"] == "/login"


@pytest.mark.parametrize(
    "act", [lambda email: access.end_sessions_of(email), access.disable, lambda email: access.remove(email)]
)
def test_a_proof_brings_back_no_session_that_ended_meanwhile(
    app: Flask, doubted: Browser, ada: str, act: Callable[[str], object], monkeypatch: pytest.MonkeyPatch, grace: str
) -> None:
    check = passwords.matches

    def matches(text: str, kept: str | None, whose: int | None) -> bool:
        with app.app_context():
            act(ada)
        return check(text, kept, whose)

    monkeypatch.setattr(passwords, "matches", matches)
    assert prove(doubted).headers["Location"] == "/login"
    with app.app_context():
        assert Session.everywhere() == []
