"""`netflix-admin mail`."""

import json

import pytest
from flask import Flask

from cli import main
from netflix.errors import MailNotTaken
from netflix.extensions import db
from netflix.mail import outbox, transport
from netflix.mail.outbox import Mail
from tests.cli.conftest import Run
from tests.conftest import Build
from tests.mail.server import MailServer
from tests.people import Letters


def refuse(*_: object) -> None:
    raise MailNotTaken("The mail server said: 550 no such user")


@pytest.fixture
def given_up(app: Flask, run: Run, monkeypatch: pytest.MonkeyPatch) -> int:
    """A mail that was refused for good; its number."""
    with app.app_context():
        outbox.post("ada@example.org", "test")
        db.session.commit()
    with monkeypatch.context() as patch:
        patch.setattr(transport.Folder, "send", refuse)
        done = run("mail send")
    assert (done.exit_code, done.stdout) == (7, "")
    assert "1 mail was not sent. See `netflix-admin mail list`." in done.stderr
    return 1


def test_nothing_due_is_nothing_to_say(run: Run) -> None:
    done = run("mail send")
    assert (done.exit_code, done.output) == (0, "")


def test_what_is_due_is_sent(app: Flask, run: Run) -> None:
    with app.app_context():
        for _ in range(2):
            outbox.post("ada@example.org", "test")
        db.session.commit()
    assert run("mail send").stdout == "Sent 2 mails.\n"
    assert run("mail list").stdout == ""


def test_what_waits_is_listed_without_its_text(run: Run, given_up: int) -> None:
    (row,) = json.loads(run("mail list --format json").stdout)
    assert (row["id"], row["recipient"], row["state"], row["attempts"]) == (given_up, "ada@example.org", "given up", 1)
    assert "550 no such user" in row["error"]
    assert "text" not in row


def test_one_that_was_given_up_is_tried_again(run: Run, given_up: int, letters: Letters) -> None:
    assert run(f"mail retry {given_up}").stdout == f"Mail {given_up} is due now.\n"
    assert len(letters()) == 1


def test_one_that_is_not_there(run: Run) -> None:
    assert run("mail retry 9").exit_code == 3


def test_a_test_mail_goes_at_once(run: Run, letters: Letters) -> None:
    told = run("mail test ada@example.org").stdout
    assert (
        told == "No mail server is named: a test mail to ada@example.org is a file in the instance folder's `mail`.\n"
    )
    assert len(letters()) == 1


def test_a_test_mail_that_a_server_took_says_so(build: Build) -> None:
    with MailServer().running() as server:
        site = build(mail_url=server.url)
        told = site.test_cli_runner().invoke(main, ["mail", "test", "ada@example.org"]).stdout
        assert told == "The mail server took a test mail to ada@example.org.\n"
        assert len(server.taken) == 1


@pytest.mark.parametrize("address", ["foo", "", "a b@example.org"])
def test_a_test_mail_to_no_address_is_a_slip(run: Run, letters: Letters, address: str) -> None:
    done = run("mail", "test", address)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "e-mail address" in done.stderr
    assert letters() == []


def test_a_test_mail_that_is_refused_says_why(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport.Folder, "send", refuse)
    done = run("mail test ada@example.org")
    assert done.exit_code == 7
    assert "550 no such user" in done.stderr


@pytest.mark.parametrize("command", ["mail send", "mail retry 1", "mail test ada@example.org"])
def test_without_a_mail_server_it_says_which_setting(build: Build, command: str) -> None:
    done = build(host="192.0.2.1").test_cli_runner().invoke(main, command.split())
    assert done.exit_code == 7
    assert "NETFLIX_MAIL_URL" in done.stderr


def test_purge_deletes_what_was_given_up_long_ago(app: Flask, run: Run, given_up: int) -> None:
    assert run("purge").output == ""
    with app.app_context():
        db.session.execute(db.update(Mail).values(good_until=db.text("'2020-01-01'")))
        db.session.commit()
    assert run("purge").output == "Deleted 1 unsent mail.\n"
