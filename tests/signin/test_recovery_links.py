from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import text

from netflix.accounts import password as passwords
from netflix.accounts.user import User
from netflix.config import Config
from netflix.errors import Declined, LinkGone
from netflix.extensions import db
from netflix.limits import counter, policy
from netflix.signin import access, recovery
from netflix.signin.session import Session
from tests.people import Browser, link_for
from tests.watching import hashes, log

NEW = "a quite new password"


@pytest.fixture
def link(app: Flask, ada: str) -> str:
    """The path of a link that the operator made for ada."""
    with app.app_context():
        return link_for(ada)


def opens(app: Flask, link: str) -> bool:
    status = Browser(app).get(link, follow_redirects=True).status_code
    assert status in (200, 410)
    return status == 200


def choose(browser: Browser, link: str, password: str = NEW) -> int:
    return browser.post("/recover/", {"password": password}, page=link).status_code


def test_a_link_sets_the_password_and_signs_nobody_in(app: Flask, browser: Browser, ada: str, link: str) -> None:
    answer = browser.post("/recover/", {"password": NEW}, page=link)
    assert (answer.status_code, answer.location) == (303, "/login")
    assert "Your password is changed." in browser.get("/login").text
    assert browser.get("/dashboard").status_code == 303
    assert browser.sign_in(ada, NEW).status_code == 303


def test_the_token_leaves_the_address_bar(browser: Browser, ada: str, link: str) -> None:
    answer = browser.get(link)
    assert (answer.status_code, answer.location) == (303, "/recover/")
    page = browser.get("/recover/")
    assert ada in page.text
    assert link.removeprefix("/recover/") not in page.text
    assert page.headers["Referrer-Policy"] in ("same-origin", "no-referrer")


def test_opening_it_changes_nothing(app: Flask, ada: str, link: str) -> None:
    """A mail scanner or a preview may open it as often as it likes."""
    other = Browser(app)
    other.sign_in(ada)
    for _ in range(3):
        assert Browser(app).client.head(link).status_code == 303
        assert opens(app, link)
    assert other.get("/dashboard").status_code == 200
    assert Browser(app).sign_in(ada).status_code == 303


def test_it_ends_every_session(app: Flask, browser: Browser, ada: str, link: str) -> None:
    other = Browser(app)
    other.sign_in(ada)
    assert choose(browser, link) == 303
    assert other.get("/dashboard").status_code == 303


def test_it_works_once(app: Flask, browser: Browser, ada: str, link: str) -> None:
    second = Browser(app)
    token = second.token(link)
    assert choose(browser, link) == 303
    answer = second.client.post("/recover/", data={"csrf_token": token, "password": "mallory's password"})
    assert answer.status_code == 410
    assert not opens(app, link)
    assert browser.sign_in(ada, NEW).status_code == 303


def test_of_two_at_once_one_wins(app: Flask, ada: str, link: str) -> None:
    def redeem(n: int) -> bool:
        with app.app_context():
            try:
                recovery.redeem(link.removeprefix("/recover/"), f"{NEW} {n}", "192.0.2.1")
            except LinkGone:
                return False
            return True

    with ThreadPoolExecutor(4) as crowd:
        won = list(crowd.map(redeem, range(4)))
    assert won.count(True) == 1
    assert Browser(app).sign_in(ada, f"{NEW} {won.index(True)}").status_code == 303


ENDINGS: dict[str, Callable[[str], object]] = {
    "a newer link": link_for,
    "a reset with a newer link": access.reset_by_link,
    "a password from the terminal": lambda email: access.set_password(email, NEW),
    "disabling": access.disable,
    "deleting": access.remove,
}


@pytest.mark.parametrize("act", ENDINGS.values(), ids=ENDINGS.keys())
def test_it_is_ended_by(app: Flask, ada: str, grace: str, link: str, act: Callable[[str], object]) -> None:
    reader = Browser(app)
    token = reader.token(link)
    with app.app_context():
        act(ada)
    assert not opens(app, link)
    assert reader.get("/recover/").status_code == 410
    answer = reader.client.post("/recover/", data={"csrf_token": token, "password": "mallory's password"})
    assert answer.status_code == 410
    assert Browser(app).sign_in(ada, "mallory's password").status_code == 401


def test_it_lasts_an_hour(app: Flask, link: str, later: Callable[[timedelta], None]) -> None:
    later(timedelta(minutes=59))
    assert opens(app, link)
    later(timedelta(minutes=1))
    assert not opens(app, link)


