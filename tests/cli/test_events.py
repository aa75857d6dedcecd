"""`netflix-admin events`."""

import csv
import json
import subprocess
from datetime import datetime, timedelta
from weakref import WeakSet

import pytest
from flask import Flask
from sqlalchemy import event as listening
from sqlalchemy import update

from cli import formats, main
from netflix.accounts import registration
from netflix.config import Config
from netflix.events import event
from netflix.events.event import Event, Kind
from netflix.extensions import db
from tests.cli.conftest import Run
from tests.cli.terminal import COMMAND, at_a_terminal, environment
from tests.conftest import Build
from tests.people import PASSWORD, Browser, Letters, links_in
from tests.watching import statements


@pytest.fixture
def visited(app: Flask, browser: Browser, ada: str) -> str:
    """Somebody guessed once at Ada's, and she signed in; her e-mail."""
    Browser(app, "203.0.113.9").sign_in(ada, "a wrong guess")
    browser.sign_in(ada)
    return ada


def kinds(run: Run, more: str = "") -> list[str]:
    return [one["kind"] for one in json.loads(run(f"events list --format json {more}").stdout)]


def test_the_latest_stands_first(run: Run, visited: str) -> None:
    assert kinds(run) == ["authn_login_success", "authn_login_fail", "user_created"]
    assert kinds(run, "--limit 1") == ["authn_login_success"]


@pytest.mark.parametrize(
    ("option", "found"),
    [
        ("--kind authn_login_fail", ["authn_login_fail"]),
        ("--kind authn_login_fail --kind user_created", ["authn_login_fail", "user_created"]),
        ("--address 203.0.113.9", ["authn_login_fail"]),
        ("--user ADA@example.org", ["authn_login_success", "authn_login_fail", "user_created"]),
        ("--since 5m", ["authn_login_success", "authn_login_fail", "user_created"]),
        ("--address 203.0.113.9 --address 192.0.2.10", ["authn_login_success", "authn_login_fail"]),
        ("--address 203.0.113.8/30", ["authn_login_fail"]),
        ("--address 203.0.113.10/31", []),
        ("--address 203.0.113.9 --address 192.0.0.0/22", ["authn_login_success", "authn_login_fail"]),
        ("--address 192.0.0.0/22 --limit 1", ["authn_login_success"]),
        ("--address 2001:db8::/32", []),
    ],
)
def test_it_is_chosen_which(run: Run, visited: str, option: str, found: list[str]) -> None:
    assert kinds(run, option) == found


@pytest.mark.parametrize(
    "option",
    [
        "--kind sign_in",
        "--since yesterday",
        "--since 5y",
        "--since 0001-01-01T00:00+14:00",
        "--limit 0",
        "--limit 99999999999999999999",
        "--address x",
        "--address 192.0.2.10/24",
        "--since 2d --since 1d",
    ],
)
def test_a_slip_is_told_with_what_is_right(run: Run, option: str) -> None:
    answer = run(f"events list {option}")
    assert answer.exit_code == 2
    assert answer.stderr.startswith("Error: ")


def test_several_users_are_chosen_by_hand_or_from_standard_input(run: Run, visited: str, grace: str) -> None:
    run("users create zoe@example.org --link")
    for asked, given in ((f"--user {visited} --user {grace}", ""), ("--user -", f"{grace}\n{visited}\n")):
        about = [json.loads(line)["user"] for line in run(f"events export {asked}", given=given).stdout.splitlines()]
        assert about == [visited, visited, visited, grace]
        told = json.loads(run(f"events list {asked} --format json --limit 2", given=given).stdout)
        assert [row["user"] for row in told] == [grace, visited]
        assert len(run(f"events tail --no-follow {asked}", given=given).stdout.splitlines()) == 4


