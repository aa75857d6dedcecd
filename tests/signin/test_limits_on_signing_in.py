"""The limits as a guesser meets them."""

import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from redis import Redis

from netflix.accounts import password as passwords
from netflix.signin import access
from netflix.values import rates
from tests.conftest import Build
from tests.people import PASSWORD, Browser
from tests.watching import hashes, round_trips, statements

Later = Callable[[timedelta], None]


def guesses(browser: Browser, email: str, times: int) -> list[int]:
    return [browser.sign_in(email, "a wrong guess").status_code for _ in range(times)]


def test_the_sixth_wrong_attempt_in_a_minute_is_told_when_to_come_back(browser: Browser, ada: str) -> None:
    assert guesses(browser, ada, 5) == [401] * 5
    answer = browser.sign_in(ada, "a wrong guess")
    assert answer.status_code == 429
    assert 55 <= int(answer.headers["Retry-After"]) <= 60
    assert re.search(r"Try again in (60|5\d) seconds\.", answer.text)
    assert f'data-retry-after="{answer.headers["Retry-After"]}"' in answer.text
    assert f'value="{ada}"' in answer.text


def test_the_right_password_does_not_help_while_limited(browser: Browser, ada: str) -> None:
    guesses(browser, ada, 5)
    assert browser.sign_in(ada).status_code == 429


def test_the_page_of_the_limit_is_the_same_for_known_and_unknown(app: Flask, ada: str) -> None:
    pages = set()
    for address, email in (("192.0.2.1", ada), ("192.0.2.2", "nobody@example.org")):
        browser = Browser(app, address)
        guesses(browser, email, 5)
        page = re.sub(r'name="csrf_token" value="[^"]*"', "", browser.sign_in(email).text).replace(email, "")
        pages.add(re.sub(r'(in |retry-after=")\d+', r"\1", page))
    assert len(pages) == 1


def test_a_program_is_told_the_limit_in_problem_details(browser: Browser, ada: str) -> None:
    guesses(browser, ada, 5)
    answer = browser.post("/login", {"email": ada, "password": "x"}, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.mimetype) == (429, "application/problem+json")
    assert "Retry-After" in answer.headers


def test_after_the_minute_one_may_try_again(browser: Browser, ada: str, later: Later) -> None:
    guesses(browser, ada, 6)
    later(timedelta(seconds=61))
    assert browser.sign_in(ada).status_code == 303


def test_the_window_moves_with_every_attempt(browser: Browser, ada: str, later: Later) -> None:
    """Four at its end and one at its start: no burst at an edge."""
    guesses(browser, ada, 1)
    later(timedelta(seconds=55))
    assert guesses(browser, ada, 5) == [401] * 4 + [429]
    later(timedelta(seconds=6))
    assert guesses(browser, ada, 2) == [401, 429]


def test_being_refused_does_not_make_the_wait_longer(browser: Browser, ada: str, later: Later) -> None:
    guesses(browser, ada, 5)
    later(timedelta(seconds=30))
    assert guesses(browser, ada, 9) == [429] * 9
    later(timedelta(seconds=31))
    assert browser.sign_in(ada).status_code == 303


def test_a_limited_attempt_costs_no_hash_no_statement_and_one_round_trip(
    app: Flask, browser: Browser, ada: str
) -> None:
    guesses(browser, ada, 5)
    fields = {"csrf_token": browser.token(), "email": ada, "password": PASSWORD}
    with statements(app) as asked, hashes() as done, round_trips() as trips:
        answer = browser.client.post("/login", data=fields, environ_base=browser.environ)
    assert (answer.status_code, asked, done, len(trips)) == (429, [], [], 1)


