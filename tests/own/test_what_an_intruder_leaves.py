"""Whoever came in and was shut out has left nothing by which they come in again."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from netflix.accounts import password as passwords
from netflix.accounts.user import User
from netflix.events import event, story
from netflix.events.actor import OPERATOR
from netflix.events.event import Kind, Wanted
from netflix.factors import two_step
from netflix.factors.passkey import Passkey
from netflix.factors.recovery_code import RecoveryCode
from netflix.signin import access
from netflix.signin.device import Device
from netflix.upkeep import expiry
from netflix.web import PROBLEM
from tests.conftest import Build
from tests.factors.app import second, set_up
from tests.factors.authenticator import Authenticator, add, send, sign_in
from tests.people import MALLORY, PASSWORD, Browser, Letters, links_in

Later = Callable[[timedelta], None]
ALARM = "/account/alarm"
NEW = "another quiet password"
THEIRS = "mallory@example.net"


@pytest.fixture
def home(browser: Browser, ada: str) -> Browser:
    browser.sign_in(ada)
    return browser


@pytest.fixture
def intruder(app: Flask, home: Browser, ada: str, later: Later) -> Browser:
    """Somebody who came in with Ada's password, a week after her."""
    later(timedelta(days=6))
    browser = Browser(app, MALLORY)
    browser.sign_in(ada)
    return browser


def number_of_their_sign_in(app: Flask) -> str:
    with app.app_context():
        return str(event.latest(Wanted(kinds=(Kind.SIGNED_IN,), addresses=(MALLORY,)), 1)[0].id)


def names(app: Flask) -> list[str]:
    with app.app_context():
        return [one.name for one in Passkey.of(1)]


def change_email(app: Flask, thief: Browser, letters: Letters, ada: str) -> str:
    """To the thief's own; answers the way back that Ada is mailed."""
    form = {"email": THEIRS, "current_password": PASSWORD}
    assert thief.post("/account/email", form, page="/account/email").status_code == 303
    thief.post("/confirm/email", page=links_in(letters.to(THEIRS)[0])[0])
    return links_in(letters.to(ada)[-1])[0]


@pytest.mark.parametrize("said_of", ["their sign-in", "nothing"])
def test_a_passkey_that_they_added_goes_and_those_from_before_stay(
    app: Flask, home: Browser, ada: str, later: Later, said_of: str
) -> None:
    add(home, Authenticator(), "Ada's phone")
    later(timedelta(days=40))
    assert home.sign_in(ada).status_code == 303
    intruder, device = Browser(app, MALLORY), Authenticator()
    intruder.sign_in(ada)
    assert add(intruder, device, "Mallory's").status_code == 200
    disputed = number_of_their_sign_in(app) if said_of == "their sign-in" else ""
    sent = {"current_password": PASSWORD, "password": NEW, "event": disputed}
    assert home.post(ALARM, sent, page=ALARM).status_code == 303
    assert names(app) == ["Ada's phone"]
    assert sign_in(Browser(app, MALLORY), device).status_code == 422
    with app.app_context():
        assert event.latest(Wanted(kinds=(Kind.FACTOR_REMOVED,)), 1)[0].details == {"factor": "lately added"}
    home.sign_in(ada, NEW)
    assert "What was added lately to sign in with was taken off." in home.get("/activity").text


def test_one_that_they_added_earlier_is_told_of(app: Flask, home: Browser, ada: str, later: Later) -> None:
    """From which day on it was not her she alone can tell."""
    add(home, Authenticator(), "An earlier one")
    later(timedelta(days=3))
    home.sign_in(ada)
    Browser(app, MALLORY).sign_in(ada)
    disputed = number_of_their_sign_in(app)
    assert 'href="/account/passkeys"' in home.get(f"{ALARM}?event={disputed}").text.partition("<main")[2]
    sent = {"current_password": PASSWORD, "password": NEW, "event": disputed}
    home.post(ALARM, sent, page=ALARM)
    assert names(app) == ["An earlier one"]
    assert "Passkeys from before stay good (1)" in home.get("/login").text


def test_so_it_does_when_a_link_is_mailed(app: Flask, home: Browser, intruder: Browser, ada: str) -> None:
    device = Authenticator()
    add(intruder, device)
    home.sign_in(ada)
    home.post(f"{ALARM}/mail", {"event": number_of_their_sign_in(app)}, page=ALARM)
    assert names(app) == []