def test_an_email_that_no_user_has_is_found_by_its_digest(
    run: Run, app: Flask, browser: Browser, ada: str, letters: Letters
) -> None:
    """Which account had it before its e-mail was changed, and who tried to sign in by it since."""
    browser.sign_in(ada)
    form = {"email": "lovelace@example.net", "current_password": PASSWORD}
    browser.post("/account/email", form, page="/account/email")
    browser.post("/confirm/email", page=links_in(letters.to("lovelace@example.net")[0])[0])
    Browser(app).sign_in(ada)
    Browser(app).sign_in("nobody@example.org")
    failed, changed = json.loads(run(f"events list --account {ada.upper()} --format json").stdout)
    assert [failed["kind"], changed["kind"]] == ["authn_login_fail", "user_email_changed"]
    assert (failed["user_id"], changed["user_id"], changed["user"]) == (None, 1, "lovelace@example.net")
    assert failed["detail"]["account"] == changed["detail"]["account_before"]
    assert ada not in json.dumps(changed)
    assert kinds(run, f"--account {changed['detail']['account']}") == ["user_email_changed"]
    assert kinds(run, f"--account {ada} --kind authn_login_fail") == ["authn_login_fail"]
    assert kinds(run, "--account third@example.org") == []


def test_also_from_before_the_secret_key_was_changed(app: Flask, browser: Browser, build: Build) -> None:
    browser.sign_in("nobody@example.org")
    former = app.extensions["netflix-config"].secret_key
    rotated = build(secret_key=("a new key for tests that nobody else has, long enough", *former))
    Browser(rotated).sign_in("nobody@example.org")
    told = rotated.test_cli_runner().invoke(
        main, ["events", "list", "--account", "nobody@example.org", "--format", "json"]
    )
    assert len({row["detail"]["account"] for row in json.loads(told.stdout)}) == 2


def test_an_unknown_user_is_not_found(run: Run) -> None:
    assert run("events list --user nobody@example.org").exit_code == 3


def test_a_row_tells_who_what_when_and_where(run: Run, visited: str) -> None:
    (row,) = json.loads(run("events list --kind authn_login_success --format json").stdout)
    assert row["user"] == visited
    assert row["by"] == f"user:{row['user_id']}"
    assert row["address"] == "192.0.2.10"
    assert row["detail"] == {"factor": "password", "browser": "Firefox on Linux", "known": False}
    assert datetime.fromisoformat(row["at"]).utcoffset() == timedelta(0)


def test_csv_has_the_detail_as_json(run: Run, visited: str) -> None:
    rows = list(csv.DictReader(run("events list --format csv").stdout.splitlines()))
    assert json.loads(rows[0]["detail"])["factor"] == "password"


def test_the_export_is_whole_and_in_order(run: Run, visited: str) -> None:
    lines = [json.loads(line) for line in run("events export").stdout.splitlines()]
    assert [line["id"] for line in lines] == [1, 2, 3]


@pytest.mark.parametrize("command", ["list --limit 999", "export", "tail --no-follow -n 999"])
def test_the_database_is_asked_once_however_many_users_there_are(app: Flask, run: Run, command: str) -> None:
    with app.app_context():
        for number in range(30):
            registration.create(f"user{number}@example.org", None)
    with statements(app) as asked:
        told = run(f"events {command}")
    assert [statement.split()[0] for statement in asked if " event" in statement] == ["SELECT"]
    assert not [statement for statement in asked if "FROM user" in statement]
    assert all(f"user{number}@example.org" in told.stdout for number in range(30))


def test_an_export_keeps_in_mind_no_more_of_many_than_of_few(
    app: Flask, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event, "BATCH", 10)
    monkeypatch.setattr(formats, "BATCH", 10)
    with app.app_context():
        for number in range(95):
            event.record(Kind.SIGN_IN_FAILED, number, "192.0.2.10", event.STRANGER)
        db.session.commit()
        db.session.remove()
    kept: list[int] = []

    def count(row: Event, _: object) -> None:
        alive.add(row)
        kept.append(len(alive))

    alive: WeakSet[Event] = WeakSet()
    listening.listen(Event, "load", count)
    try:
        assert len(run("events export").stdout.splitlines()) == 95
    finally:
        listening.remove(Event, "load", count)
    assert len(kept) == 95
    assert max(kept) <= 40


def test_a_deleted_user_s_past_stays(run: Run, visited: str) -> None:
    run(f"users delete {visited} --yes")
    (gone, *_, made) = json.loads(run("events list --format json").stdout)
    assert gone["kind"] == "user_deleted"
    assert (made["user"], made["user_id"]) == (None, gone["user_id"])


