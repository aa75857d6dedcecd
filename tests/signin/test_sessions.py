import base64
import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import text

from netflix import clock, token
from netflix.accounts.user import User
from netflix.config import Config
from netflix.events import event
from netflix.events.event import Kind, Wanted
from netflix.extensions import db
from netflix.signin import access, signin
from netflix.signin.session import CurrentSession, Session
from tests.people import MALLORY, PASSWORD, Browser
from tests.watching import statements

Later = Callable[[timedelta], None]
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


def is_in(browser: Browser) -> bool:
    answer = browser.get("/dashboard")
    assert answer.status_code in (200, 303)
    return answer.status_code == 200


def cookie(browser: Browser) -> str:
    found = browser.client.get_cookie("session")
    assert found
    return found.value


def with_cookie(app: Flask, value: str) -> Browser:
    browser = Browser(app)
    browser.client.set_cookie("session", value)
    return browser


def carried(browser: Browser) -> str:
    """The session's token, as the cookie holds it for everybody to read."""
    payload = cookie(browser).split(".")[0]
    found = re.search(rb'"_user_id":"([^"]+)"', base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert found
    return found[1].decode()


def row(app: Flask) -> Session:
    with app.app_context():
        return Session.everywhere()[0]


def write(app: Flask, **times: object) -> None:
    with app.app_context():
        session = Session.everywhere()[0]
        for name, value in times.items():
            setattr(session, name, value)
        db.session.commit()


def test_a_cookie_taken_before_sign_out_is_refused_after(app: Flask, browser: Browser, ada: str) -> None:
    browser.sign_in(ada)
    thief = with_cookie(app, cookie(browser))
    assert is_in(thief)
    assert browser.sign_out().status_code == 303
    assert not is_in(thief)
    assert not is_in(browser)


def test_signing_out_leaves_other_browsers_in(app: Flask, browser: Browser, ada: str) -> None:
    other = Browser(app)
    for one in (browser, other):
        one.sign_in(ada)
    browser.sign_out()
    assert is_in(other)


def test_signing_out_is_told_and_leaves_nothing_in_the_cookie(browser: Browser, ada: str) -> None:
    browser.sign_in(ada)
    token = carried(browser)
    assert browser.sign_out().location == "/login"
    assert "You are signed out." in browser.get("/login").text
    assert token.encode() not in base64.urlsafe_b64decode(cookie(browser).split(".")[0] + "==")


def test_signing_out_twice_does_no_harm(browser: Browser, ada: str) -> None:
    browser.sign_in(ada)
    token = browser.token("/dashboard")
    answers = [browser.client.post("/logout", data={"csrf_token": token}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 400]


def test_nobody_is_signed_out_by_a_link(browser: Browser, ada: str) -> None:
    browser.sign_in(ada)
    assert browser.get("/logout").status_code == 405
    assert is_in(browser)


def test_a_token_has_256_random_bits() -> None:
    tokens = {token.fresh() for _ in range(100)}
    assert {len(base64.urlsafe_b64decode(one + "=")) for one in tokens} == {32}
    assert len(tokens) == 100


def test_every_sign_in_has_a_fresh_token(app: Flask, browser: Browser, ada: str) -> None:
    browser.sign_in(ada)
    first = carried(browser)
    browser.sign_in(ada)
    assert carried(browser) != first


def test_a_cookie_planted_before_signing_in_is_worth_nothing(app: Flask, browser: Browser, ada: str) -> None:
    browser.get("/login")
    planted = cookie(browser)
    browser.sign_in(ada)
    assert not is_in(with_cookie(app, planted))


def test_what_a_cookie_held_before_signing_in_is_gone_after(app: Flask, browser: Browser, ada: str) -> None:
    before = browser.token()
    browser.sign_in(ada)
    answer = browser.client.post("/logout", data={"csrf_token": before}, environ_base=browser.environ)
    assert answer.status_code == 400
    assert is_in(browser)


def test_the_database_holds_no_token(app: Flask, browser: Browser, ada: str, config: Config) -> None:
    browser.sign_in(ada)
    with app.app_context():
        db.session.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    kept = (config.instance / "netflix.db").read_bytes()
    assert token.digest(carried(browser)) in kept
    assert carried(browser).encode() not in kept
    assert base64.urlsafe_b64decode(carried(browser) + "=") not in kept


def test_the_cookie_holds_no_e_mail(browser: Browser, ada: str) -> None:
    browser.sign_in(ada)
    browser.get("/dashboard")
    payload = base64.urlsafe_b64decode(cookie(browser).split(".")[0] + "==")
    assert b"ada@" not in payload
    assert b"example" not in payload


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda c: c[:-2] + ("y" if c[-2] == "x" else "x") + c[-1],
        lambda c: "x" + c,
        lambda _: "",
        lambda _: ".a.b",
        lambda c: c * 9,
    ],
)
def test_a_cookie_that_was_tampered_with_is_nobody_s(
    app: Flask, browser: Browser, ada: str, spoilt: Callable[[str], str]
) -> None:
    browser.sign_in(ada)
    assert not is_in(with_cookie(app, spoilt(cookie(browser))))