def test_one_that_was_opened_in_time_is_not_used_after_it(
    browser: Browser, link: str, later: Callable[[timedelta], None]
) -> None:
    token = browser.token(link)
    later(timedelta(minutes=61))
    assert browser.client.post("/recover/", data={"csrf_token": token, "password": NEW}).status_code == 410


def test_nor_when_its_hour_ends_while_hashing(
    browser: Browser, link: str, later: Callable[[timedelta], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = passwords.stored

    def slowly(chosen: str) -> str:
        later(timedelta(minutes=61))
        return stored(chosen)

    monkeypatch.setattr(passwords, "stored", slowly)
    assert choose(browser, link) == 410


@pytest.mark.parametrize("carried", ["x", "x" * 43, "%00", "%f0%9f%8e%ac", "..%2f", "x" * 4000])
def test_a_link_nobody_made_says_so(browser: Browser, carried: str) -> None:
    answer = browser.get(f"/recover/{carried}")
    assert answer.status_code in (404, 410)
    assert "<h1>" in answer.text


def test_without_a_link_there_is_nothing_to_choose(browser: Browser, ada: str) -> None:
    assert browser.get("/recover/").status_code == 410
    assert browser.post("/recover/", {"password": NEW}).status_code == 410


def test_a_password_that_is_not_taken_leaves_the_link(browser: Browser, ada: str, link: str) -> None:
    answer = browser.post("/recover/", {"password": "short"}, page=link)
    assert answer.status_code == 422
    assert "Use at least 8 characters." in answer.text
    assert 'value="short"' not in answer.text
    assert choose(browser, "/recover/") == 303


def test_a_link_needs_its_form_s_token(browser: Browser, link: str) -> None:
    browser.token(link)
    assert browser.client.post("/recover/", data={"password": NEW}).status_code == 400


def test_the_database_holds_no_link(app: Flask, link: str, config: Config) -> None:
    with app.app_context():
        db.session.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    assert link.removeprefix("/recover/").encode() not in (config.instance / "netflix.db").read_bytes()


def test_a_reset_forgets_the_password_at_once(app: Flask, ada: str) -> None:
    with app.app_context():
        access.reset_by_link(ada)
        assert not User.named(ada).has_password
    assert Browser(app).sign_in(ada).status_code == 401


def test_a_link_is_used_at_most_20_times_an_hour(app: Flask, browser: Browser, link: str) -> None:
    browser.token(link)
    with app.app_context():
        for _ in range(20):
            counter.hit((policy.RECOVERY_FROM_ADDRESS, "192.0.2.10"))
    with hashes() as done:
        answer = browser.post("/recover/", {"password": NEW}, page="/recover/")
    assert (answer.status_code, done) == (429, [])
    assert "data-retry-after" in answer.text


def test_a_link_that_goes_while_its_page_is_shown_again_says_so(
    app: Flask, browser: Browser, ada: str, link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.token(link)
    faults = passwords.faults

    def overtaken(chosen: str, email: str) -> list[str]:
        with app.app_context():
            access.disable(ada)
        return faults(chosen, email)

    monkeypatch.setattr(passwords, "faults", overtaken)
    assert browser.post("/recover/", {"password": "short"}, page="/recover/").status_code == 410


def test_the_log_never_tells_a_link(app: Flask, browser: Browser, link: str) -> None:
    with app.app_context():
        db.session.execute(text("ALTER TABLE one_time_link RENAME TO gone"))
        db.session.commit()
    with log() as written:
        assert browser.get(link).status_code == 503
    assert "answered 503" in written.getvalue()
    assert link.removeprefix("/recover/") not in written.getvalue()


def test_a_session_of_another_does_not_open_it(app: Flask, ada: str, grace: str, link: str) -> None:
    """Who is signed in as somebody else and opens a link changes the link's account, and is signed out."""
    browser = Browser(app)
    browser.sign_in(grace)
    assert choose(browser, link) == 303
    assert browser.sign_in(grace).status_code == 303
    with app.app_context():
        assert Session.everywhere(User.named(ada)) == []


def test_it_is_of_the_site_s_own_address(build: Callable[..., Flask], ada: str) -> None:
    with build(url="https://films.example.org").app_context():
        assert access.reset_by_link(ada).startswith("https://films.example.org/recover/")


def test_a_disabled_user_gets_none(app: Flask, ada: str) -> None:
    with app.app_context():
        access.disable(ada)
        with pytest.raises(Declined, match="enable"):
            access.reset_by_link(ada)


def test_it_names_the_address_at_which_the_site_said_it_is(app: Flask, config: Config, ada: str) -> None:
    config.served_at.write_text("http://127.0.0.1:6123")
    with app.app_context():
        assert access.reset_by_link(ada).startswith("http://127.0.0.1:6123/recover/")
