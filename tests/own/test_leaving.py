"""Leaving: a week in which signing in takes it back, then everything goes."""

import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

from cli import main
from netflix import clock
from netflix.accounts.registration import create
from netflix.accounts.user import User
from netflix.config import Config
from netflix.events import event, verification
from netflix.events.event import Wanted
from netflix.extensions import db
from netflix.signin import access
from netflix.signin.device import Device
from netflix.upkeep import expiry
from tests.cli.terminal import COMMAND, environment
from tests.people import PASSWORD, Browser, Letters, link_for
from tests.test_speed_counts import cost, sending

PAGE = "/account/delete"
Later = Callable[[timedelta], None]


@pytest.fixture
def leaver(browser: Browser, ada: str) -> Browser:
    """Ada, who asked to be deleted."""
    browser.sign_in(ada)
    assert browser.post(PAGE, {"email": ada}, page=PAGE).location == "/login"
    return browser


def user(app: Flask, email: str) -> User | None:
    with app.app_context():
        return User.known_as(email)


def kinds(app: Flask) -> list[str]:
    with app.app_context():
        return [row.kind for row in event.following(Wanted())]


def test_who_leaves_is_told_until_when_they_can_come_back(leaver: Browser) -> None:
    page = leaver.get("/login").text
    assert "Your account will be deleted on" in page
    assert "Sign in before then, and it stays." in page


def test_every_way_in_ends_at_once(app: Flask, browser: Browser, ada: str) -> None:
    elsewhere = Browser(app)
    elsewhere.sign_in(ada)
    with app.app_context():
        link = link_for(ada)
    browser.sign_in(ada)
    browser.post(PAGE, {"email": ada}, page=PAGE)
    assert {one.get("/dashboard").status_code for one in (browser, elsewhere)} == {303}
    assert Browser(app).get(link).status_code == 410
    with app.app_context():
        assert Device.everywhere() == []


def test_the_e_mail_is_typed_to_be_sure(app: Flask, browser: Browser, ada: str) -> None:
    browser.sign_in(ada)
    answer = browser.post(PAGE, {"email": "grace@example.org"}, page=PAGE)
    assert answer.status_code == 422
    assert "Nothing was deleted" in answer.text
    assert browser.get("/dashboard").status_code == 200
    assert not user(app, ada).is_leaving  # type: ignore[union-attr]


def test_in_whatever_spelling(app: Flask, browser: Browser, ada: str) -> None:
    browser.sign_in(ada)
    assert browser.post(PAGE, {"email": " Ada@Example.ORG "}, page=PAGE).status_code == 303


def test_who_signs_in_again_stays_and_is_told(app: Flask, leaver: Browser, ada: str, later: Later) -> None:
    later(timedelta(days=6, hours=23))
    assert (
        "Your account stays" in leaver.post("/login", {"email": ada, "password": PASSWORD}, follow_redirects=True).text
    )
    page = leaver.get("/activity").text
    assert "You asked for your account to be deleted." in page
    assert "You came back, so your account stays." in page
    assert "Your account stays" not in leaver.get("/dashboard").text
    later(timedelta(days=1))
    with app.app_context():
        expiry.purge()
    assert user(app, ada)
    assert kinds(app)[-4:-1] == ["user_archived", "user_restored", "authn_login_success"]


def test_a_wrong_password_keeps_nobody(app: Flask, leaver: Browser, ada: str) -> None:
    leaver.sign_in(ada, "a wrong guess")
    assert user(app, ada).is_leaving  # type: ignore[union-attr]


def test_after_a_week_all_is_gone_but_the_number_in_the_record(
    app: Flask, leaver: Browser, ada: str, later: Later
) -> None:
    with app.app_context():
        assert expiry.purge()["given-up account"] == 0
        later(timedelta(days=7, seconds=1))
        assert expiry.expired()["given-up account"] == 1
        assert expiry.purge()["given-up account"] == 1
        assert expiry.purge()["given-up account"] == 0
        assert User.known_as(ada) is None
        rows = list(event.following(Wanted()))
        assert (rows[-2].kind, rows[-2].user_id, rows[-2].by) == ("user_deleted", 1, "user:1")
        assert (rows[-1].kind, rows[-1].user_id) == ("sys_purge", None)
        assert list(verification.faults()) == []
        everything = " ".join(
            str(tuple(row))
            for table in db.metadata.tables
            for row in db.session.execute(text(f'SELECT * FROM "{table}"'))  # noqa: S608  (our own names)
        )
    assert "ada@" not in everything
    assert leaver.sign_in(ada).status_code == 401


