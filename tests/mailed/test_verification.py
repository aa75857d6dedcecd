"""Showing that an e-mail is one's own."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from netflix import clock
from netflix.accounts import password as passwords
from netflix.accounts.registration import create
from netflix.accounts.user import User
from netflix.errors import LinkGone
from netflix.events import event
from netflix.events.event import Kind, Wanted
from netflix.extensions import db
from netflix.mailed import verification
from netflix.signin import access
from netflix.signin.visitor import Visitor
from netflix.upkeep import expiry
from netflix.web import PROBLEM
from tests.conftest import Build
from tests.people import MALLORY, PASSWORD, Browser, Letters, links_in

NEW = "new@example.org"


@pytest.fixture
def link(browser: Browser, letters: Letters) -> str:
    """The path in the mail to who has just registered."""
    browser.register(NEW)
    (text,) = letters.to(NEW)
    return links_in(text)[0]


def is_verified(app: Flask, email: str = NEW) -> bool:
    with app.app_context():
        return User.named(email).is_verified


def test_a_newcomer_confirms_by_the_link_in_a_mail(app: Flask, browser: Browser, link: str) -> None:
    browser.sign_in(NEW)
    assert "Not confirmed yet" in browser.get("/account").text
    assert browser.get(link).location == "/confirm/verify"
    page = browser.get("/confirm/verify")
    assert NEW in page.text
    assert link.rpartition("/")[2] not in page.text
    assert not is_verified(app)
    answer = browser.post("/confirm/verify", page="/confirm/verify")
    assert (answer.status_code, answer.location) == (303, "/account")
    assert is_verified(app)
    page = browser.get("/account")
    assert "Your e-mail is confirmed." in page.text
    assert "Not confirmed yet" not in page.text


def test_on_a_browser_that_is_not_signed_in_it_takes_the_account_s_password(app: Flask, link: str) -> None:
    phone = Browser(app)
    assert phone.post("/confirm/verify", page=link).status_code == 422
    refused = phone.post("/confirm/verify", {"password": "another's"}, page=link)
    assert refused.status_code == 422
    assert "<title>Not done yet" in refused.text
    assert not is_verified(app)
    assert phone.post("/confirm/verify", {"password": PASSWORD}, page=link).status_code == 303
    assert is_verified(app)
    assert "Your e-mail is confirmed." in phone.get("/account", follow_redirects=True).text


def test_opening_it_as_often_as_a_scanner_does_changes_nothing(app: Flask, link: str) -> None:
    for _ in range(3):
        Browser(app).get(link, follow_redirects=True)
    assert not is_verified(app)


def test_of_two_at_once_one_confirms(app: Flask, link: str) -> None:
    def confirm(_: int) -> bool:
        with app.app_context():
            try:
                verification.confirm(link.rpartition("/")[2], None, PASSWORD, Visitor("192.0.2.1"))
            except LinkGone:
                return False
            return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(confirm, range(2))) == [False, True]
    assert is_verified(app)


def test_it_lasts_three_days(app: Flask, link: str, later: Callable[[timedelta], None]) -> None:
    later(timedelta(days=3))
    assert Browser(app).get(link).status_code == 410


def test_a_link_for_one_thing_is_good_for_no_other(app: Flask, link: str) -> None:
    carried = link.rpartition("/")[2]
    for path in (f"/recover/{carried}", f"/confirm/undo/{carried}", f"/confirm/email/{carried}"):
        assert Browser(app).get(path).status_code == 410


def test_the_mail_is_sent_again_when_asked_but_not_without_end(
    app: Flask, browser: Browser, link: str, letters: Letters
) -> None:
    browser.sign_in(NEW)
    for _ in range(5):
        assert browser.post("/account/verify", page="/account").location == "/account"
        assert "on its way to you" in browser.get("/account").text
    assert browser.post("/account/verify", page="/account").location == "/account"
    told = browser.get("/account").text
    assert re.search(r'<p class="alert" role="alert">No mail was sent: too many were asked for. Try again in \d', told)
    assert browser.post("/account/verify", page="/account", headers={"Accept": PROBLEM}).status_code == 429
    texts = letters.to(NEW)
    assert len(texts) == 5
    assert Browser(app).get(link).status_code == 410
    assert Browser(app).get(links_in(texts[-1])[0]).status_code == 303


def test_who_is_confirmed_already_gets_no_more_mails(browser: Browser, ada: str, letters: Letters) -> None:
    browser.sign_in(ada)
    browser.post("/account/verify", page="/account/email")
    assert letters() == []


def test_sending_again_is_for_who_is_signed_in(browser: Browser) -> None:
    assert browser.post("/account/verify").location == "/login"


def test_whom_the_operator_made_is_confirmed(app: Flask, ada: str) -> None:
    assert is_verified(app, ada)


def test_who_was_made_by_a_stranger_s_registration_gets_in_by_choosing_a_password(
    app: Flask, link: str, letters: Letters
) -> None:
    """Somebody registered with my address before I did."""
    mine = Browser(app, "192.0.2.77")
    mine.register(NEW, "what I would like")
    (text,) = letters.to(NEW)
    page = mine.get(links_in(text)[0], follow_redirects=True).text
    assert "You do not know the password?" in page
    answer = mine.post("/confirm/verify/password", page="/confirm/verify")
    assert answer.location == "/recover/"
    assert is_verified(app)
    assert mine.post("/recover/", {"password": "what I would like"}, page="/recover/").status_code == 303
    assert mine.sign_in(NEW, PASSWORD).status_code == 401
    assert mine.sign_in(NEW, "what I would like").status_code == 303
    assert "the password from before forgotten" in mine.get("/activity").text


def test_an_account_that_was_to_be_deleted_stays_and_its_record_says_so(
    app: Flask, browser: Browser, link: str
) -> None:
    browser.sign_in(NEW)
    browser.post("/account/delete", {"email": NEW}, page="/account/delete")
    assert Browser(app, MALLORY).post("/confirm/verify/password", page=link).status_code == 303
    with app.app_context():
        assert not User.named(NEW).is_leaving
        assert [row.kind for row in event.latest(Wanted(), 9)[:2]] == [Kind.EMAIL_VERIFIED, Kind.USER_STAYED]


def test_the_word_of_the_operator_ends_the_link(app: Flask, browser: Browser, link: str) -> None:
    """Else it would still take the account from who is vouched for, with the factors that they added since."""
    with app.app_context():
        access.vouch_for(NEW)
    assert Browser(app, MALLORY).get(link).status_code == 410
    assert browser.sign_in(NEW).status_code == 303


def test_nobody_takes_over_who_was_confirmed_meanwhile(app: Flask, browser: Browser, link: str) -> None:
    thief = Browser(app, MALLORY)
    token = {"csrf_token": (thief.get(link), thief.token("/confirm/verify"))[1]}
    with app.app_context():
        User.named(NEW).verified_at = clock.now()
        db.session.commit()
    assert thief.client.post("/confirm/verify/password", data=token, environ_base=thief.environ).status_code == 410
    assert browser.sign_in(NEW).status_code == 303


def test_nobody_takes_over_an_administrator_s(app: Flask, browser: Browser, link: str) -> None:
    """Who registered with a slip in the address, and was made one."""
    with app.app_context():
        access.promote(NEW)
    refused = Browser(app, MALLORY).post("/confirm/verify/password", page=link)
    assert refused.status_code == 403
    assert "Ask the person who runs this site." in refused.text
    assert not is_verified(app)
    assert browser.sign_in(NEW).status_code == 303
    assert browser.post("/confirm/verify", page=link).status_code == 303


def test_a_slip_while_the_link_is_used_is_told_as_a_link_that_is_gone(
    app: Flask, link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = passwords.matches

    def overtaken(*args: Any) -> bool:
        monkeypatch.setattr(passwords, "matches", true)
        assert Browser(app).post("/confirm/verify", {"password": PASSWORD}, page=link).status_code == 303
        return true(*args)

    monkeypatch.setattr(passwords, "matches", overtaken)
    assert Browser(app).post("/confirm/verify", {"password": "a slip"}, page=link).status_code == 410


def test_who_is_signed_in_to_the_account_is_not_asked_to_take_it_over(browser: Browser, link: str) -> None:
    browser.sign_in(NEW)
    page = browser.get(link, follow_redirects=True).text
    assert 'name="password"' not in page
    assert "/confirm/verify/password" not in page


def names(app: Flask) -> list[str]:
    with app.app_context():
        return [user.email for user in User.everyone()]


def test_purge_removes_who_never_confirmed_only_where_the_operator_wants_it(
    app: Flask, build: Build, ada: str, link: str, later: Callable[[timedelta], None]
) -> None:
    Browser(app).register("chief@example.org")
    with app.app_context():
        access.promote("chief@example.org")
        create("made@example.org", None)
    everybody = names(app)
    later(timedelta(days=29))
    Browser(app, "192.0.2.20").register("late@example.org")
    later(timedelta(days=1))
    with app.app_context():
        expiry.purge()
    assert names(app) == sorted([*everybody, "late@example.org"])
    site = build(purge_unverified=True)
    with site.app_context():
        assert expiry.expired()["unconfirmed account"] == 1
        assert expiry.purge()["unconfirmed account"] == 1
    assert names(app) == sorted({*everybody, "late@example.org"} - {NEW})
