"""Back in by mail, when a password is forgotten."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from netflix.accounts.asked import Asked
from netflix.accounts.registration import create
from netflix.accounts.user import User
from netflix.events import event
from netflix.events.event import Kind, Wanted
from netflix.extensions import db
from netflix.mail.outbox import Mail
from netflix.mailed import asking
from netflix.signin import access
from tests.conftest import Build
from tests.people import PASSWORD, Browser, Letters, links_in
from tests.watching import log, round_trips, statements

NEW = "a quite new password"


def ask(browser: Browser, email: str, **more: object) -> int:
    return browser.post("/recover", {"email": email}, page="/recover", **more).status_code


def link_to(letters: Letters, email: str) -> str:
    (text,) = letters.to(email)
    return links_in(text)[0]


def choose(browser: Browser, link: str) -> int:
    return browser.post("/recover/", {"password": NEW}, page=link).status_code


@pytest.fixture
def unconfirmed(browser: Browser, letters: Letters) -> str:
    browser.register("new@example.org")
    letters()
    return "new@example.org"


def test_who_forgot_their_password_chooses_a_new_one_by_mail(
    app: Flask, browser: Browser, ada: str, letters: Letters
) -> None:
    thief = Browser(app)
    thief.sign_in(ada)
    assert 'href="/recover"' in browser.get("/login").text
    answer = browser.post("/recover", {"email": f" {ada.upper()} "}, page="/recover")
    assert (answer.status_code, answer.location) == (303, "/recover/asked")
    assert "a link is on its way" in browser.get("/recover/asked").text
    link = link_to(letters, ada)
    assert browser.get(link).location == "/recover/"
    assert choose(browser, link) == 303
    assert browser.get("/dashboard").status_code == 303
    assert thief.get("/dashboard").status_code == 303
    (told,) = letters.to(ada)
    assert "by a one-time link" in told
    # Whoever was in before may have added one, and it opens the account still.
    assert "/account/passkeys" in told
    assert browser.sign_in(ada).status_code == 401
    assert browser.sign_in(ada, NEW).status_code == 303


def test_only_who_may_recover_gets_a_link(
    app: Flask, browser: Browser, ada: str, grace: str, unconfirmed: str, letters: Letters
) -> None:
    with app.app_context():
        access.disable(ada)
    for email in (ada, grace, unconfirmed, "nobody@example.org"):
        assert ask(browser, email) == 303
    assert [letter["To"] for letter in letters()] == [grace]
    with app.app_context():
        assert not Asked.any()


def test_the_link_is_mailed_to_the_address_that_is_kept_not_to_the_one_that_was_typed(
    browser: Browser, ada: str, letters: Letters
) -> None:
    """Both are one account's by their normalised spelling; another's mail server might differ (a classic fault)."""
    ask(browser, "\uff41da@example.org")
    assert [letter["To"] for letter in letters()] == [ada]


def test_known_and_unknown_addresses_are_answered_the_same(app: Flask, ada: str, unconfirmed: str) -> None:
    with app.app_context():
        create("away@example.org", PASSWORD)
        access.disable("away@example.org")

    def answered(email: str, address: str) -> tuple[object, ...]:
        browser = Browser(app, address)
        form = {"csrf_token": browser.token("/recover"), "email": email}
        with statements(app) as asked, round_trips() as trips:
            answer = browser.client.post("/recover", data=form, environ_base=browser.environ)
        page = browser.get("/recover/asked")
        cookies = sorted(name for _, _, name in (browser.client._cookies or {}))
        shapes = [re.sub(r"'[^']*'", "?", statement) for statement in asked]
        return answer.status_code, answer.text, answer.headers.to_wsgi_list(), page.text, cookies, shapes, len(trips)

    first = answered(ada, "192.0.2.1")
    for number, email in enumerate(("away@example.org", unconfirmed, "nobody@example.org"), 2):
        assert answered(email, f"192.0.2.{number}") == first
    assert len(first[5]) == 1  # type: ignore[arg-type]


def test_a_newer_link_ends_an_older_one(app: Flask, browser: Browser, ada: str, letters: Letters) -> None:
    ask(browser, ada)
    older = link_to(letters, ada)
    ask(browser, ada)
    newer = link_to(letters, ada)
    assert [Browser(app).get(link).status_code for link in (older, newer)] == [410, 303]


@pytest.mark.parametrize("act", [lambda email: access.set_password(email, NEW), access.disable], ids=["new", "disable"])
def test_a_mailed_link_is_ended_by(
    app: Flask, browser: Browser, ada: str, grace: str, letters: Letters, act: Callable[[str], object]
) -> None:
    ask(browser, ada)
    link = link_to(letters, ada)
    with app.app_context():
        act(ada)
    assert browser.get(link).status_code == 410


def test_it_is_good_for_an_hour_and_once(
    app: Flask, browser: Browser, ada: str, letters: Letters, later: Callable[[timedelta], None]
) -> None:
    ask(browser, ada)
    link = link_to(letters, ada)
    assert choose(browser, link) == 303
    assert Browser(app).get(link).status_code == 410
    ask(browser, ada)
    letters()
    ask(browser, ada)
    link = link_to(letters, ada)
    later(timedelta(minutes=61))
    assert Browser(app).get(link).status_code == 410


def test_asking_is_limited_for_each_account(app: Flask, ada: str, later: Callable[[timedelta], None]) -> None:
    for email in (ada, "nobody@example.org"):
        answers = [ask(Browser(app, f"192.0.2.{n}"), email) for n in range(4)]
        assert answers == [303] * 3 + [429]
    later(timedelta(minutes=61))
    assert ask(Browser(app), ada) == 303


def test_and_for_each_address(browser: Browser) -> None:
    assert [ask(browser, f"{n}@example.org") for n in range(21)] == [303] * 20 + [429]
    assert "data-retry-after" in browser.post("/recover", {"email": "x@example.org"}, page="/recover").text


def test_a_slip_is_told_at_its_field_and_not_counted(browser: Browser) -> None:
    answer = browser.post("/recover", {"email": "no address"}, page="/recover")
    assert answer.status_code == 422
    assert 'value="no address"' in answer.text
    assert [ask(browser, "no address") for _ in range(25)] == [422] * 25


def test_asking_needs_its_form_s_token(browser: Browser, ada: str, letters: Letters) -> None:
    assert browser.client.post("/recover", data={"email": ada}).status_code == 400
    assert letters() == []


def test_it_is_written_down_once_it_is_found_out(app: Flask, browser: Browser, ada: str, letters: Letters) -> None:
    ask(browser, ada)
    letters()
    with app.app_context():
        (row,) = event.latest(Wanted(kinds=(str(Kind.RECOVERY_ASKED),)), 9)
        assert (row.user_id, row.by, row.address) == (User.named(ada).id, "stranger", "192.0.2.10")


def test_without_mail_the_page_says_whom_to_ask(build: Build, ada: str) -> None:
    site = build(host="192.0.2.1")
    browser = Browser(site)
    assert 'href="/recover"' not in browser.get("/login").text
    page = browser.get("/recover")
    assert page.status_code == 200
    assert "Ask the person who runs it" in page.text
    assert browser.post("/recover", {"email": ada}).status_code == 403
    with site.app_context():
        assert not Asked.any()


def test_what_was_asked_too_long_ago_is_dropped(
    app: Flask, browser: Browser, ada: str, letters: Letters, later: Callable[[timedelta], None]
) -> None:
    ask(browser, ada)
    later(Asked.LASTS)
    assert letters() == []
    with app.app_context():
        assert not Asked.any()


def test_an_answer_that_fails_does_not_hold_up_the_others(
    browser: Browser, ada: str, grace: str, letters: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        monkeypatch.undo()
        raise ZeroDivisionError

    ask(browser, ada)
    ask(browser, grace)
    monkeypatch.setitem(asking.ANSWERS, "recover", fails)
    with log() as written:
        assert [letter["To"] for letter in letters()] == [grace]
    assert "ZeroDivisionError" in written.getvalue()
    assert ada not in written.getvalue()


def test_the_link_leaves_the_database_with_its_mail(app: Flask, browser: Browser, ada: str, letters: Letters) -> None:
    ask(browser, ada)
    with app.app_context():
        asking.answer_all()
        assert "/recover/" in Mail.all()[0].text
        db.session.rollback()
    letters()
    with app.app_context():
        assert Mail.all() == []


def test_signing_in_still_works_meanwhile(browser: Browser, ada: str, letters: Letters) -> None:
    ask(browser, ada)
    letters()
    assert browser.sign_in(ada, PASSWORD).status_code == 303