def test_the_e_mail_is_free_again_and_its_new_owner_sees_nothing_old(
    app: Flask, leaver: Browser, ada: str, later: Later
) -> None:
    later(timedelta(days=8))
    with app.app_context():
        expiry.purge()
    newcomer = Browser(app)
    assert newcomer.register(ada).status_code == 303
    newcomer.sign_in(ada)
    page = newcomer.get("/activity").text
    assert "You made your account." in page
    assert "deleted" not in page


def test_two_purges_at_once_share_the_work(app: Flask, config: Config, tmp_path: Path) -> None:
    """On two machines, so on two instance folders, with one database."""
    other = tmp_path / "other machine"
    other.mkdir()
    with app.app_context():
        for number in range(300):
            email = f"{number}@example.org"
            db.session.add(User(email=email, email_key=email, deleting_at=clock.now()))
        db.session.commit()
    both = [
        subprocess.Popen(
            [*COMMAND, "purge"],
            env=environment(config) | {"NETFLIX_INSTANCE": str(folder)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for folder in (config.instance, other)
    ]
    told = [one.communicate(timeout=60)[0] for one in both]
    assert [one.returncode for one in both] == [0, 0], told
    assert kinds(app).count("user_deleted") == 300
    with app.app_context():
        assert list(verification.faults()) == []


def test_the_last_administrator_makes_another_first(app: Flask, browser: Browser, grace: str) -> None:
    browser.sign_in(grace)
    answer = browser.post(PAGE, {"email": grace}, page=PAGE)
    assert answer.status_code == 403
    assert "only administrator" in answer.text
    with app.app_context():
        create("other@example.org", PASSWORD, is_admin=True)
    assert browser.post(PAGE, {"email": grace}, page=PAGE).status_code == 303


def test_and_one_who_leaves_is_not_counted_on(app: Flask, browser: Browser, grace: str) -> None:
    with app.app_context():
        create("other@example.org", PASSWORD, is_admin=True)
    browser.sign_in(grace)
    browser.post(PAGE, {"email": grace}, page=PAGE)
    with app.app_context(), pytest.raises(access.Declined):
        access.demote("other@example.org")


def test_who_comes_in_while_somebody_asks_to_leave_is_asked_again(
    app: Flask, browser: Browser, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read before and written after: that the account stays is never left out of the record."""
    browser.sign_in(ada)
    true = access.passwords.matches

    def leaves_meanwhile(*args: object) -> bool:
        monkeypatch.setattr("netflix.accounts.password.matches", true)
        with app.app_context():
            access.shut_out(User.named(ada))
            User.named(ada).deleting_at = clock.now() + User.GRACE
            db.session.commit()
        return True

    monkeypatch.setattr("netflix.accounts.password.matches", leaves_meanwhile)
    assert Browser(app).sign_in(ada).status_code == 401
    assert user(app, ada).is_leaving  # type: ignore[union-attr]


def test_signing_in_costs_others_no_more(app: Flask, browser: Browser, ada: str, leaver: Browser) -> None:
    with app.app_context():
        create("other@example.org", PASSWORD)
    Browser(app).sign_in("other@example.org")
    usual, _, _ = cost(app, sending(Browser(app), "other@example.org", PASSWORD))
    back, _, _ = cost(app, sending(Browser(app), ada, PASSWORD))
    assert back == usual + 4


def test_they_are_told_by_mail_of_both(leaver: Browser, ada: str, letters: Letters) -> None:
    assert "asked for it to be deleted" in letters.to(ada)[-1]
    leaver.sign_in(ada)
    assert "so it is not deleted" in " ".join(letters.to(ada))


def test_it_needs_a_fresh_proof(app: Flask, browser: Browser, ada: str, later: Later) -> None:
    browser.sign_in(ada)
    later(timedelta(minutes=11))
    assert browser.post(PAGE, {"email": ada}, page=PAGE).location == "/prove?next=%2Faccount%2Fdelete"
    assert not user(app, ada).is_leaving  # type: ignore[union-attr]


def test_the_page_is_for_who_is_signed_in(browser: Browser) -> None:
    assert browser.get(PAGE).location == "/login?next=%2Faccount%2Fdelete"


def test_the_terminal_and_administrators_are_told(app: Flask, leaver: Browser, grace: str) -> None:
    office = Browser(app)
    office.sign_in(grace)
    assert "Leaving" in office.get("/admin/users").text
    assert "unless they sign in before" in office.get("/admin/users/1").text
    left = app.test_cli_runner()
    with app.app_context():
        told = User.named("ada@example.org").deleting_at
    for command in (["users", "show", "ada@example.org"], ["users", "list"]):
        printed = left.invoke(main, [*command, "--format", "json"]).output
        assert f"{told:%Y-%m-%dT%H:%M}" in printed
