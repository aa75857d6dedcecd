import pytest
from flask import Flask

from netflix.accounts import password as passwords
from netflix.signin import access
from tests.people import PASSWORD, Browser, link_for
from tests.watching import hashes

NEW = "a quite new password"


@pytest.fixture
def member(browser: Browser, ada: str) -> Browser:
    browser.sign_in(ada)
    return browser


def change(browser: Browser, present: str = PASSWORD, chosen: str = NEW) -> int:
    form = {"current_password": present, "password": chosen}
    return browser.post("/password", form, page="/password").status_code


def test_the_new_password_opens_and_the_old_one_does_not(app: Flask, member: Browser, ada: str) -> None:
    assert change(member) == 303
    assert Browser(app).sign_in(ada).status_code == 401
    assert Browser(app).sign_in(ada, NEW).status_code == 303


def test_one_stays_in_with_a_fresh_token_and_everybody_else_is_out(app: Flask, member: Browser, ada: str) -> None:
    other, before = Browser(app), member.client.get_cookie("session")
    other.sign_in(ada)
    assert change(member) == 303
    thief = Browser(app)
    thief.client.set_cookie("session", before.value)  # type: ignore[union-attr]
    assert [one.get("/dashboard").status_code for one in (member, other, thief)] == [200, 303, 303]


def test_a_wrong_present_password_changes_nothing(app: Flask, member: Browser, ada: str) -> None:
    form = {"current_password": "wrong guess", "password": NEW}
    answer = member.post("/password", form, page="/password")
    assert answer.status_code == 422
    assert 'id="current-password-error"' in answer.text
    assert "wrong guess" not in answer.text
    assert NEW not in answer.text
    assert Browser(app).sign_in(ada).status_code == 303


def test_guesses_at_the_present_one_are_limited_like_signing_in(app: Flask, member: Browser, ada: str) -> None:
    assert [change(member, "wrong guess") for _ in range(5)] == [422] * 5
    with hashes() as done:
        assert change(member) == 429
    assert done == []
    assert member.sign_in(ada).status_code == 429


def test_a_right_change_is_given_back(member: Browser, ada: str) -> None:
    words = [f"password number {n}" for n in range(8)]
    answers = [change(member, present, chosen) for present, chosen in zip([PASSWORD, *words], words, strict=False)]
    assert answers == [303] * 8


def test_a_short_one_is_not_taken(member: Browser) -> None:
    assert change(member, chosen="short") == 422


def test_a_change_that_was_overtaken_is_refused(
    app: Flask, member: Browser, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = passwords.matches

    def matches(text: str, kept: str | None, whose: int | None) -> bool:
        with app.app_context():
            access.set_password(ada, "the operator's password")
        return check(text, kept, whose)

    monkeypatch.setattr(passwords, "matches", matches)
    assert change(member) in (303, 401)
    monkeypatch.undo()
    assert Browser(app).sign_in(ada, NEW).status_code == 401
    assert Browser(app).sign_in(ada, "the operator's password").status_code == 303
    assert member.get("/dashboard").status_code == 303


def test_an_ended_session_changes_nothing(
    app: Flask, member: Browser, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was ended from another browser while the new password was hashed."""
    true = passwords.stored

    def stored(text: str) -> str:
        with app.app_context():
            access.end_sessions_of(ada)
        return true(text)

    monkeypatch.setattr(passwords, "stored", stored)
    assert change(member) == 303
    assert "not signed in any more, so nothing was changed" in member.get("/login").text
    assert member.get("/dashboard").status_code == 303
    assert Browser(app).sign_in(ada, NEW).status_code == 401
    assert Browser(app).sign_in(ada).status_code == 303


def test_password_managers_find_the_page(member: Browser) -> None:
    answer = member.get("/.well-known/change-password", follow_redirects=True)
    assert answer.request.path == "/password"
    assert 'autocomplete="current-password"' in answer.text
    assert 'autocomplete="new-password"' in answer.text


def test_a_change_ends_a_link(app: Flask, member: Browser, ada: str) -> None:
    with app.app_context():
        link = link_for(ada)
    assert change(member) == 303
    assert Browser(app).get(link).status_code == 410


def test_a_change_is_no_new_sign_in(app: Flask, member: Browser, ada: str) -> None:
    assert "This is your first sign-in" in member.get("/dashboard").text
    change(member)
    assert "This is your first sign-in" in member.get("/dashboard").text
