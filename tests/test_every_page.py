"""What holds of every page that there is, also of those to come."""

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.routing import AnyConverter, IntegerConverter, PathConverter, Rule

from tests.people import Browser
from tests.signin.test_sessions import carried
from tests.watching import statements

PEOPLE = ["a stranger", "a member", "an administrator"]
# The record of what happened, where also a refusal is written down.
RECORD = re.compile(r"^(INSERT INTO|UPDATE) event", re.I)


def filled(rule: Rule) -> str:
    """The rule's address for something of each sort."""
    adapter = rule.map.bind("")  # type: ignore[union-attr]
    kinds = {IntegerConverter: 1, PathConverter: "css/app.css"}
    values = {
        name: next(iter(kind.items)) if isinstance(kind, AnyConverter) else kinds.get(type(kind), "x")
        for name in rule.arguments
        for kind in [rule._converters[name]]
    }
    return str(adapter.build(rule.endpoint, values))


def pages(app: Flask) -> list[str]:
    return sorted({filled(rule) for rule in app.url_map.iter_rules() if rule.methods and "GET" in rule.methods})


def signed_in(app: Flask, who: str, ada: str, grace: str) -> Browser:
    browser = Browser(app)
    if who != PEOPLE[0]:
        browser.sign_in(ada if who == PEOPLE[1] else grace)
    return browser


def asks_to_sign_in(app: Flask) -> Iterator[str]:
    """The pages that are for who is signed in."""
    for path in pages(app):
        with Browser(app).get(path) as answer:
            if answer.status_code == 303 and (answer.location or "").startswith("/login?next"):
                yield path


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_looking_at_a_page_changes_nothing(app: Flask, ada: str, grace: str, who: str, method: str) -> None:
    browser = signed_in(app, who, ada, grace)
    for path in pages(app):
        with statements(app) as asked, getattr(browser.client, method)(path, environ_base=browser.environ):
            pass
        assert not [one for one in asked if not one.startswith("SELECT") and not RECORD.match(one)], path


@pytest.mark.parametrize("who", PEOPLE[1:])
def test_every_page_of_somebody_s_own_has_the_way_out(app: Flask, ada: str, grace: str, who: str) -> None:
    browser = signed_in(app, who, ada, grace)
    own = list(asks_to_sign_in(app))
    assert {"/dashboard", "/account", "/activity", "/password"} <= set(own)
    for path in own:
        answer = browser.get(path)
        if answer.status_code == 200 and answer.mimetype == "text/html":
            assert '<form method="post" action="/logout">' in answer.text, path


def test_no_page_tells_the_session_s_token(app: Flask, browser: Browser, ada: str) -> None:
    browser.sign_in(ada)
    token, cookie = carried(browser).encode(), browser.client.get_cookie("session")
    assert cookie
    for path in pages(app):
        with browser.get(path) as answer:
            assert token not in answer.data, path
            assert cookie.value.encode() not in answer.data, path