def test_a_cookie_of_another_secret_is_nobody_s(
    app: Flask, browser: Browser, ada: str, build: Callable[..., Flask]
) -> None:
    browser.sign_in(ada)
    assert not is_in(with_cookie(build(secret_key=("another secret of more than 32 characters",)), cookie(browser)))


def test_a_new_secret_signs_nobody_out_while_the_old_one_is_known(
    app: Flask, browser: Browser, ada: str, build: Callable[..., Flask]
) -> None:
    browser.sign_in(ada)
    (old,) = app.extensions["netflix-config"].secret_key
    new = "a new secret, also of more than 32 characters"
    rotated = build(secret_key=(new, old))
    client = with_cookie(rotated, cookie(browser))
    assert is_in(client)
    assert not is_in(with_cookie(build(secret_key=(new,)), cookie(browser)))


def test_a_form_opened_before_the_secret_was_rotated_is_still_taken(
    app: Flask, browser: Browser, ada: str, build: Callable[..., Flask]
) -> None:
    token, before = browser.token(), browser.client.get_cookie("session")
    (old,) = app.extensions["netflix-config"].secret_key
    rotated = Browser(build(secret_key=("a new secret, also of more than 32 characters", old)))
    assert before
    rotated.client.set_cookie("session", before.value)
    sent = {"csrf_token": token, "email": ada, "password": PASSWORD}
    assert rotated.client.post("/login", data=sent).status_code == 303
    assert rotated.client.get_cookie("session") != before


def test_of_many_sessions_the_longest_unseen_end(
    app: Flask, ada: str, grace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Session, "MOST", 3)
    browsers = [Browser(app) for _ in range(5)]
    Browser(app).sign_in(grace)
    for each in browsers:
        each.sign_in(ada)
    assert [is_in(each) for each in browsers] == [False, False, True, True, True]
    with app.app_context():
        assert len(Session.everywhere()) == 4
        told = event.latest(Wanted(kinds=(Kind.SESSION_ENDED,)), 9)
    assert [(row.user_id, row.details) for row in told] == [(1, {"reason": "too many", "sessions": 1})] * 2
    assert "the one not seen for longest was signed out" in browsers[-1].get("/activity").text


def test_news_that_nobody_reads_do_not_grow_the_cookie(browser: Browser, ada: str) -> None:
    browser.sign_in(ada)
    token = browser.token("/dashboard")
    sizes = set()
    for _ in range(5):
        browser.client.post("/sessions/end-others", data={"csrf_token": token}, environ_base=browser.environ)
        sizes.add(len(cookie(browser)))
    assert len(sizes) == 1


def test_the_digest_is_no_token(app: Flask, browser: Browser, ada: str) -> None:
    """Whoever copies the table signs in nowhere."""
    browser.sign_in(ada)
    with app.test_request_context():
        for claimed in (row(app).digest.hex(), base64.urlsafe_b64encode(row(app).digest).decode(), "", "\ud800"):
            assert signin.resume(claimed, "192.0.2.1") is None


