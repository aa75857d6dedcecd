import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy.exc import IntegrityError

from netflix.accounts import registration
from netflix.accounts.user import User
from netflix.values import rates
from tests.conftest import Build
from tests.people import PASSWORD, Browser, Letters
from tests.watching import hashes, round_trips, statements

JSON = {"Accept": "application/json"}


def everyone(app: Flask) -> list[str]:
    with app.app_context():
        return [user.email for user in User.everyone()]


def test_a_stranger_becomes_a_user_who_may_sign_in(app: Flask, browser: Browser) -> None:
    answer = browser.register("new@example.org")
    assert (answer.status_code, answer.location) == (303, "/login")
    assert "Sign in to go on." in browser.get("/login").text
    assert browser.sign_in("new@example.org").status_code == 303


def test_registering_makes_no_administrator(app: Flask, browser: Browser) -> None:
    browser.post("/register", {"email": "m@x", "password": PASSWORD, "is_admin": "y", "id": "1"}, page="/register")
    with app.app_context():
        assert not User.named("m@x").is_admin


def answered(app: Flask, email: str) -> tuple[object, ...]:
    """All that a stranger sees of a registration, but for what is random."""
    browser = Browser(app, f"192.0.2.{len(email)}")
    answer = browser.register(email, "another password")
    headers = [(name, value.partition("=")[0]) for name, value in answer.headers if name != "Date"]
    page = re.sub(r'value="[^"]{40,}"', "", browser.get("/login").text)
    return answer.status_code, answer.text, headers, page, list(browser.client._cookies or {})


def test_an_address_that_is_taken_is_told_to_its_owner_alone(
    app: Flask, browser: Browser, ada: str, letters: Letters
) -> None:
    assert answered(app, ada.upper()) == answered(app, "new@example.org") == answered(app, "new@example.org")
    assert browser.sign_in(ada).status_code == 303
    assert everyone(app) == [ada, "new@example.org"]
    told = letters()
    assert [(letter["To"], letter["Subject"]) for letter in told] == [
        (ada, "You have an account already"),
        ("new@example.org", "Please confirm your e-mail"),
        ("new@example.org", "Please confirm your e-mail"),
    ]


def test_a_taken_address_costs_what_a_free_one_costs(app: Flask, browser: Browser, ada: str) -> None:
    def cost(email: str) -> tuple[list[str], int, int]:
        form = {"email": email, "password": PASSWORD, "csrf_token": browser.token("/register")}
        with statements(app) as asked, round_trips() as trips, hashes() as done:
            browser.client.post("/register", data=form, environ_base=browser.environ)
        return [re.split(r"\(|SET|WHERE", statement)[0] for statement in asked], len(trips), len(done)

    cost("first@example.org")
    assert cost(ada) == cost("new@example.org")


def test_of_two_who_take_an_address_in_the_same_moment_the_second_is_no_fault(
    app: Flask, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = registration.enter

    def overtaken(*args: Any) -> None:
        monkeypatch.setattr(registration, "enter", true)
        raise IntegrityError("", None, Exception())

    monkeypatch.setattr(registration, "enter", overtaken)
    assert browser.register("new@example.org").status_code == 303
    assert everyone(app) == ["new@example.org"]


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


def test_all_strangers_together_register_so_many_times_an_hour(
    build: Build, later: Callable[[timedelta], None]
) -> None:
    """From however many addresses: each has us hash, and write to whom they please."""
    site = build(registration_site_limit=rates("3 per hour"))
    crowd = [Browser(site, f"203.0.113.{n}").register(f"n{n}@example.org").status_code for n in range(5)]
    assert crowd == [303, 303, 303, 429, 429]
    later(timedelta(hours=1))
    assert Browser(site, "203.0.113.9").register("n9@example.org").status_code == 303


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


def test_registering_one_address_again_and_again_is_counted(app: Flask, ada: str) -> None:
    answers = [Browser(app, f"192.0.2.{n}").register(ada).status_code for n in range(6)]
    assert answers == [303] * 5 + [429]


def test_without_mail_the_answer_is_the_same_for_both(build: Build, ada: str) -> None:
    site = build(host="192.0.2.1")
    assert answered(site, ada) == answered(site, "new@example.org")
    assert "sent" not in Browser(site).get("/login").text


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


def test_registering_again_and_again_does_not_make_the_cookie_grow(browser: Browser) -> None:
    sizes = set()
    for n in range(4):
        token = browser.token("/register")
        fields = {"csrf_token": token, "email": f"new{n}@example.org", "password": PASSWORD}
        answer = browser.client.post("/register", data=fields, environ_base=browser.environ)
        sizes.add(len(answer.headers["Set-Cookie"]))
    assert len(sizes) == 1
