"""This wasn't me: everything ends, and only who knows the present password gains by it."""

import re
from collections.abc import Callable
from datetime import timedelta
from types import ModuleType

import pytest
from flask import Flask

from netflix.accounts import password as passwords
from netflix.events import event
from netflix.events.event import Event, Kind, Wanted
from netflix.own import alarm
from netflix.signin import access
from tests.people import MALLORY, PASSWORD, Browser, Letters, link_for, links_in
from tests.test_speed_counts import cost

PAGE = "/account/alarm"
NEW = "another quiet password"
GOOD = {"current_password": PASSWORD, "password": NEW}


@pytest.fixture
def intruder(app: Flask, ada: str) -> Browser:
    """Somebody who came in with Ada's password."""
    browser = Browser(app, MALLORY)
    browser.sign_in(ada)
    return browser


@pytest.fixture
def home(browser: Browser, ada: str, intruder: Browser) -> Browser:
    browser.sign_in(ada)
    return browser


def disputed(browser: Browser) -> list[str]:
    return re.findall(r'href="(/account/alarm\?event=\d+)"', browser.get("/activity").text)


def happened(app: Flask) -> list[Event]:
    with app.app_context():
        return list(event.following(Wanted()))


def test_it_stands_beside_what_was_done_as_them(app: Flask, home: Browser, ada: str) -> None:
    Browser(app, MALLORY).sign_in(ada, "a wrong guess")
    with app.app_context():
        access.enable(ada)
    assert disputed(home) == [f"{PAGE}?event=3", f"{PAGE}?event=2"]


def test_it_is_said_what_will_happen_and_nothing_happens_yet(app: Flask, home: Browser, intruder: Browser) -> None:
    before = len(happened(app))
    page = home.get(disputed(home)[-1]).text
    assert "You signed in with Firefox on Linux." in page
    assert MALLORY in page
    assert "every browser is signed out" in page
    assert len(happened(app)) == before
    assert intruder.get("/dashboard").status_code == 200


def test_then_everybody_is_out_and_only_the_new_password_lets_in(
    app: Flask, home: Browser, intruder: Browser, ada: str
) -> None:
    with app.app_context():
        link = link_for(ada)
    answer = home.post(PAGE, GOOD | {"event": "2"}, page=f"{PAGE}?event=2")
    assert answer.location == "/login"
    page = home.get("/login").text
    assert "Every browser is signed out, and your old password lets nobody in. Sign in with the new one.<" in page
    assert {one.get("/dashboard").status_code for one in (home, intruder)} == {303}
    assert Browser(app).get(link).status_code == 410
    assert intruder.sign_in(ada).status_code == 401
    assert home.sign_in(ada, NEW).status_code == 303


def test_the_record_tells_what_was_not_them(app: Flask, home: Browser, ada: str) -> None:
    home.post(PAGE, GOOD | {"event": "2"}, page=PAGE)
    told, changed = happened(app)[-2:]
    assert (told.kind, told.by, told.address, told.details) == (Kind.REPORTED, "user:1", "192.0.2.10", {"event": 2})
    assert changed.kind == Kind.PASSWORD_CHANGED
    home.sign_in(ada, NEW)
    assert "You said that something here was not you" in home.get("/activity").text


def test_they_are_told_by_mail(home: Browser, ada: str, letters: Letters) -> None:
    home.post(PAGE, GOOD, page=PAGE)
    assert "the password was changed" in letters.to(ada)[-1]


def test_where_mail_reaches_them_a_link_is_enough(
    app: Flask, home: Browser, intruder: Browser, ada: str, letters: Letters
) -> None:
    letters()
    answer = home.post(f"{PAGE}/mail", {"event": "2"}, page=f"{PAGE}?event=2")
    assert answer.location == "/login"
    assert "We sent you a link" in home.get("/login").text
    assert {one.get("/dashboard").status_code for one in (home, intruder)} == {303}
    assert intruder.sign_in(ada).status_code == 401
    (text,) = letters.to(ada)
    (link,) = [path for path in links_in(text) if path.startswith("/recover/")]
    home.post("/recover/", {"password": NEW}, page=link)
    assert home.sign_in(ada, NEW).status_code == 303
    assert [row.details for row in happened(app) if row.kind == Kind.REPORTED] == [{"event": 2}]


