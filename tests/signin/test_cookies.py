import re
from http.cookies import SimpleCookie

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.people import PASSWORD, Browser

SECURE = "https://netflix.test"


def sign_in(app: Flask, email: str, base: str, **more: str) -> TestResponse:
    client = app.test_client()
    page = client.get("/login", base_url=base).text
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found
    fields = {"csrf_token": found[1], "email": email, "password": PASSWORD, **more}
    answer = client.post("/login", base_url=base, data=fields)
    assert answer.status_code == 303
    return answer


def cookies(answer: TestResponse) -> SimpleCookie:
    return SimpleCookie("; ".join(answer.headers.getlist("Set-Cookie")))


def test_over_plain_http_the_cookie_is_for_this_site_alone(app: Flask, ada: str) -> None:
    found = cookies(sign_in(app, ada, "http://127.0.0.1:5000"))
    assert sorted(found) == ["devices", "session"]
    for flags in found.values():
        assert (flags["httponly"], flags["samesite"], flags["path"]) == (True, "Lax", "/")
        assert (flags["secure"], flags["domain"]) == ("", "")


def test_over_tls_it_is_host_bound_and_secure(app: Flask, ada: str) -> None:
    found = cookies(sign_in(app, ada, SECURE))
    assert sorted(found) == ["__Host-devices", "__Host-session"]
    for flags in found.values():
        assert (flags["httponly"], flags["samesite"], flags["path"]) == (True, "Lax", "/")
        assert (flags["secure"], flags["domain"]) == (True, "")


def test_a_cookie_of_plain_http_is_not_taken_over_tls(app: Flask, ada: str) -> None:
    value = cookies(sign_in(app, ada, "http://netflix.test"))["session"].value
    client = app.test_client()
    for name in ("session", "__Host-session"):
        client.set_cookie(name, value, domain="netflix.test", secure=name != "session")
    client.delete_cookie("__Host-session", domain="netflix.test")
    assert client.get("/dashboard", base_url=SECURE).status_code == 303
    assert client.get("/dashboard", base_url="http://netflix.test").status_code == 200


@pytest.mark.parametrize("base", ["http://127.0.0.1:5000", SECURE])
def test_only_a_remembered_browser_keeps_the_cookie_when_it_is_closed(app: Flask, ada: str, base: str) -> None:
    name = "__Host-session" if base == SECURE else "session"
    brief = cookies(sign_in(app, ada, base))[name]
    long = cookies(sign_in(app, ada, base, remember="y"))[name]
    assert (brief["expires"], brief["max-age"]) == ("", "")
    assert long["expires"]


def test_the_longest_cookie_is_short(app: Flask, ada: str) -> None:
    answer = sign_in(app, ada, SECURE, remember="y", next="/dashboard?" + "x" * 3000)
    assert len(answer.headers["Set-Cookie"]) < 700


def test_a_page_view_sets_no_cookie_again(browser: Browser, ada: str) -> None:
    browser.sign_in(ada, remember="y")
    assert "Set-Cookie" not in browser.get("/dashboard").headers
    assert "Set-Cookie" not in browser.get("/dashboard").headers


def test_no_script_reads_a_cookie_and_nobody_else_sets_one(browser: Browser, ada: str) -> None:
    for path in ("/healthz", "/static/css/app.css", "/nowhere", "/.well-known/change-password"):
        with browser.get(path) as answer:
            assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("name", ["remember_token", "session"])
def test_a_cookie_of_rubbish_is_nobody_s(app: Flask, ada: str, name: str) -> None:
    for value in (
        "1|" + "0" * 128,
        "1",
        "null",
        "eyJfdXNlcl9pZCI6IjEifQ.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbb",
        "é",
        "x" * 4000,
    ):
        client = app.test_client()
        client.set_cookie(name, value)
        assert client.get("/dashboard").status_code == 303
        assert client.get("/login").status_code == 200
