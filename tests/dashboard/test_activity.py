"""What happened with one's account, in plain words."""

import re
from collections.abc import Callable

import pytest
from flask import Flask

from netflix.events import event, story
from netflix.events.event import Kind
from netflix.extensions import db
from netflix.signin import access
from tests.people import MALLORY, PASSWORD, Browser
from tests.test_speed_counts import cost


def sentences(browser: Browser) -> list[str]:
    page = browser.get("/activity")
    assert page.status_code == 200
    return re.findall(r"<li[^>]*>\s*<p[^>]*>(.*?)</p>", page.text)


def test_a_visit_is_told_the_latest_first(app: Flask, browser: Browser) -> None:
    browser.register("ada@example.org")
    Browser(app, MALLORY).sign_in("ada@example.org", "a wrong guess")
    browser.sign_in("ada@example.org")
    assert sentences(browser) == [
        "You signed in with Firefox on Linux.",
        "Somebody tried to sign in with a wrong password.",
        "You made your account.",
    ]
    assert f"from {MALLORY}" in browser.get("/activity").text


ACTS: dict[str, tuple[Callable[[str], object], str]] = {
    "promoted": (access.promote, "The person who runs this site made you an administrator."),
    "let in": (
        lambda email: access.disable(email) and access.enable(email),
        "The person who runs this site let you in again.",
    ),
    "link": (access.reset_by_link, "The person who runs this site made you a one-time link for a new password."),
    "password": (
        lambda email: access.set_password(email, PASSWORD),
        "The person who runs this site gave you a new password.",
    ),
}


@pytest.mark.parametrize("act", ACTS)
def test_what_the_operator_did_is_told_as_such(app: Flask, browser: Browser, ada: str, act: str) -> None:
    do, told = ACTS[act]
    with app.app_context():
        do(ada)
        access.set_password(ada, PASSWORD)
    browser.sign_in(ada)
    assert told in sentences(browser)


def test_what_one_did_oneself_is_told_as_such(app: Flask, browser: Browser, ada: str) -> None:
    Browser(app).sign_in(ada)
    browser.sign_in(ada)
    browser.post("/sessions/end-others", page="/dashboard")
    fields = {"current_password": PASSWORD, "password": "another quiet password"}
    browser.post("/password", fields | {"current_password": "wrong"}, page="/password")
    browser.post("/password", fields, page="/password")
    assert sentences(browser)[:3] == [
        "You changed your password.",
        "Somebody who was signed in as you typed a wrong present password.",
        "You signed all other browsers out.",
    ]


def test_nobody_sees_another_s(app: Flask, browser: Browser, ada: str, grace: str) -> None:
    Browser(app).sign_in(grace)
    browser.sign_in(ada)
    assert len(sentences(browser)) == 2


def test_a_stranger_is_asked_to_sign_in(browser: Browser) -> None:
    answer = browser.get("/activity")
    assert (answer.status_code, answer.location) == (303, "/login?next=%2Factivity")


def test_it_is_two_statements_however_much_happened(app: Flask, browser: Browser, ada: str) -> None:
    browser.sign_in(ada)
    with app.app_context():
        for _ in range(60):
            event.record(Kind.SIGN_IN_FAILED, 1, MALLORY, event.STRANGER)
        db.session.commit()
    assert cost(app, lambda: browser.get("/activity")) == (2, 0, 0)
    assert len(sentences(browser)) == 50


def test_older_ones_stand_on_the_pages_to_come(app: Flask, browser: Browser, ada: str) -> None:
    browser.sign_in(ada)
    with app.app_context():
        for _ in range(120):
            event.record(Kind.SIGN_IN_FAILED, 1, MALLORY, event.STRANGER)
            event.record(Kind.SIGN_IN_FAILED, 77, MALLORY, event.STRANGER)
        db.session.commit()
    path, seen = "/activity", []
    while path:
        page = browser.get(path).text
        seen += re.findall(r'id="event-(\d+)"', page)
        older = re.search(r'href="([^"]+)">Older', page)
        path = older[1] if older else ""
    assert (len(seen), len(set(seen))) == (122, 122)
    assert cost(app, lambda: browser.get("/activity?before=100")) == (2, 0, 0)


def test_a_failure_of_somebody_who_was_nearly_in_can_be_disputed(app: Flask, browser: Browser, ada: str) -> None:
    def disputed(**detail: str) -> bool:
        with app.app_context():
            event.record(Kind.SIGN_IN_FAILED, 1, MALLORY, event.STRANGER, **detail)
            db.session.commit()
        return "This wasn't me" in browser.get("/activity").text.partition("</li>")[0]

    browser.sign_in(ada)
    assert disputed(second_step="code")
    assert disputed(proof="password")
    assert disputed(kept_out="lockdown")
    assert not disputed()
    assert not disputed(passkey="unknown")


def test_every_kind_has_its_sentence() -> None:
    assert set(story.SENTENCES) == set(Kind)


def test_a_name_that_a_browser_chose_stays_text(app: Flask, ada: str) -> None:
    browser = Browser(app, agent="<script>alert(1)</script> Firefox")
    browser.sign_in(ada)
    assert "<script>alert" not in browser.get("/activity").text
