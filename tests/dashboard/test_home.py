from collections.abc import Callable
from datetime import timedelta

from flask import Flask

from netflix.accounts.registration import create
from netflix.accounts.user import User
from netflix.clock import told
from tests.people import PASSWORD, Browser

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"


def test_it_greets_and_tells_the_account(browser: Browser, ada: str) -> None:
    browser.sign_in(ada)
    page = browser.get("/dashboard").text
    assert "Good to see you, ada" in page
    assert ada in page
    assert "This browser" in page
    assert "Firefox on Linux" in page
    assert "192.0.2.10" in page


def test_the_first_sign_in_is_welcomed(browser: Browser, ada: str) -> None:
    browser.sign_in(ada)
    assert "This is your first sign-in." in browser.get("/dashboard").text


def test_the_next_tells_when_one_was_here(
    app: Flask, browser: Browser, ada: str, later: Callable[[timedelta], None]
) -> None:
    browser.sign_in(ada)
    with app.app_context():
        first = User.named(ada).signed_in_at
    later(timedelta(hours=30))
    browser.sign_in(ada)
    page = browser.get("/dashboard").text
    assert first
    assert "You last signed in on" in page
    assert told(first) in page
    assert "This is your first sign-in." not in page


def test_without_titles_it_says_so(browser: Browser, ada: str) -> None:
    browser.sign_in(ada)
    assert "Nothing to watch yet" in browser.get("/dashboard").text


def test_alone_there_is_nobody_to_sign_out(browser: Browser, ada: str) -> None:
    browser.sign_in(ada)
    assert "/sessions/" not in browser.get("/dashboard").text


def test_other_browsers_have_a_way_out_each_and_all(app: Flask, browser: Browser, ada: str) -> None:
    for address in ("192.0.2.20", "192.0.2.21"):
        Browser(app, address, CHROME).sign_in(ada, remember="y")
    browser.sign_in(ada)
    page = browser.get("/dashboard").text
    assert page.count("Chrome on Windows") == 2
    assert page.count("stays signed in") == 2
    assert page.count('action="/sessions/end-others"') == 1
    assert page.count('action="/sessions/') == 3
    assert page.count("This browser") == 1


def test_markup_of_strangers_stays_text(app: Flask) -> None:
    evil = "<script>alert(1)</script>'\"&"
    with app.app_context():
        create("o'a&b@x.org", PASSWORD)
    browser = Browser(app, agent=evil)
    browser.sign_in("o'a&b@x.org")
    page = browser.get("/dashboard").text
    assert "<script>alert" not in page
    assert "o&#39;a&amp;b@x.org" in page


def test_an_administrator_is_told_to_be_one(app: Flask, browser: Browser, ada: str, grace: str) -> None:
    browser.sign_in(grace)
    assert "Administrator" in browser.get("/dashboard").text
    browser.sign_in(ada)
    assert "Administrator" not in browser.get("/dashboard").text


def test_nobody_sees_another_s_browsers(app: Flask, browser: Browser, ada: str, grace: str) -> None:
    Browser(app, "198.51.100.66").sign_in(grace)
    browser.sign_in(ada)
    page = browser.get("/dashboard").text
    assert grace not in page
    assert "198.51.100.66" not in page
