"""Strangers used an account's attempts up; its owner gets in by a mailed link."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from redis import Redis

from netflix.accounts.one_time_link import OneTimeLink, Purpose
from netflix.accounts.user import User
from netflix.events import event
from netflix.events.event import Kind, Wanted
from netflix.extensions import db
from netflix.signin import access
from netflix.signin.device import Device
from netflix.signin.visitor import Visitor
from tests.conftest import Build
from tests.factors.app import second, set_up
from tests.people import MALLORY, PASSWORD, Browser, Letters, links_in
from tests.watching import statements


@pytest.fixture
def besieged(app: Flask, ada: str, letters: Letters) -> str:
    """An account that strangers keep trying; its e-mail."""
    for number in range(10):
        Browser(app, f"198.51.100.{number}").sign_in(ada, "a wild guess")
    letters()
    return ada


def ask(browser: Browser, email: str) -> int:
    return browser.post("/unlock", {"email": email}, page="/unlock").status_code


def link_to(letters: Letters, email: str) -> str:
    (text,) = letters.to(email)
    return links_in(text)[0]


def test_the_owner_on_a_new_browser_gets_in_at_the_first_try(
    app: Flask, browser: Browser, besieged: str, letters: Letters
) -> None:
    refused = browser.sign_in(besieged)
    assert refused.status_code == 429
    assert 'action="/unlock"' in refused.text
    assert f'name="email" value="{besieged}"' in refused.text
    token = re.search(r'name="csrf_token" value="([^"]+)"', refused.text)[1]  # type: ignore[index]
    form = {"csrf_token": token, "email": besieged}
    answer = browser.client.post("/unlock", data=form, environ_base=browser.environ)
    assert (answer.status_code, answer.location) == (303, "/unlock/asked")
    assert "a link is on its way" in browser.get("/unlock/asked").text
    link = link_to(letters, besieged)
    assert browser.get(link).location == "/confirm/unlock"
    assert besieged in browser.get("/confirm/unlock").text
    assert browser.sign_in(besieged).status_code == 429
    answer = browser.post("/confirm/unlock", page="/confirm/unlock")
    assert (answer.status_code, answer.location) == (303, "/login")
    assert browser.sign_in(besieged).status_code == 303
    assert Browser(app, "192.0.2.99").sign_in(besieged).status_code == 429


def test_the_password_is_asked_as_ever_and_guesses_are_counted(
    browser: Browser, besieged: str, letters: Letters
) -> None:
    ask(browser, besieged)
    browser.post("/confirm/unlock", page=link_to(letters, besieged))
    assert [browser.sign_in(besieged, "a wild guess").status_code for _ in range(6)] == [401] * 5 + [429]


def test_it_works_once_and_in_the_browser_that_opens_it(
    app: Flask, browser: Browser, besieged: str, letters: Letters
) -> None:
    ask(browser, besieged)
    link = link_to(letters, besieged)
    assert browser.post("/confirm/unlock", page=link).status_code == 303
    assert Browser(app).get(link).status_code == 410


def test_it_opens_one_account_alone(app: Flask, browser: Browser, besieged: str, grace: str, letters: Letters) -> None:
    for number in range(10):
        Browser(app, f"198.51.100.{number}").sign_in(grace, "a wild guess")
    ask(browser, besieged)
    browser.post("/confirm/unlock", page=link_to(letters, besieged))
    assert browser.sign_in(grace).status_code == 429


def test_known_and_unknown_addresses_are_answered_the_same(app: Flask, ada: str, letters: Letters) -> None:
    def answered(email: str, address: str) -> tuple[object, ...]:
        browser = Browser(app, address)
        form = {"csrf_token": browser.token("/unlock"), "email": email}
        with statements(app) as asked:
            answer = browser.client.post("/unlock", data=form, environ_base=browser.environ)
        return answer.status_code, answer.text, answer.headers.to_wsgi_list(), len(asked)

    assert answered(ada, "192.0.2.1") == answered("nobody@example.org", "192.0.2.2")
    assert [letter["To"] for letter in letters()] == [ada]


def unlocked(app: Flask, email: str) -> Browser:
    """A browser that a mailed link made known, where nobody has signed in yet."""
    with app.app_context():
        link = OneTimeLink.issued(User.named(email), Purpose.UNLOCK)
        db.session.commit()
    browser = Browser(app, MALLORY)
    assert browser.post("/confirm/unlock", page=f"/confirm/unlock/{link.token}").status_code == 303
    return browser


def test_it_pushes_no_browser_out_in_silence_and_of_those_that_signed_in_one_at_most(app: Flask, ada: str) -> None:
    with app.app_context():
        for number in range(Device.MOST):
            Device.added(1, Visitor(f"192.0.2.{number}"))
            db.session.commit()
    for _ in range(3):
        unlocked(app, ada)
    with app.app_context():
        assert [row.by_link for row in Device.of(1)].count(False) == Device.MOST - 1
        told = event.latest(Wanted(kinds=(Kind.DEVICE_FORGOTTEN,)), 9)
    assert [row.details for row in told] == [{"reason": "too many", "devices": 1}] * 3


def test_its_codes_are_a_stranger_s_until_one_is_right(
    app: Flask, browser: Browser, ada: str, redis: Redis, later: Callable[[timedelta], None]
) -> None:
    """Else who reads the mailbox makes one after the other, and guesses without end."""
    browser.sign_in(ada)
    phone = set_up(browser)
    later(timedelta(seconds=30))
    new = unlocked(app, ada)
    new.sign_in(ada)
    assert second(new, "000000").status_code == 422
    assert redis.keys("*codes-in-a-row:account*")
    assert redis.keys("*:sign-in:device*")
    assert not redis.keys("*codes-in-a-row:device*")
    assert second(new, phone.code()).status_code == 303
    assert not redis.keys("*codes-in-a-row*")
    new.sign_out()
    new.sign_in(ada)
    assert second(new, "000000").status_code == 422
    assert redis.keys("*codes-in-a-row:device*")
    assert not redis.keys("*codes-in-a-row:account*")


def test_nor_has_it_codes_of_its_own_where_one_proves_it_again(
    app: Flask, browser: Browser, ada: str, redis: Redis, later: Callable[[timedelta], None]
) -> None:
    """Who took over a session, and reads the mailbox."""
    browser.sign_in(ada)
    set_up(browser)
    thief, session = unlocked(app, ada), browser.client.get_cookie("session")
    assert session
    thief.client.set_cookie("session", session.value)
    assert thief.post("/prove", {"password": PASSWORD, "code": "000000"}, page="/prove").status_code == 422
    assert redis.keys("*codes-in-a-row:account*")
    assert not redis.keys("*codes-in-a-row:device*")


def test_an_unconfirmed_or_disabled_account_gets_none(
    app: Flask, browser: Browser, ada: str, grace: str, letters: Letters
) -> None:
    browser.register("new@example.org")
    with app.app_context():
        access.disable(ada)
    letters()
    ask(browser, ada)
    ask(browser, "new@example.org")
    assert letters() == []


def test_disabling_or_a_new_password_ends_it(
    app: Flask, browser: Browser, ada: str, grace: str, letters: Letters
) -> None:
    for act in (lambda: access.set_password(ada, PASSWORD), lambda: access.disable(ada)):
        ask(browser, ada)
        link = link_to(letters, ada)
        with app.app_context():
            act()
        letters()
        assert browser.get(link).status_code == 410


def test_asking_is_limited(app: Flask, browser: Browser, ada: str, later: Callable[[timedelta], None]) -> None:
    assert [ask(Browser(app, f"192.0.2.{n}"), ada) for n in range(4)] == [303] * 3 + [429]
    later(timedelta(minutes=61))
    assert ask(browser, ada) == 303


def test_it_lasts_an_hour(
    app: Flask, browser: Browser, ada: str, letters: Letters, later: Callable[[timedelta], None]
) -> None:
    ask(browser, ada)
    link = link_to(letters, ada)
    later(timedelta(hours=1))
    assert browser.get(link).status_code == 410


def test_a_wrong_password_alone_offers_no_link(browser: Browser, ada: str) -> None:
    assert 'action="/unlock"' not in browser.sign_in(ada, "wrong").text
    assert 'action="/unlock"' not in browser.get("/login").text


def test_without_mail_none_is_offered(build: Build, ada: str) -> None:
    browser = Browser(build(host="192.0.2.1"))
    for _ in range(5):
        browser.sign_in(ada, "wrong")
    refused = browser.sign_in(ada)
    assert refused.status_code == 429
    assert 'action="/unlock"' not in refused.text
    assert browser.post("/unlock", {"email": ada}).status_code == 403
