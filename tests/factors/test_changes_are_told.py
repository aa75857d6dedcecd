import pytest
from flask import Flask
from sqlalchemy import select

from netflix.events import event
from netflix.events.event import Kind, Wanted
from netflix.extensions import db
from netflix.factors import removal
from netflix.factors.passkey import Passkey
from netflix.factors.recovery_code import RecoveryCode
from netflix.mail.outbox import Mail
from netflix.signin.session import Session
from tests.cli.conftest import Run, run
from tests.factors.app import set_up
from tests.factors.authenticator import Authenticator, add, sign_in
from tests.people import Browser, links_in

__all__ = ["run"]


@pytest.fixture
def member(browser: Browser, ada: str) -> Browser:
    browser.sign_in(ada)
    return browser


def told(app: Flask) -> list[str]:
    """What the mails that wait say, the oldest first."""
    with app.app_context():
        return [mail.text for mail in db.session.scalars(select(Mail).order_by(Mail.id))]


def test_each_change_of_factors_is_told_by_mail(app: Flask, member: Browser) -> None:
    device = Authenticator()
    add(member, device)
    member.post("/account/passkeys/1/remove", page="/account/passkeys")
    set_up(member)
    member.post("/account/recovery-codes", page="/account/two-step")
    member.post("/account/two-step/off", page="/account/two-step")
    sentences = (
        "a passkey was added",
        "a passkey was removed",
        "two-step sign-in was turned on",
        "new recovery codes were made",
        "two-step sign-in was turned off",
    )
    mails = told(app)
    assert len(mails) == len(sentences)
    for mail, sentence in zip(mails, sentences, strict=True):
        assert sentence in mail
        assert "Firefox on Linux" in mail
        assert "192.0.2.10" in mail


def test_what_was_added_leads_to_where_it_is_taken_off(app: Flask, member: Browser) -> None:
    """A new password leaves a passkey as it is, and would shut out an owner who has not the app that was added."""
    add(member, Authenticator())
    set_up(member)
    member.post("/account/two-step/off", page="/account/two-step")
    *added, removed = told(app)
    for mail in added:
        assert links_in(mail) == ["/account/alarm", "/activity"]
        assert "A new password alone does not undo it." in mail
    assert links_in(removed) == ["/recover", "/activity"]
    assert "a new password alone" not in removed.lower()


def test_a_notice_has_no_gaps_and_says_where_the_account_is(app: Flask, member: Browser, ada: str) -> None:
    add(member, Authenticator())
    with app.app_context():
        removal.reset_second_factor(ada)
    for mail in told(app):
        assert "\n\n\n" not in mail
        assert f"You get this mail because {ada} is the address of an account at\nhttp" in mail


def test_the_operator_takes_all_of_them_off(app: Flask, member: Browser, ada: str, run: Run) -> None:
    device = Authenticator()
    add(member, device)
    set_up(member)
    shown = run("users", "show", ada, "--format", "json").output
    assert '"second_factor": true' in shown
    assert '"recovery_codes": 10' in shown
    assert '"passkeys": 1' in shown
    answer = run("users", "reset-second-factor", ada)
    assert answer.exit_code == 0
    assert "by password alone" in answer.output
    mail = told(app)[-1]
    assert "two-step sign-in, its recovery codes and all passkeys were taken off" in mail
    assert "the person who runs the site" in mail
    assert member.get("/dashboard").status_code == 303
    with app.app_context():
        assert Session.everywhere() == []
        assert [db.session.scalar(select(table)) for table in (Passkey, RecoveryCode)] == [None, None]
    assert sign_in(Browser(app), device).status_code == 422
    fresh = Browser(app)
    assert fresh.sign_in(ada).headers["Location"] == "/dashboard"
    assert "took your second factors off" in fresh.get("/activity").text


def test_an_unknown_user_is_not_found(run: Run) -> None:
    assert run("users", "reset-second-factor", "nobody@example.org").exit_code == 3


def test_who_has_none_loses_nothing(app: Flask, ada: str, run: Run) -> None:
    """It may be a slip in the e-mail."""
    Browser(app).sign_in(ada)
    assert run("users", "reset-second-factor", ada).stdout == f"{ada} has no second factor.\n"
    with app.app_context():
        assert len(Session.everywhere()) == 1
        assert event.latest(Wanted(), 1)[0].kind == Kind.SIGNED_IN