def test_the_link_needs_a_fresh_proof_or_nothing_ends(
    app: Flask, home: Browser, intruder: Browser, later: Callable[[timedelta], None]
) -> None:
    later(timedelta(minutes=11))
    answer = intruder.post(f"{PAGE}/mail", {"event": "2"}, page=PAGE)
    assert answer.location == "/prove?next=%2Faccount%2Falarm%3Fevent%3D2"
    assert home.get("/dashboard").status_code == 200


def test_where_no_mail_reaches_them_only_the_page_is_offered(app: Flask, browser: Browser) -> None:
    browser.register("new@example.org")
    browser.sign_in("new@example.org")
    assert f'action="{PAGE}/mail"' not in browser.get(PAGE).text
    assert browser.post(f"{PAGE}/mail", page=PAGE).status_code == 403
    assert browser.get("/dashboard").status_code == 200


def test_who_took_over_a_session_gains_nothing(app: Flask, home: Browser, intruder: Browser, ada: str) -> None:
    """Without the present password nothing changes and nobody is signed out; guesses count as at sign-in."""
    sent = {"current_password": "a wrong guess", "password": "the intruder's own"}
    answers = [intruder.post(PAGE, sent, page=PAGE) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [422] * 5 + [429]
    assert "not your present password" in answers[0].text
    assert home.get("/dashboard").status_code == 200
    assert Browser(app).sign_in(ada).status_code == 303


@pytest.mark.parametrize("slip", [{"password": "short"}, {"password": PASSWORD[:3]}, {"current_password": ""}])
def test_a_slip_changes_nothing(app: Flask, home: Browser, intruder: Browser, slip: dict[str, str]) -> None:
    assert home.post(PAGE, GOOD | slip, page=PAGE).status_code == 422
    assert home.get("/dashboard").status_code == intruder.get("/dashboard").status_code == 200


def test_another_s_event_is_not_theirs_to_dispute(app: Flask, home: Browser, grace: str) -> None:
    number = happened(app)[-1].id
    assert home.get(f"{PAGE}?event={number}").status_code == 404
    assert home.post(PAGE, GOOD | {"event": str(number)}, page=PAGE).status_code == 404
    assert home.get("/dashboard").status_code == 200


def test_it_can_be_said_of_no_event_at_all(home: Browser, intruder: Browser) -> None:
    assert home.post(PAGE, GOOD, page=PAGE).status_code == 303
    assert intruder.get("/dashboard").status_code == 303


def test_of_two_who_say_so_at_once_one_sets_the_password(
    app: Flask, home: Browser, intruder: Browser, monkeypatch: pytest.MonkeyPatch, ada: str
) -> None:
    """The second one's password was checked before it was replaced, and is written after."""
    true = access.passwords.stored

    def replaced_meanwhile(text: str) -> str:
        monkeypatch.setattr("netflix.accounts.password.stored", true)
        kept = true(text)
        assert home.post(PAGE, GOOD, page=PAGE).status_code == 303
        return kept

    token = intruder.token(PAGE)
    monkeypatch.setattr("netflix.accounts.password.stored", replaced_meanwhile)
    sent = {"current_password": PASSWORD, "password": "the intruder's own", "csrf_token": token}
    assert intruder.client.post(PAGE, data=sent, environ_base=intruder.environ).location == "/login"
    assert Browser(app).sign_in(ada, NEW).status_code == 303


@pytest.mark.parametrize(
    ("path", "sent", "module", "name"), [(PAGE, GOOD, passwords, "stored"), (f"{PAGE}/mail", {}, alarm, "since")]
)
def test_an_ended_session_changes_nothing(
    app: Flask,
    intruder: Browser,
    ada: str,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    sent: dict[str, str],
    module: ModuleType,
    name: str,
) -> None:
    """Its owner ended it while the intruder's new password was hashed, or just before their link was made."""
    true = getattr(module, name)

    def ended_meanwhile(*words: object) -> object:
        with app.app_context():
            access.end_sessions_of(ada)
        return true(*words)

    form = {**sent, "csrf_token": intruder.token(PAGE)}
    monkeypatch.setattr(module, name, ended_meanwhile)
    assert intruder.client.post(path, data=form, environ_base=intruder.environ).location == "/login"
    assert "nothing was changed" in intruder.get("/login").text
    assert Browser(app).sign_in(ada).status_code == 303


def test_the_pages_cost_two_statements(app: Flask, home: Browser) -> None:
    assert cost(app, lambda: home.get(f"{PAGE}?event=2")) == (2, 0, 0)
    assert cost(app, lambda: home.get(PAGE)) == (1, 0, 0)