def test_the_alarm_is_no_way_round_the_second_factor(app: Flask, home: Browser, ada: str, later: Later) -> None:
    """In a stolen session and knowing the password, somebody says that Ada's own app was not her."""
    set_up(home)
    later(timedelta(minutes=11))
    sent = {"current_password": PASSWORD, "password": NEW, "event": "1"}
    answer = home.post(ALARM, sent, page="/account/email")
    assert answer.location == "/prove?next=%2Faccount%2Falarm%3Fevent%3D1"
    assert home.get(f"{ALARM}?event=1").location == "/prove?next=%2Faccount%2Falarm%3Fevent%3D1"
    with app.app_context():
        assert User.named(ada).has_second_factor


def test_taking_an_email_back_takes_off_what_came_with_its_change(
    app: Flask, home: Browser, intruder: Browser, ada: str, letters: Letters
) -> None:
    device = Authenticator()
    add(intruder, device)
    set_up(intruder)
    undo = change_email(app, intruder, letters, ada)
    owner = Browser(app, "192.0.2.77")
    owner.post("/confirm/undo", page=undo)
    assert "what was added lately to sign in with was taken off" in letters.to(ada)[-1]
    assert sign_in(Browser(app, MALLORY), device).status_code == 422
    owner.post("/recover/", {"password": NEW}, page="/recover/")
    assert owner.sign_in(ada, NEW).location == "/dashboard"


def test_and_the_account_is_not_deleted_though_they_asked_for_it(
    app: Flask, home: Browser, intruder: Browser, ada: str, letters: Letters, later: Later
) -> None:
    undo = change_email(app, intruder, letters, ada)
    assert intruder.post("/account/delete", {"email": THEIRS}, page="/account/delete").status_code == 303
    owner = Browser(app, "192.0.2.77")
    owner.post("/confirm/undo", page=undo)
    later(User.GRACE)
    with app.app_context():
        expiry.purge()
        assert not User.named(ada).is_leaving
        (stayed,) = event.latest(Wanted(kinds=(Kind.USER_STAYED,)), 1)
        assert story.told(stayed) == "Your account stays: a link that was mailed to you took its deletion back."


def test_but_not_what_was_there_long_before(
    app: Flask, home: Browser, ada: str, letters: Letters, later: Later
) -> None:
    """Else who reads the old mailbox could leave the second step out."""
    phone = set_up(home)
    add(home, Authenticator(), "Ada's phone")
    later(timedelta(days=3))
    home.sign_in(ada)
    second(home, phone.code(1))
    undo = change_email(app, home, letters, ada)
    owner = Browser(app, "192.0.2.77")
    owner.post("/confirm/undo", page=undo)
    owner.post("/recover/", {"password": NEW}, page="/recover/")
    assert owner.sign_in(ada, NEW).location == "/login/second?next=%2Fdashboard"
    assert names(app) == ["Ada's phone"]


def test_nor_is_an_old_mailbox_a_way_past_a_second_factor_that_was_replaced(
    app: Flask, home: Browser, ada: str, letters: Letters, later: Later
) -> None:
    """Ada left a mailbox that somebody reads, and moved her app to a new phone after that."""
    phone = set_up(home)
    later(timedelta(days=20))
    home.sign_in(ada)
    second(home, phone.code())
    form = {"email": "lovelace@example.net", "current_password": PASSWORD}
    home.post("/account/email", form, page="/account/email")
    home.post("/confirm/email", page=links_in(letters.to("lovelace@example.net")[0])[0])
    undo = links_in(letters.to(ada)[-1])[0]
    home.post("/account/two-step/off", page="/account/two-step")
    set_up(home)
    home.post("/account/recovery-codes", page="/account/two-step")
    thief = Browser(app, MALLORY)
    thief.post("/confirm/undo", page=undo)
    thief.post("/recover/", {"password": NEW}, page="/recover/")
    assert thief.sign_in(ada, NEW).location == "/login/second?next=%2Fdashboard"
    with app.app_context():
        assert RecoveryCode.left(1) == 10


def test_a_reset_stops_a_change_of_the_email_that_waits(
    app: Flask, intruder: Browser, ada: str, letters: Letters
) -> None:
    """Else they take the account by it, before its owner has opened the new link."""
    form = {"email": THEIRS, "current_password": PASSWORD}
    intruder.post("/account/email", form, page="/account/email")
    link = links_in(letters.to(THEIRS)[0])[0]
    with app.app_context():
        reset = access.reset_by_link(ada, OPERATOR)
    assert Browser(app, MALLORY).get(link).status_code == 410
    assert Browser(app).get(reset.removeprefix("http://127.0.0.1:5000")).status_code == 303