def test_a_wrong_attempt_is_counted_before_it_is_checked(
    browser: Browser, ada: str, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = []
    monkeypatch.setattr(passwords, "matches", lambda *_: counted.append(len(redis.keys("netflix:limits:*"))))
    assert browser.sign_in(ada, "wrong").status_code == 401
    assert counted == [5]


def test_200_attempts_at_once_are_five_checks(app: Flask, ada: str) -> None:
    browsers = [Browser(app) for _ in range(40)]
    tokens = [browser.token() for browser in browsers]
    fields = {"email": ada, "password": "a wrong guess"}

    def attempt(n: int) -> int:
        browser, token = browsers[n % 40], tokens[n % 40]
        client = app.test_client()
        client.set_cookie("session", browser.client.get_cookie("session").value)  # type: ignore[union-attr]
        return client.post("/login", data=fields | {"csrf_token": token}, environ_base=browser.environ).status_code

    with hashes() as done, ThreadPoolExecutor(40) as crowd:
        answers = list(crowd.map(attempt, range(200)))
    assert (answers.count(401), answers.count(429), len(done)) == (5, 195, 5)


def test_a_household_is_not_locked_out_by_signing_in(browser: Browser, ada: str, redis: Redis) -> None:
    assert [browser.sign_in(ada).status_code for _ in range(12)] == [303] * 12
    assert redis.dbsize() == 0


def test_five_right_ones_leave_five_wrong_ones(app: Flask, ada: str) -> None:
    assert [Browser(app).sign_in(ada).status_code for _ in range(5)] == [303] * 5
    assert guesses(Browser(app), ada, 6) == [401] * 5 + [429]


def test_a_right_one_gives_back_nobody_else_s(app: Flask, ada: str, grace: str) -> None:
    """A guesser with an account of one's own buys no guesses with it."""
    assert guesses(Browser(app), grace, 3) == [401] * 3
    assert [Browser(app).sign_in(ada).status_code for _ in range(5)] == [303] * 5
    assert guesses(Browser(app), grace, 3) == [401, 401, 429]


def test_the_right_password_of_a_disabled_user_is_not_given_back(app: Flask, browser: Browser, ada: str) -> None:
    """Otherwise the limit would tell that it was right."""
    with app.app_context():
        access.disable(ada)
    assert [browser.sign_in(ada).status_code for _ in range(6)] == [401] * 5 + [429]


def test_two_right_ones_at_once_give_back_two(
    app: Flask, ada: str, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    both, check = threading.Barrier(2), passwords.matches

    def matches(text: str, kept: str | None, whose: int | None) -> bool:
        both.wait(30)
        return check(text, kept, whose)

    monkeypatch.setattr(passwords, "matches", matches)
    with ThreadPoolExecutor(2) as crowd:
        answers = list(crowd.map(lambda browser: browser.sign_in(ada).status_code, [Browser(app), Browser(app)]))
    assert answers == [303, 303]
    assert redis.dbsize() == 0


@pytest.mark.parametrize("email", ["ada@example.org", "nobody@example.org"])
def test_ten_failures_in_an_hour_from_anywhere_close_an_account(app: Flask, ada: str, later: Later, email: str) -> None:
    crowd = [Browser(app, f"203.0.113.{n}") for n in range(12)]
    answers = [browser.sign_in(email, "a wrong guess") for browser in crowd]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 2
    assert "Try again in 60 minutes." in answers[-1].text
    later(timedelta(minutes=61))
    assert crowd[0].sign_in(email, "a wrong guess").status_code == 401


def test_one_closed_account_closes_no_other(app: Flask, ada: str, grace: str) -> None:
    for n in range(11):
        Browser(app, f"203.0.113.{n}").sign_in(ada, "wrong")
    assert Browser(app).sign_in(grace).status_code == 303


def test_every_spelling_of_an_e_mail_is_one_account(app: Flask, ada: str) -> None:
    spellings = [ada, ada.upper(), f" {ada} ", "\uff21\uff24\uff21@example.org", ada.title()] * 2
    answers = [Browser(app, f"203.0.113.{n}").sign_in(s, "wrong").status_code for n, s in enumerate(spellings)]
    assert answers == [401] * 10
    assert Browser(app, "203.0.113.99").sign_in(ada).status_code == 429


def test_an_attempt_that_one_limit_refuses_is_not_counted_by_the_other(app: Flask, ada: str, grace: str) -> None:
    browser = Browser(app)
    guesses(browser, ada, 9)
    assert guesses(Browser(app, "203.0.113.1"), ada, 5) == [401] * 5
    assert guesses(Browser(app, "203.0.113.2"), ada, 1) == [429]


def test_many_addresses_guess_many_accounts_independently(app: Flask) -> None:
    answers = [Browser(app, f"203.0.113.{n}").sign_in(f"{n}@x", "wrong").status_code for n in range(12)]
    assert answers == [401] * 12


@pytest.mark.parametrize("method", ["get", "head", "options", "put", "delete"])
def test_only_sending_the_form_counts(browser: Browser, ada: str, redis: Redis, method: str) -> None:
    for _ in range(12):
        getattr(browser.client, method)("/login", environ_base=browser.environ)
    assert redis.dbsize() == 0


def test_a_form_without_its_token_is_no_attempt(browser: Browser, ada: str, redis: Redis) -> None:
    with hashes() as done:
        for _ in range(7):
            assert browser.client.post("/login", data={"email": ada, "password": "x"}).status_code == 400
    assert (redis.dbsize(), done) == (0, [])


def test_the_addresses_of_one_ipv6_household_are_one(app: Flask, ada: str) -> None:
    answers = [Browser(app, f"2001:db8:1:2::{n:x}").sign_in(ada, "wrong").status_code for n in range(6)]
    assert answers == [401] * 5 + [429]
    assert Browser(app, "2001:db8:1:3::1").sign_in(ada, "wrong").status_code == 401


def test_a_stranger_s_header_buys_no_attempts(app: Flask, ada: str) -> None:
    browser = Browser(app)
    answers = []
    for n in range(6):
        headers = {
            "X-Forwarded-For": f"203.0.113.{n}",
            "Forwarded": f"for=203.0.113.{n}",
            "X-Real-IP": f"203.0.113.{n}",
        }
        answers.append(browser.post("/login", {"email": f"{n}@x", "password": "x"}, headers=headers).status_code)
    assert answers == [401] * 5 + [429]


def test_the_setting_decides_how_many(build: Build, ada: str) -> None:
    browser = Browser(build(login_limit=rates("2 per minute; 3 per hour")))
    assert guesses(browser, ada, 3) == [401, 401, 429]


def test_of_two_rates_the_longer_wait_is_told(build: Build, ada: str, later: Later) -> None:
    browser = Browser(build(login_limit=rates("2 per minute; 3 per hour")))
    guesses(browser, ada, 2)
    later(timedelta(seconds=61))
    assert guesses(browser, ada, 1) == [401]
    assert int(browser.sign_in(ada).headers["Retry-After"]) > 3000


@pytest.mark.parametrize("email", ["a" * 200_000 + "@x", "a@b\r\nFLUSHALL\r\n", "*", "a:b:c@d", "%s%d@x"], ids=ascii)
def test_keys_hold_no_text_of_a_stranger(browser: Browser, redis: Redis, email: str) -> None:
    browser.sign_in("seen@example.org", "wrong")
    browser.sign_in(email, "wrong")
    keys = [bytes(key).decode() for key in redis.scan_iter()]
    ours = (
        r"netflix:limits:(sign-in:(address:(60|3600):192\.0\.2\.10|site:300:all|account:3600:[0-9a-f]{32})"
        r"|in-a-row:account:2592000:[0-9a-f]{32})"
    )
    assert all(re.fullmatch(ours, key) for key in keys)
    assert keys


def test_no_counter_stays_without_an_end(browser: Browser, redis: Redis, ada: str) -> None:
    browser.sign_in(ada, "wrong")
    browser.register(ada)
    assert sorted(0 < redis.pttl(key) <= 30 * 86_400_000 for key in redis.keys("*")) == [True] * 8