@pytest.mark.parametrize(("remembered", "days"), [(False, 1), (True, 14)])
def test_an_unused_session_ends(browser: Browser, ada: str, later: Later, remembered: bool, days: int) -> None:
    browser.sign_in(ada, **({"remember": "y"} if remembered else {}))
    later(DAY * days - MINUTE)
    assert is_in(browser)
    later(DAY * days + MINUTE)
    assert not is_in(browser)


@pytest.mark.parametrize(("remembered", "days"), [(False, 7), (True, 30)])
def test_a_session_in_use_ends_at_last(browser: Browser, ada: str, later: Later, remembered: bool, days: int) -> None:
    browser.sign_in(ada, **({"remember": "y"} if remembered else {}))
    for _ in range(days * 2 - 1):
        later(DAY / 2)
        assert is_in(browser)
    later(DAY / 2)
    assert not is_in(browser)


def test_a_session_is_over_at_its_very_end(app: Flask, browser: Browser, ada: str) -> None:
    browser.sign_in(ada)
    write(app, idle_until=clock.now())
    assert not is_in(browser)


def test_last_seen_is_written_every_five_minutes_at_most(app: Flask, browser: Browser, ada: str, later: Later) -> None:
    browser.sign_in(ada)
    later(MINUTE * 4)
    with statements(app) as quiet:
        browser.get("/dashboard")
    later(MINUTE * 2)
    with statements(app) as noted:
        browser.get("/dashboard")
        browser.get("/dashboard")
    assert sum("UPDATE" in one for one in quiet) == 0
    assert sum("UPDATE" in one for one in noted) == 1
    assert row(app).seen_at - row(app).created_at >= MINUTE * 6


def test_a_new_address_is_noted_at_once(app: Flask, browser: Browser, ada: str) -> None:
    browser.sign_in(ada)
    browser.environ["REMOTE_ADDR"] = MALLORY
    browser.get("/dashboard")
    assert row(app).address == MALLORY


