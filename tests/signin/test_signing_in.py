import re
import threading
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO

import pytest
from flask import Flask
from werkzeug.datastructures import MultiDict

from netflix.accounts import password as passwords
from netflix.accounts.user import User
from netflix.extensions import db
from netflix.signin import access
from netflix.signin.session import Session
from tests.people import PASSWORD, Browser, link_for
from tests.watching import statements

JSON = {"Accept": "application/json"}


def test_the_right_password_opens_the_dashboard(browser: Browser, ada: str) -> None:
    answer = browser.sign_in(ada)
    assert (answer.status_code, answer.location) == (303, "/dashboard")
    assert ada in browser.get("/dashboard").text


def test_a_wrong_password_is_refused_with_401(browser: Browser, ada: str) -> None:
    assert browser.sign_in(ada, "not her password").status_code == 401


def plain(page: str, email: str) -> str:
    """Without what is this visitor's own: the token, and what was typed."""
    return re.sub(r'name="csrf_token" value="[^"]*"', "", page).replace(email, "")


@pytest.mark.parametrize("accept", [{}, JSON], ids=["page", "program"])
def test_the_refusal_does_not_say_which_was_wrong(app: Flask, ada: str, grace: str, accept: dict[str, str]) -> None:
    with app.app_context():
        User.named(grace).disabled_at = User.named(grace).created_at
        db.session.commit()
    told = set()
    for email, password in (
        ("nobody@example.org", PASSWORD),
        (ada, "a wrong one"),
        (grace, PASSWORD),
        (grace, "wrong"),
    ):
        browser = Browser(app)
        answer = browser.post("/login", {"email": email, "password": password}, headers=accept)
        headers = sorted(
            (name, value) for name, value in answer.headers if name not in ("Set-Cookie", "Content-Length")
        )
        told.add((answer.status_code, plain(answer.text, email), str(headers)))
    assert len(told) == 1
    assert told.pop()[0] == 401


def test_what_was_typed_is_kept_but_never_the_password(browser: Browser, ada: str) -> None:
    page = browser.sign_in(ada, "my secret thing", remember="y", next="/dashboard?x=1").text
    assert f'value="{ada}"' in page
    assert 'value="/dashboard?x=1"' in page
    assert re.search(r'name="remember"[^>]*checked', page)
    assert "my secret thing" not in page


def test_a_program_is_told_in_problem_details(browser: Browser, ada: str) -> None:
    answer = browser.post("/login", {"email": ada, "password": "wrong"}, headers=JSON)
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
    assert answer.json == {
        "title": "Not signed in",
        "status": 401,
        "detail": "That e-mail and password do not match. Check both and try again.",
    }


@pytest.mark.parametrize(
    ("email", "password", "field"), [("", "x", "email"), ("no address", "x", "email"), ("a@b", "", "password")]
)
def test_what_can_be_no_attempt_is_told_at_its_field(browser: Browser, email: str, password: str, field: str) -> None:
    answer = browser.sign_in(email, password)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text


BODIES: list[object] = [{"email": 5, "password": 5}, {"email": ["a"], "password": {}}, [1], "x", None]
BODIES += [{"email": "a@b", "password": "\ud800" * 8}]


@pytest.mark.parametrize("page", ["/login", "/register"])
@pytest.mark.parametrize("body", BODIES, ids=ascii)
def test_json_is_no_form(browser: Browser, page: str, body: object) -> None:
    headers = {"X-CSRFToken": browser.token(page)}
    assert browser.client.post(page, json=body, headers=headers).status_code == 422


@pytest.mark.parametrize("field", ["email", "password", "remember", "next", "csrf_token"])
def test_a_file_is_no_field(browser: Browser, ada: str, field: str) -> None:
    fields = {"csrf_token": browser.token(), "email": ada, "password": PASSWORD}
    files = fields | {field: (BytesIO(b"x"), "x.txt")}
    answer = browser.client.post("/login", data=files, headers={"X-CSRFToken": fields["csrf_token"]})
    assert answer.status_code in (303, 422, 400)
    assert (answer.status_code == 303) == (field in ("remember", "next", "csrf_token"))


def test_a_field_sent_twice_is_the_first(browser: Browser, ada: str) -> None:
    fields = [("csrf_token", browser.token()), ("email", ada), ("email", "x@y"), ("password", PASSWORD)]
    assert browser.client.post("/login", data=MultiDict(fields)).status_code == 303


@pytest.mark.parametrize("body", [b"\xff\xfe%zz&&==", b"%", b"email=%ff%fe&password=%00", b"=" * 1000, b"--x\r\n\r\n"])
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "multipart/"])
def test_a_broken_body_is_the_sender_s_fault(browser: Browser, body: bytes, kind: str) -> None:
    headers = {"X-CSRFToken": browser.token(), "Content-Type": kind}
    assert browser.client.post("/login", data=body, headers=headers).status_code in (400, 422)


