"""Who may register: all, the invited, nobody."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from flask import Flask

from netflix.accounts import invitation
from netflix.accounts import password as passwords
from netflix.accounts.invitation import Invitation
from netflix.accounts.user import User
from netflix.events import event
from netflix.events.event import Kind, Wanted
from netflix.values import rates
from tests.conftest import Build
from tests.people import PASSWORD, Browser


@pytest.fixture
def app(build: Build) -> Flask:
    """A site that one comes into by invitation."""
    return build(registration="invite")


@pytest.fixture
def path(app: Flask) -> str:
    """The path of a link for one person."""
    return invited(app)


def invited(app: Flask, uses: int = 1) -> str:
    with app.app_context():
        return urlsplit(invitation.invite(uses, note="for a friend")).path


def registered(browser: Browser, email: str) -> int:
    return browser.post("/register", {"email": email, "password": PASSWORD}, page="/register").status_code


def opened(app: Flask, path: str) -> Browser:
    browser = Browser(app)
    assert browser.get(path).status_code == 303
    return browser


def everyone(app: Flask) -> list[str]:
    with app.app_context():
        return [user.email for user in User.everyone()]


def test_who_is_invited_registers_and_signs_in(app: Flask, path: str) -> None:
    browser = Browser(app)
    answer = browser.get(path)
    assert (answer.status_code, answer.location) == (303, "/register")
    assert registered(browser, "new@example.org") == 303
    assert browser.sign_in("new@example.org").status_code == 303


def test_who_is_not_sees_no_form_and_makes_no_account(app: Flask, browser: Browser) -> None:
    page = browser.get("/register")
    assert page.status_code == 403
    assert "Only who is invited can make an account here, by a link that is still good." in page.text
    assert "<form" not in page.text
    sent = {"email": "m@example.org", "password": PASSWORD, "csrf_token": browser.token(), "invitation": "x"}
    assert browser.client.post("/register", data=sent, environ_base=browser.environ).status_code == 403
    assert everyone(app) == []


def test_the_token_is_not_in_the_form(app: Flask, path: str) -> None:
    assert path.rpartition("/")[2] not in opened(app, path).get("/register").text


def test_an_invitation_for_one_is_good_once(app: Flask, path: str) -> None:
    first, second = opened(app, path), opened(app, path)
    assert registered(first, "first@example.org") == 303
    assert second.get("/register").status_code == 403
    assert Browser(app).get(path).status_code == 410
    assert everyone(app) == ["first@example.org"]


def test_of_many_at_once_one_comes_in(app: Flask, path: str) -> None:
    browsers = [opened(app, path) for _ in range(6)]
    tokens = [browser.token("/register") for browser in browsers]

    def register(number: int) -> int:
        sent = {"email": f"{number}@example.org", "password": PASSWORD, "csrf_token": tokens[number]}
        return browsers[number].client.post("/register", data=sent, environ_base=browsers[number].environ).status_code

    with ThreadPoolExecutor(6) as crowd:
        found = list(crowd.map(register, range(6)))
    assert found.count(303) == 1
    assert set(found) <= {303, 403, 410}
    assert len(everyone(app)) == 1


def test_a_slip_uses_nothing_up(app: Flask, path: str) -> None:
    browser = opened(app, path)
    assert registered(browser, "no address") == 422
    assert registered(browser, "new@example.org") == 303


def test_a_taken_address_uses_it_up_as_a_free_one_does(app: Flask, path: str, ada: str) -> None:
    """Else whoever has an invitation could ask who is here."""
    assert registered(opened(app, path), ada) == 303
    assert Browser(app).get(path).status_code == 410


def test_by_one_for_two_two_come_in(app: Flask) -> None:
    path = invited(app, uses=2)
    assert [registered(opened(app, path), f"{n}@example.org") for n in range(2)] == [303, 303]
    assert Browser(app).get(path).status_code == 410


def test_it_ends_after_its_time(app: Flask, path: str, later: Callable[[timedelta], None]) -> None:
    browser = opened(app, path)
    later(timedelta(days=7, seconds=1))
    assert browser.get("/register").status_code == 403
    assert Browser(app).get(path).status_code == 410


def test_it_ends_when_it_is_revoked(app: Flask, path: str) -> None:
    browser = opened(app, path)
    with app.app_context():
        invitation.revoke(1)
        invitation.revoke(1)
    assert browser.get("/register").status_code == 403


def test_one_that_is_revoked_while_somebody_registers_makes_no_account(
    app: Flask, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = passwords.stored

    def stored(text: str) -> str:
        with app.app_context():
            invitation.revoke(1)
        return hashed(text)

    browser = opened(app, path)
    monkeypatch.setattr(passwords, "stored", stored)
    assert registered(browser, "new@example.org") == 410
    assert everyone(app) == []


def test_the_table_holds_no_token(app: Flask, path: str) -> None:
    with app.app_context():
        (row,) = Invitation.all()
        assert path.rpartition("/")[2].encode() not in row.digest
        assert len(row.digest) == 32


def test_the_record_tells_who_came_in_by_which(app: Flask, path: str) -> None:
    registered(opened(app, path), "new@example.org")
    with app.app_context():
        made, came = event.following(Wanted())
        assert (made.kind, made.details["invitation"]) == (Kind.LINK_MADE, 1)
        assert (came.kind, came.details["invitation"]) == (Kind.USER_CREATED, 1)


@pytest.mark.parametrize(("mode", "link"), [("open", True), ("invite", False), ("closed", False)])
def test_the_sign_in_page_offers_what_there_is(build: Build, mode: str, link: bool) -> None:
    assert ('href="/register"' in Browser(build(registration=mode)).get("/login").text) is link


def test_where_nobody_may_register_an_invitation_helps_nobody(build: Build, path: str) -> None:
    browser = Browser(build(registration="closed"))
    browser.get(path)
    assert browser.get("/register").status_code == 403
    sent = {"email": "m@example.org", "password": PASSWORD, "csrf_token": browser.token()}
    assert browser.client.post("/register", data=sent, environ_base=browser.environ).status_code == 403


def test_where_all_may_register_none_is_used_up(build: Build, path: str) -> None:
    site = build(registration="open")
    browser = opened(site, path)
    assert registered(browser, "new@example.org") == 303
    with site.app_context():
        assert [row.used for row in Invitation.all()] == [0]


def test_the_invited_are_not_counted_with_all_who_come_by_themselves(build: Build) -> None:
    site = build(registration="invite", registration_site_limit=rates("1 per hour"))
    path = invited(site, uses=2)
    assert [registered(opened(site, path), f"n{n}@example.org") for n in range(2)] == [303, 303]