def test_tail_shows_the_last_in_order(run: Run, visited: str) -> None:
    told = run("events tail --no-follow -n 2").stdout.splitlines()
    assert ["authn_login_fail" in told[0], "authn_login_success" in told[1], len(told)] == [True, True, 2]


def test_tail_follows_what_happens_next(app: Flask, config: Config, visited: str) -> None:
    command = [*COMMAND, "events", "tail", "-n", "1", "--kind", "authn_login_fail"]
    with subprocess.Popen(
        command, env=environment(config) | {"PYTHONUNBUFFERED": "1"}, stdout=subprocess.PIPE, text=True
    ) as tail:
        assert tail.stdout
        assert "203.0.113.9" in tail.stdout.readline()
        Browser(app, "203.0.113.77").sign_in(visited, "a wrong guess")
        assert "203.0.113.77" in tail.stdout.readline()
        # Its reader has seen enough, and nothing new happens.
        tail.stdout.close()
        assert tail.wait(30) == 0


def test_a_whole_record_is_verified_in_silence(run: Run, visited: str) -> None:
    answer = run("events verify")
    assert (answer.exit_code, answer.output) == (0, "")


def test_a_changed_record_is_told_and_refused(app: Flask, run: Run, visited: str) -> None:
    with app.app_context():
        db.session.execute(update(Event).where(Event.id == 2).values(address="192.0.2.10"))
        db.session.commit()
    answer = run("events verify")
    assert answer.exit_code == 7
    assert answer.stdout == "Event 2 is not what was written.\n"
    assert "tampered" in answer.stderr


def test_another_password_key_is_told_as_that(build: Build, visited: str) -> None:
    other = build(password_key="another key, also of more than 32 characters")
    answer = other.test_cli_runner().invoke(main, ["events", "verify"])
    assert (answer.exit_code, answer.stdout) == (7, "")
    assert "The password key is another one than the record was written under" in answer.stderr
    assert "Put back the `password.key` that was in" in answer.stderr


@pytest.fixture
def rekeyed(build: Build, visited: str) -> Flask:
    """The site under a new password key, after the old one was lost, and with an event since."""
    other = build(password_key="another key, also of more than 32 characters")
    with other.app_context():
        event.record(Kind.LIMIT_CLEARED, None, limit="sign-in", who="203.0.113.9")
        db.session.commit()
    return other


def test_what_is_from_before_a_lost_key_may_be_that_or_tampering(rekeyed: Flask) -> None:
    with rekeyed.app_context():
        before = event.length() - 1
    answer = rekeyed.test_cli_runner().invoke(main, ["events", "verify"])
    assert answer.exit_code == 7
    assert answer.stdout == (
        f"No event up to {before} is what this password key would have made of it; all later ones are.\n"
    )
    assert "nothing here tells which" in answer.stderr
    assert f"events verify --after {before}" in answer.stderr


def test_what_came_after_it_is_verified_as_ever(rekeyed: Flask) -> None:
    run = rekeyed.test_cli_runner().invoke
    with rekeyed.app_context():
        last = event.length()
    after = ["events", "verify", "--after", str(last - 1)]
    assert (run(main, after).exit_code, run(main, after).output) == (0, "")
    with rekeyed.app_context():
        db.session.execute(update(Event).where(Event.id == last).values(address="192.0.2.10"))
        db.session.commit()
    for arguments in (after, after[:2]):
        answer = run(main, arguments)
        assert answer.exit_code == 7
        assert f"Event {last} is not what was written.\n" in answer.stdout
        assert "tampered" in answer.stderr


def test_an_end_before_the_number_that_is_given_is_no_whole_record(run: Run, visited: str) -> None:
    answer = run("events verify --after 1000")
    assert answer.exit_code == 7
    assert answer.stderr.startswith("Error: The record ends with event 3, and not after 1000. Correct the number;")


def test_what_the_operator_does_is_no_noise_at_the_terminal(config: Config, visited: str) -> None:
    told = at_a_terminal(config, "users", "promote", visited)
    assert told.screen == f"{visited} is an administrator.\n"
