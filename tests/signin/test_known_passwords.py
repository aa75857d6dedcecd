"""A password that has come onto a list since it was chosen."""

import json
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from netflix.accounts import screening
from netflix.accounts.user import User
from netflix.accounts.wordlist import Lines, replace
from netflix.config import Config
from netflix.events.event import Event, Kind
from netflix.extensions import db
from netflix.signin import access, signin
from tests.people import PASSWORD, Browser, link_for
from tests.test_speed_counts import cost, sending
from tests.watching import log

NEW = "four loud kettles"
Leak = Callable[[str], None]


@pytest.fixture
def leak(app: Flask, tmp_path: object) -> Leak:
    """The operator imports a list with this password."""

    def imported(text: str) -> None:
        path = app.extensions["netflix-config"].instance / "leaked.txt"
        path.write_text(text)
        with app.app_context(), path.open("rb") as stream:
            replace([Lines("leaked.txt", stream)], "a leak")

    return imported


@pytest.fixture
def member(app: Flask, browser: Browser, ada: str, leak: Leak) -> Browser:
    """Ada, who has just signed in with a password that leaked."""
    leak(PASSWORD)
    assert browser.sign_in(ada).status_code == 303
    return browser


def test_it_is_accepted_and_every_page_leads_to_its_change(member: Browser) -> None:
    for path in ("/dashboard", "/account", "/activity"):
        answer = member.get(path)
        assert (answer.status_code, answer.location) == (303, "/password")
    page = member.get("/", follow_redirects=True)
    assert page.request.path == "/password"
    assert "has turned up on a list" in page.text


def test_nothing_can_be_done_before(app: Flask, member: Browser, ada: str) -> None:
    answer = member.post("/sessions/end-others", page="/password")
    assert (answer.status_code, answer.location) == (303, "/password")


def test_a_second_sign_in_opens_nothing_else_either(app: Flask, member: Browser, ada: str, leak: Leak) -> None:
    leak("something else")
    for browser in (member, Browser(app)):
        assert browser.sign_in(ada).status_code == 303
        assert browser.get("/dashboard").location == "/password"


def test_the_other_browsers_are_led_there_too(app: Flask, ada: str, leak: Leak) -> None:
    """Whoever else has the password may have been there first."""
    before, now = Browser(app), Browser(app)
    before.sign_in(ada)
    assert before.get("/dashboard").status_code == 200
    leak(PASSWORD)
    assert before.get("/dashboard").status_code == 200
    now.sign_in(ada)
    assert before.get("/dashboard").location == "/password"


def test_a_change_ends_it(app: Flask, member: Browser, ada: str) -> None:
    form = {"current_password": PASSWORD, "password": NEW}
    assert member.post("/password", form, page="/password").location == "/dashboard"
    assert member.get("/dashboard").status_code == 200
    assert Browser(app).sign_in(ada, NEW).location == "/dashboard"
    assert "has turned up on a list" not in member.get("/password").text


def test_the_same_one_again_is_no_change(member: Browser) -> None:
    form = {"current_password": PASSWORD, "password": PASSWORD}
    answer = member.post("/password", form, page="/password")
    assert answer.status_code == 422
    assert "on a list of known ones" in answer.text
    assert member.get("/dashboard").location == "/password"


def test_a_link_or_the_operator_ends_it_too(app: Flask, member: Browser, ada: str) -> None:
    with app.app_context():
        link = link_for(ada)
    assert Browser(app).post("/recover/", {"password": NEW}, page=link).status_code == 303
    assert Browser(app).sign_in(ada, NEW).status_code == 303
    again = Browser(app)
    with app.app_context():
        User.demand_change(1, User.named(ada).password_hash)
        db.session.commit()
        access.set_password(ada, "five quiet kettles")
    again.sign_in(ada, "five quiet kettles")
    assert again.get("/dashboard").status_code == 200


def test_one_can_still_sign_out(member: Browser) -> None:
    answer = member.post("/logout", page="/password")
    assert answer.location == "/login"
    assert member.get("/password").location.startswith("/login")


def test_a_program_is_told_in_problem_details(member: Browser) -> None:
    answer = member.get("/dashboard", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.mimetype) == (403, "application/problem+json")
    assert "has to be changed" in json.loads(answer.text)["detail"]


def test_a_wrong_password_on_a_list_demands_nothing(app: Flask, browser: Browser, ada: str, leak: Leak) -> None:
    leak("a wrong guess")
    assert browser.sign_in(ada, "a wrong guess").status_code == 401
    browser.sign_in(ada)
    assert browser.get("/dashboard").status_code == 200


def test_common_ones_of_another_system_are_found(app: Flask, browser: Browser, ada: str) -> None:
    with app.app_context():
        kept = signin.passwords.stored("dragon")
        User.named(ada).password_hash = kept
        db.session.commit()
    assert browser.sign_in(ada, "dragon").status_code == 303
    assert browser.get("/dashboard").location == "/password"


def test_it_is_written_down_once_and_told_in_plain_words(app: Flask, member: Browser, ada: str) -> None:
    Browser(app).sign_in(ada)
    with app.app_context():
        assert len(list(db.session.scalars(select(Event).where(Event.kind == str(Kind.PASSWORD_KNOWN))))) == 1
    member.post("/password", {"current_password": PASSWORD, "password": NEW}, page="/password")
    assert "found on a list of known ones" in member.get("/activity").text


def test_a_demand_that_comes_while_the_password_is_changed_does_not_outlive_it(
    app: Flask, browser: Browser, ada: str, leak: Leak, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.sign_in(ada)
    token, store = browser.token("/password"), signin.passwords.stored

    def overtaken(text: str) -> str:
        leak(PASSWORD)
        with app.app_context():
            user = User.named(ada)
            signin.demand_change_if_known(user, PASSWORD, "192.0.2.1")
        return store(text)

    monkeypatch.setattr(signin.passwords, "stored", overtaken)
    form = {"csrf_token": token, "current_password": PASSWORD, "password": NEW}
    assert browser.client.post("/password", data=form, environ_base=browser.environ).location == "/dashboard"
    assert browser.get("/dashboard").status_code == 200


def test_a_sign_in_costs_no_more_statements(app: Flask, browser: Browser, ada: str, leak: Leak) -> None:
    browser.sign_in(ada)
    before = cost(app, sending(Browser(app), ada, PASSWORD))
    leak("something else")
    assert cost(app, sending(Browser(app), ada, PASSWORD)) == before
    assert cost(app, lambda: browser.get("/dashboard")) == (2, 0, 0)


def test_a_broken_list_locks_nobody_out(app: Flask, browser: Browser, ada: str, config: Config) -> None:
    for content in (b"", b"x" * 3000):
        (config.instance / "imported.passwords").write_bytes(content)
        with log() as written:
            assert browser.sign_in(ada).status_code == 303
            assert browser.get("/dashboard").status_code == 200
        assert "cannot be used" in written.getvalue()


def test_the_estimate_is_no_part_of_a_sign_in(
    app: Flask, browser: Browser, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screening, "estimated", None)
    assert browser.sign_in(ada).location == "/dashboard"
