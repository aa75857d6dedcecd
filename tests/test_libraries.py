"""The private parts of libraries that the site relies on: a new version that changes them fails here first."""

import re

import flask
import pytest
from flask import Flask, g
from flask_login import current_user
from flask_wtf.csrf import generate_csrf, validate_csrf
from sqlalchemy import select
from wtforms.validators import ValidationError

from netflix import csrf, token
from netflix.extensions import db
from netflix.signin import current
from netflix.signin.session import Session
from tests.people import PASSWORD, Browser


def test_flask_limiter_takes_no_part_in_requests(app: Flask) -> None:
    hooks = [hook for hooks in (app.before_request_funcs, app.after_request_funcs) for hook in hooks.get(None, [])]
    hooks += list(app.teardown_request_funcs.get(None, []))
    assert not [hook for hook in hooks if hook.__module__.startswith("flask_limiter")]
    # The others are as they were, so the look is at the right place.
    assert [hook for hook in hooks if hook.__module__.startswith("flask_wtf")]


def test_flask_limiter_knows_the_site_all_the_same(app: Flask) -> None:
    limiter = app.extensions["netflix-counters"].limiter
    assert app.extensions["limiter"] == {limiter}
    assert limiter.enabled


def test_flask_login_keeps_the_token_under_its_name(app: Flask, browser: Browser, ada: str) -> None:
    """`current.is_signed_in` looks for it before it asks the database."""
    browser.sign_in(ada)
    with browser.client.session_transaction() as kept:
        assert set(kept) >= {"_user_id", csrf.FIELD}
        assert not {"_id", "_fresh"} & set(kept)
        digest = token.digest(kept["_user_id"])
    with app.app_context():
        assert db.session.scalar(select(Session.id).where(Session.digest == digest))


def test_flask_login_finds_the_session_behind_its_proxy(app: Flask, browser: Browser, ada: str) -> None:
    with browser.client:
        browser.sign_in(ada)
        browser.get("/dashboard")
        assert type(current.session()).__name__ == "CurrentSession"
        assert current_user._get_current_object() is current.session()


def test_flask_wtf_accepts_our_token(app: Flask) -> None:
    with app.test_request_context():
        validate_csrf(csrf.token())


def test_a_token_of_flask_wtf_s_own_is_as_good(app: Flask, browser: Browser, ada: str) -> None:
    with app.test_request_context():
        theirs = generate_csrf()
        kept = flask.session[csrf.FIELD]
        validate_csrf(theirs)
        # Theirs first, then ours: one secret, one request.
        assert csrf.token() == theirs
    with browser.client.session_transaction() as session:
        session[csrf.FIELD] = kept
    form = {"csrf_token": theirs, "email": ada, "password": PASSWORD}
    assert browser.client.post("/login", data=form, environ_base=browser.environ).status_code == 303


def test_ours_first_then_theirs(app: Flask) -> None:
    with app.test_request_context():
        assert csrf.token() == generate_csrf()


@pytest.mark.parametrize("wrong", ["", "x", "{}x", "x{}"])
def test_flask_wtf_still_refuses_what_is_not_ours(app: Flask, wrong: str) -> None:
    with app.test_request_context():
        ours = csrf.token()
        with pytest.raises(ValidationError):
            validate_csrf(wrong.format(ours))


def test_a_token_for_another_visitor_is_refused(app: Flask) -> None:
    with app.test_request_context():
        ours = csrf.token()
    with app.test_request_context():
        csrf.token()
        with pytest.raises(ValidationError):
            validate_csrf(ours)


def test_flask_wtf_says_that_a_token_was_good(app: Flask, browser: Browser) -> None:
    """`csrf.token` gives it again to the form that is shown again."""
    sent = browser.token()
    with browser.client:
        answer = browser.client.post(
            "/login", data={"csrf_token": sent, "email": "", "password": ""}, environ_base=browser.environ
        )
        assert g.csrf_valid is True
    assert answer.status_code == 422
    found = re.search(r'name="csrf_token" value="([^"]+)"', answer.text)
    assert found
    assert found[1] == sent


def test_flask_wtf_does_not_say_so_of_a_bad_one(app: Flask, browser: Browser) -> None:
    with browser.client:
        browser.client.post("/login", data={"csrf_token": "x"}, environ_base=browser.environ)
        assert not g.get("csrf_valid")