def test_a_session_that_ends_while_it_is_noted_is_over(
    app: Flask, browser: Browser, ada: str, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.sign_in(ada)
    later(MINUTE * 6)
    see = CurrentSession.see

    def overtaken(self: CurrentSession, now: datetime, address: str) -> None:
        with app.app_context():
            access.end_every_session()
        see(self, now, address)

    monkeypatch.setattr(CurrentSession, "see", overtaken)
    is_in(browser)
    assert not is_in(browser)


def test_a_browser_is_kept_as_it_calls_itself_without_signs_that_move(app: Flask, ada: str) -> None:
    Browser(app, agent="Evil\x1b[2J\x00\u202e" + "x" * 5000).sign_in(ada)
    kept = row(app).user_agent
    assert kept.isprintable()
    assert len(kept) == 400


def test_a_disabled_user_is_out_at_once_and_stays_out_when_enabled(app: Flask, browser: Browser, ada: str) -> None:
    browser.sign_in(ada)
    with app.app_context():
        access.disable(ada)
    assert not is_in(browser)
    with app.app_context():
        access.enable(ada)
    assert not is_in(browser)


def test_a_user_disabled_by_hand_is_out_at_once(app: Flask, browser: Browser, ada: str) -> None:
    browser.sign_in(ada)
    with app.app_context():
        User.named(ada).disabled_at = clock.now()
        db.session.commit()
    assert not is_in(browser)


def test_a_new_password_from_the_terminal_ends_every_session(app: Flask, browser: Browser, ada: str) -> None:
    browser.sign_in(ada)
    with app.app_context():
        access.set_password(ada, "a quite new password")
    assert not is_in(browser)
    assert browser.sign_in(ada).status_code == 401
    assert browser.sign_in(ada, "a quite new password").status_code == 303


def test_a_deleted_user_takes_their_sessions_along(app: Flask, browser: Browser, ada: str, grace: str) -> None:
    browser.sign_in(ada)
    with app.app_context():
        access.remove(ada)
        assert db.session.scalar(text("SELECT count(*) FROM session")) == 0
    assert not is_in(browser)


def test_the_next_user_never_inherits_a_number(app: Flask, ada: str) -> None:
    with app.app_context():
        gone = User.named(ada).id
        access.remove(ada)
    Browser(app).register("next@example.org")
    with app.app_context():
        assert User.named("next@example.org").id > gone


def test_one_other_browser_is_ended(app: Flask, browser: Browser, ada: str) -> None:
    other = Browser(app)
    other.sign_in(ada)
    ended = row(app).id
    browser.sign_in(ada)
    answer = browser.post(f"/sessions/{ended}/end", page="/dashboard")
    assert (answer.status_code, answer.location) == (303, "/dashboard")
    assert (is_in(other), is_in(browser)) == (False, True)


def test_all_other_browsers_are_ended(app: Flask, browser: Browser, ada: str, grace: str) -> None:
    others, guest = [Browser(app), Browser(app)], Browser(app)
    for one in (*others, browser):
        one.sign_in(ada)
    guest.sign_in(grace)
    assert browser.post("/sessions/end-others", page="/dashboard").status_code == 303
    assert [is_in(one) for one in (*others, browser, guest)] == [False, False, True, True]
    assert "All other browsers are signed out." in browser.post(
        "/sessions/end-others", page="/dashboard", follow_redirects=True
    ).text.replace("No other browser was signed in.", "All other browsers are signed out.")


def test_nobody_ends_another_s_session(app: Flask, browser: Browser, ada: str, grace: str) -> None:
    browser.sign_in(ada)
    hers = row(app).id
    mallory = Browser(app)
    mallory.sign_in(grace)
    answer = mallory.post(f"/sessions/{hers}/end", page="/dashboard")
    assert answer.status_code == 404
    assert is_in(browser)


@pytest.mark.parametrize("number", ["0", "999", "-1", "2147483648", "9" * 40, "x", "1.5", "%00"])
def test_a_session_that_is_not_there_is_not_found(browser: Browser, ada: str, number: str) -> None:
    browser.sign_in(ada)
    assert browser.post(f"/sessions/{number}/end", page="/dashboard").status_code == 404


@pytest.mark.parametrize("path", ["/sessions/1/end", "/sessions/end-others", "/password"])
def test_a_stranger_ends_and_changes_nothing(browser: Browser, path: str) -> None:
    answer = browser.post(path)
    assert (answer.status_code, answer.location) == (303, "/login")
    assert browser.post(path, headers={"Accept": "application/json"}).status_code == 401


def test_a_page_for_members_leads_a_stranger_to_sign_in_and_back(browser: Browser, ada: str) -> None:
    answer = browser.get("/dashboard?a=1&b=%2F")
    assert answer.status_code == 303
    assert answer.location == "/login?next=%2Fdashboard%3Fa%3D1%26b%3D%252F"
    assert 'value="/dashboard?a=1&amp;b=%2F"' in browser.get(answer.location).text


def test_home_leads_to_the_dashboard_or_to_sign_in(browser: Browser, ada: str) -> None:
    assert browser.get("/").location == "/login"
    browser.sign_in(ada)
    assert browser.get("/").location == "/dashboard"
    assert browser.get("/login").location == "/dashboard"


def test_a_password_of_another_s_browser_opens_only_one_s_own(app: Flask, ada: str, grace: str) -> None:
    browser = Browser(app)
    browser.sign_in(ada)
    browser.sign_in(grace, PASSWORD)
    page = browser.get("/dashboard").text
    assert grace in page
    assert ada not in page


def test_signing_in_again_leaves_no_session_behind(app: Flask, browser: Browser, ada: str) -> None:
    browser.sign_in(ada)
    before, token = Browser(app), browser.client.get_cookie("session")
    before.client.set_cookie("session", token.value)  # type: ignore[union-attr]
    form = {"email": ada, "password": PASSWORD, "csrf_token": browser.token("/dashboard")}
    assert browser.client.post("/login", data=form, environ_base=browser.environ).status_code == 303
    assert browser.get("/dashboard").status_code == 200
    assert before.get("/dashboard").status_code == 303
