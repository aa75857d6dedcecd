"""For administrators; to everybody else there is nothing at these addresses."""

import re

import pytest
from flask import Flask

from netflix.accounts.registration import create
from netflix.events import event
from netflix.events.event import Kind, Wanted
from netflix.signin import access
from tests.people import PASSWORD, Browser

PAGES = [
    "/admin/",
    "/admin/users",
    "/admin/users/1",
    "/admin/users/999",
    "/admin/users/1/delete",
    "/admin/invitations",
    "/admin/events",
]
ACTS = [
    "/admin/users/1/disable",
    "/admin/users/1/promote",
    "/admin/users/1/reset",
    "/admin/users/1/delete",
    "/admin/users/1/sessions/end",
    "/admin/users/1/sessions/1/end",
    "/admin/invitations",
    "/admin/invitations/1/revoke",
]


def denied(app: Flask) -> list[event.Event]:
    with app.app_context():
        return list(event.following(Wanted(kinds=(Kind.DENIED,))))


def plain(page: str) -> str:
    return re.sub(r"[0-9a-f]{12}", "", page)


@pytest.mark.parametrize("path", PAGES)
def test_a_member_finds_what_is_at_any_empty_address(app: Flask, browser: Browser, ada: str, path: str) -> None:
    browser.sign_in(ada)
    answer, nothing = browser.get(path), browser.get("/nowhere")
    assert (answer.status_code, plain(answer.text)) == (404, plain(nothing.text))
    assert [(row.user_id, row.by, row.address) for row in denied(app)] == [(1, "user:1", "192.0.2.10")]


@pytest.mark.parametrize("path", ACTS)
def test_nor_can_a_member_do_a_thing(app: Flask, browser: Browser, grace: str, ada: str, path: str) -> None:
    browser.sign_in(ada)
    assert browser.post(path, {"email": grace, "uses": "1", "days": "1"}, page="/dashboard").status_code == 404
    with app.app_context():
        assert [row.kind for row in event.following(Wanted())][-2:] == ["authn_login_success", "authz_fail"]


@pytest.mark.parametrize("path", PAGES)
def test_a_stranger_is_asked_to_sign_in_and_not_written_down(app: Flask, browser: Browser, path: str) -> None:
    assert browser.get(path).status_code == 303
    assert denied(app) == []


def test_who_asks_on_and_on_is_written_down_ten_times_an_hour(app: Flask, browser: Browser, ada: str) -> None:
    browser.sign_in(ada)
    assert {browser.get(f"/admin/users/{number}").status_code for number in range(1, 15)} == {404}
    assert len(denied(app)) == 10
    assert "so often as you that more is not written down." in browser.get("/activity").text


def test_what_was_asked_for_stands_there_as_a_pattern(app: Flask, browser: Browser, ada: str) -> None:
    browser.sign_in(ada)
    browser.get("/admin/users?q=secret.lover@example.org")
    assert [row.details for row in denied(app)] == [{"page": "/admin/users"}]


def test_who_is_made_a_member_finds_nothing_from_then_on(app: Flask, browser: Browser, grace: str) -> None:
    browser.sign_in(grace)
    assert browser.get("/admin/users").status_code == 200
    with app.app_context():
        create("other@example.org", PASSWORD, is_admin=True)
        access.demote(grace)
    assert browser.get("/admin/users").status_code == 404


def test_the_dashboard_leads_administrators_there_and_nobody_else(
    app: Flask, browser: Browser, ada: str, grace: str
) -> None:
    browser.sign_in(ada)
    assert "/admin" not in browser.get("/dashboard").text
    browser.sign_in(grace)
    assert 'href="/admin/users"' in browser.get("/dashboard").text
