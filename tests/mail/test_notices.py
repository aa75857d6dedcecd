"""A person is told by mail of what changes their way in."""

import pytest
from flask import Flask

from netflix.accounts.user import User
from netflix.events.actor import OPERATOR, Actor
from netflix.events.event import Kind
from netflix.extensions import db
from netflix.mail import notice
from netflix.signin import access
from tests.people import PASSWORD, Browser, Letters, link_for, links_in

NEW = "a quite new password"


def test_a_change_of_the_password_is_told_with_when_and_where(browser: Browser, ada: str, letters: Letters) -> None:
    browser.sign_in(ada)
    browser.post("/password", {"current_password": PASSWORD, "password": NEW}, page="/password")
    (text,) = letters.to(ada)
    assert "the password was changed" in text
    assert "192.0.2.10 (Firefox on Linux)" in text
    assert "UTC" in text
    assert links_in(text) == ["/recover", "/account/passkeys", "/activity"]


def test_one_that_was_not_changed_is_not_told(browser: Browser, ada: str, letters: Letters) -> None:
    browser.sign_in(ada)
    browser.post("/password", {"current_password": "wrong", "password": NEW}, page="/password")
    assert letters() == []


def test_a_password_chosen_by_a_link_is_told(app: Flask, browser: Browser, ada: str, letters: Letters) -> None:
    with app.app_context():
        link = link_for(ada)
    browser.post("/recover/", {"password": NEW}, page=link)
    (text,) = letters.to(ada)
    assert "by a one-time link" in text


def test_a_password_from_the_operator_is_told(app: Flask, ada: str, letters: Letters) -> None:
    with app.app_context():
        access.set_password(ada, NEW)
    (text,) = letters.to(ada)
    assert "By: the person who runs the site" in text


@pytest.mark.parametrize("by", ["the person who runs the site", "an administrator"])
def test_a_password_that_somebody_took_away_is_told(
    app: Flask, ada: str, grace: str, letters: Letters, by: str
) -> None:
    with app.app_context():
        access.reset_by_link(ada, Actor(2, "192.0.2.77") if by == "an administrator" else OPERATOR)
    (text,) = letters.to(ada)
    assert "the password was taken away" in text
    assert f"By: {by}" in text
    assert "192.0.2.77" not in text
    # To ask for a link would end the one that they are given.
    assert links_in(text) == ["/activity"]
    assert "nothing to do" not in text


def test_who_never_showed_that_an_address_is_theirs_makes_us_write_to_nobody(
    app: Flask, browser: Browser, letters: Letters
) -> None:
    browser.register("victim@example.org")
    letters()
    browser.sign_in("victim@example.org")
    browser.post("/password", {"current_password": PASSWORD, "password": NEW}, page="/password")
    with app.app_context():
        assert User.named("victim@example.org").told_at == ""
    assert letters() == []


def test_every_notice_is_a_sentence(app: Flask, ada: str, letters: Letters) -> None:
    with app.app_context():
        for kind in notice.SENTENCES:
            notice.tell(ada, kind, "192.0.2.10", "Firefox on Linux")
        db.session.commit()
    texts = letters.to(ada)
    assert len(texts) == len(notice.SENTENCES)
    assert all("on your account" in text and ".." not in text for text in texts)


def test_a_newcomer_s_browser_is_told(app: Flask, ada: str, letters: Letters) -> None:
    with app.app_context():
        notice.tell(ada, Kind.SIGNED_IN, "192.0.2.10", "Firefox on Linux")
        db.session.commit()
    (letter,) = letters()
    assert "had not signed in before" in letter["Subject"]
