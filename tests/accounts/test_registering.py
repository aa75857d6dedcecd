from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from redis import Redis

from netflix.accounts.user import User
from tests.people import PASSWORD, Browser
from tests.watching import hashes, round_trips, statements

JSON = {"Accept": "application/json"}


def everyone(app: Flask) -> list[str]:
    with app.app_context():
        return [user.email for user in User.everyone()]


def test_a_stranger_becomes_a_user_who_may_sign_in(app: Flask, browser: Browser) -> None:
    answer = browser.register("new@example.org")
    assert (answer.status_code, answer.location) == (303, "/login")
    assert "Your account is ready" in browser.get("/login").text
    assert browser.sign_in("new@example.org").status_code == 303


def test_registering_makes_no_administrator(app: Flask, browser: Browser) -> None:
    browser.post("/register", {"email": "m@x", "password": PASSWORD, "is_admin": "y", "id": "1"}, page="/register")
    with app.app_context():
        assert not User.named("m@x").is_admin


def test_an_address_that_is_taken_is_told_at_its_field(app: Flask, browser: Browser, ada: str) -> None:
    answer = browser.register(ada.upper(), "another password")
    assert answer.status_code == 422
    assert "There is an account with this e-mail already" in answer.text
    assert browser.sign_in(ada).status_code == 303
    assert everyone(app) == [ada]


def test_what_was_typed_is_kept_but_never_the_password(browser: Browser) -> None:
    answer = browser.register("no address", "my secret thing")
    assert answer.status_code == 422
    assert 'value="no address"' in answer.text
    assert "my secret thing" not in answer.text


def test_both_faults_are_told_at_once(browser: Browser) -> None:
    page = browser.register("", "short").text
    assert "Type your e-mail address." in page
    assert "Use at least 8 characters." in page
    assert page.count('aria-invalid="true"') == 2


def test_a_program_is_told_the_same_as_problem_details(app: Flask, browser: Browser) -> None:
    answer = browser.post("/register", {"email": "x", "password": "y"}, page="/register", headers=JSON)
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    assert set(answer.json["errors"]) == {"email", "password"}  # type: ignore[index]
    assert answer.json["status"] == 422  # type: ignore[index]


def test_markup_in_an_address_stays_text(browser: Browser) -> None:
    page = browser.register("<script>alert(1)</script>", PASSWORD).text
    assert "<script>alert" not in page


def test_the_eleventh_registration_of_an_hour_waits(browser: Browser, later: Callable[[timedelta], None]) -> None:
    answers = [browser.register(f"{n}@example.org").status_code for n in range(11)]
    assert answers == [303] * 10 + [429]
    later(timedelta(minutes=61))
    assert browser.register("late@example.org").status_code == 303


def test_another_address_registers_meanwhile(app: Flask, browser: Browser) -> None:
    for n in range(11):
        browser.register(f"{n}@example.org")
    assert Browser(app, "192.0.2.11").register("other@example.org").status_code == 303


def test_a_limited_registration_hashes_nothing_and_asks_the_database_nothing(app: Flask, browser: Browser) -> None:
    token = browser.token("/register")
    for n in range(10):
        browser.register(f"{n}@example.org")
    form = {"email": "z@example.org", "password": PASSWORD, "csrf_token": token}
    with statements(app) as asked, hashes() as done, round_trips() as trips:
        answer = browser.client.post("/register", data=form, environ_base=browser.environ)
    assert (answer.status_code, asked, done, len(trips)) == (429, [], [], 1)
    assert 'value="z@example.org"' in answer.text
    assert "data-retry-after=" in answer.text


def test_a_slip_of_the_keyboard_is_not_counted(browser: Browser, redis: Redis) -> None:
    browser.register("no address", "short")
    assert redis.dbsize() == 0


def test_trying_whether_addresses_are_taken_is_counted(browser: Browser, ada: str) -> None:
    answers = [browser.register(ada).status_code for _ in range(11)]
    assert answers == [422] * 10 + [429]


def test_an_address_that_is_taken_costs_the_same_hash(browser: Browser, ada: str) -> None:
    with hashes() as done:
        browser.register(ada)
        browser.register("new@example.org")
    assert done == [b"$2b$04$"] * 2


@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_only_sending_the_form_counts(browser: Browser, redis: Redis, method: str) -> None:
    for _ in range(12):
        getattr(browser.client, method)("/register", environ_base=browser.environ)
    assert redis.dbsize() == 0


ODD = [f"{PASSWORD:x<73}", "👩‍👩‍👧‍👦🎬 lanterns 🍿", "before\0after", f"{PASSWORD:x<1024}", f"{PASSWORD:𝕏<1024}"]


@pytest.mark.parametrize("text", ODD)
def test_odd_passwords_register_and_sign_in(app: Flask, browser: Browser, text: str) -> None:
    assert browser.register("odd@example.org", text).status_code == 303
    assert browser.sign_in("odd@example.org", text).status_code == 303
    assert Browser(app).sign_in("odd@example.org", text + "x").status_code == 401


def test_a_megabyte_is_too_much(browser: Browser) -> None:
    assert browser.register("big@example.org", "x" * 1_000_000).status_code == 413