def test_a_change_of_the_email_that_was_under_way_is_stopped_by_a_new_password(
    app: Flask, intruder: Browser, ada: str, letters: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = passwords.matches

    def replaced_meanwhile(*known: object) -> bool:
        right = true(*known)  # type: ignore[arg-type]
        monkeypatch.undo()
        with app.app_context():
            access.set_password(ada, NEW)
        return right

    token = intruder.token("/account/email")
    monkeypatch.setattr(passwords, "matches", replaced_meanwhile)
    form = {"email": THEIRS, "current_password": PASSWORD, "csrf_token": token}
    answer = intruder.client.post("/account/email", data=form, environ_base=intruder.environ)
    assert answer.location == "/login"
    assert letters.to(THEIRS) == []


def test_a_second_factor_that_was_under_way_is_stopped_when_the_session_ends(
    app: Flask, intruder: Browser, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = two_step.fresh_codes

    def ended_meanwhile(session: object) -> object:
        codes = true(session)  # type: ignore[arg-type]
        with app.app_context():
            access.set_password(ada, NEW)
        return codes

    monkeypatch.setattr(two_step, "fresh_codes", ended_meanwhile)
    with pytest.raises(AssertionError):
        set_up(intruder)
    with app.app_context():
        assert not User.named(ada).has_second_factor


def test_a_new_password_is_no_proof_of_the_second_factor(app: Flask, home: Browser, ada: str, later: Later) -> None:
    """In a stolen session and knowing the password: by its change one must not get to turning two-step sign-in off."""
    set_up(home)
    later(timedelta(minutes=11))
    form = {"current_password": PASSWORD, "password": NEW}
    assert home.post("/password", form, page="/password").location == "/dashboard"
    assert home.post("/account/two-step/off", page="/dashboard").location == "/prove?next=%2Faccount%2Ftwo-step"
    with app.app_context():
        assert User.named(ada).has_second_factor


def test_nobody_waits_in_an_account_made_with_another_s_email(app: Flask, letters: Letters) -> None:
    """Its owner confirms it, chooses a new password by mail, and would share the account with a passkey or an app."""
    squatter = Browser(app, MALLORY)
    squatter.register("victim@example.org")
    squatter.sign_in("victim@example.org")
    assert squatter.get("/account/two-step").location == "/account"
    assert "Your e-mail is not confirmed yet. Confirm it first" in squatter.get("/account").text
    assert squatter.get("/account/two-step", headers={"Accept": PROBLEM}).status_code == 403
    refused = send(squatter, "/account/passkeys/options", {}, "/account/passkeys")
    assert (refused.status_code, refused.get_json()["detail"][:34]) == (403, "Your e-mail is not confirmed yet. ")
    link = links_in(letters.to("victim@example.org")[0])[0]
    owner = Browser(app)
    assert owner.post("/confirm/verify", page=link).status_code == 422
    assert owner.post("/confirm/verify/password", page=link).location == "/recover/"
    assert squatter.get("/dashboard").location == "/login?next=%2Fdashboard"
    assert squatter.sign_in("victim@example.org").status_code == 401
    owner.post("/recover/", {"password": NEW}, page="/recover/")
    assert owner.sign_in("victim@example.org", NEW).location == "/dashboard"
    assert send(squatter, "/account/passkeys/options", {}, "/login").status_code == 401


def test_nothing_stays_of_a_squatter_from_when_no_mail_was_sent(
    app: Flask, letters: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then nobody had to confirm, and a passkey and a second step could be added."""
    squatter, device, email = Browser(app, MALLORY), Authenticator(), "victim@example.org"
    squatter.register(email)
    squatter.sign_in(email)
    link = links_in(letters.to(email)[0])[0]
    with monkeypatch.context() as patch:
        patch.setattr("netflix.mail.outbox.is_on", lambda: False)
        assert add(squatter, device).status_code == 200
        set_up(squatter)
        assert squatter.post("/account/delete", {"email": email}, page="/account/delete").status_code == 303
    owner = Browser(app)
    owner.post("/confirm/verify/password", page=link)
    assert "all passkeys were taken off" in letters.to(email)[-1]
    assert names(app) == []
    with app.app_context():
        assert not User.named(email).is_leaving
        assert Device.of(1) == []
    owner.post("/recover/", {"password": NEW}, page="/recover/")
    assert owner.sign_in(email, NEW).location == "/dashboard"
    assert "All second factors and passkeys were taken off." in owner.get("/activity").text


def test_where_no_mail_is_sent_nobody_has_to_confirm(build: Build) -> None:
    browser = Browser(build(host="192.0.2.1", url="https://films.example.org"))
    browser.register("new@example.org")
    browser.sign_in("new@example.org")
    assert browser.get("/account/two-step").status_code == 200