@pytest.mark.parametrize("password", ["x" * 73, "a\0b", "👩‍👩‍👧‍👦" * 9, "x" * 1025, "x" * 40_000, "ﷺ" * 1024])
def test_an_odd_password_for_a_known_user_is_just_wrong(browser: Browser, ada: str, password: str) -> None:
    assert browser.sign_in(ada, password).status_code == 401


def test_ten_megabytes_of_password_are_too_much(browser: Browser, ada: str) -> None:
    assert browser.sign_in(ada, "x" * 10_000_000).status_code == 413


def test_signing_in_twice_is_two_sessions_of_one_user(app: Flask, browser: Browser, ada: str) -> None:
    browser.sign_in(ada)
    Browser(app).sign_in(ada)
    with app.app_context():
        assert len(Session.everywhere(User.named(ada))) == 2


def test_a_known_e_mail_costs_no_more_statements_than_an_unknown(app: Flask, browser: Browser, ada: str) -> None:
    with statements(app) as known:
        browser.sign_in(ada, "wrong")
    with statements(app) as unknown:
        browser.sign_in("nobody@example.org", "wrong")
    assert len(known) == len(unknown) == 4


def test_no_connection_is_held_while_hashing(
    app: Flask, browser: Browser, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = []
    check = passwords.matches

    def matches(text: str, kept: str | None, whose: int | None) -> bool:
        right = check(text, kept, whose)
        held.append(db.engine.pool.checkedout())  # type: ignore[attr-defined]
        return right

    monkeypatch.setattr(passwords, "matches", matches)
    browser.sign_in(ada)
    browser.sign_in(ada, "wrong")
    assert held == [0, 0]


def test_nor_while_a_new_password_is_hashed(
    app: Flask, browser: Browser, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = []
    store = passwords.stored

    def stored(text: str) -> str:
        held.append(db.engine.pool.checkedout())  # type: ignore[attr-defined]
        return store(text)

    monkeypatch.setattr(passwords, "stored", stored)
    browser.sign_in(ada)
    browser.post("/password", {"current_password": PASSWORD, "password": "another quiet one"}, page="/password")
    with app.app_context():
        link = link_for(ada)
    Browser(app).post("/recover/", {"password": "one more quiet one"}, page=link)
    with app.app_context():
        access.set_password(ada, PASSWORD)
    Browser(app).register("new@example.org")
    assert held == [0, 0, 0, 0]


def test_a_guess_that_cannot_be_written_down_is_counted_all_the_same(app: Flask, browser: Browser, ada: str) -> None:
    """As when the disk is full, which strangers can help to fill."""
    with app.app_context():
        db.session.execute(db.text("ALTER TABLE event RENAME TO lost"))
        db.session.commit()
    assert [browser.sign_in(ada, "a wrong guess").status_code for _ in range(7)] == [503] * 5 + [429] * 2


# What the operator does in the moment between check and session.
MEANWHILE: dict[str, Callable[[str], object]] = {
    "the password was replaced": lambda email: access.set_password(email, "a quite new password"),
    "a link was made": access.reset_by_link,
    "the user was disabled": access.disable,
    "the user was deleted": access.remove,
}


@pytest.mark.parametrize("act", MEANWHILE.values(), ids=MEANWHILE.keys())
def test_a_sign_in_that_was_overtaken_is_refused(
    app: Flask, browser: Browser, ada: str, act: Callable[[str], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    check = passwords.matches

    def matches(text: str, kept: str | None, whose: int | None) -> bool:
        right = check(text, kept, whose)
        operator = threading.Thread(target=acted)
        operator.start()
        operator.join()
        return right

    def acted() -> None:
        with app.app_context():
            act(ada)

    monkeypatch.setattr(passwords, "matches", matches)
    assert browser.sign_in(ada).status_code == 401
    with app.app_context():
        assert Session.everywhere() == []


def test_a_new_cost_never_brings_an_old_password_back(
    app: Flask, ada: str, build: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    dearer = build(bcrypt_rounds=5)
    check = passwords.is_outdated

    def is_outdated(kept: str) -> bool:
        with app.app_context():
            access.set_password(ada, "a quite new password")
        return check(kept)

    monkeypatch.setattr(passwords, "is_outdated", is_outdated)
    assert Browser(dearer).sign_in(ada).status_code == 401
    monkeypatch.undo()
    assert Browser(app).sign_in(ada).status_code == 401
    assert Browser(app).sign_in(ada, "a quite new password").status_code == 303


def test_the_dashboard_tells_when_one_signed_in_before(
    app: Flask, browser: Browser, ada: str, later: Callable[[timedelta], None]
) -> None:
    browser.sign_in(ada)
    with app.app_context():
        first = User.named(ada).signed_in_at
    later(timedelta(days=1))
    browser.sign_in(ada)
    with app.app_context():
        assert Session.everywhere(User.named(ada))[0].previous_sign_in_at == first


def test_a_program_is_told_only_of_the_fields_at_fault(browser: Browser) -> None:
    answer = browser.post("/login", {"email": "ada@example.org"}, headers={"Accept": "application/json"})
    assert answer.status_code == 422
    assert list(answer.get_json()["errors"]) == ["password"]
