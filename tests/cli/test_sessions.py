"""`netflix-admin sessions`."""

import json
from typing import Any

import pytest
from flask import Flask

from netflix.config import Config
from tests.cli.conftest import Run
from tests.cli.terminal import at_a_terminal
from tests.people import Browser

WHOSE = ("address", "account", "device")


def listed(run: Run, more: str = "") -> list[dict[str, Any]]:
    return json.loads(run(f"sessions list --format json {more}").stdout)


@pytest.fixture
def phone(app: Flask, ada: str) -> Browser:
    """Ada's, signed in."""
    phone = Browser(app, "2001:db8::5", "Mozilla/5.0 (iPhone) Safari/605")
    phone.sign_in(ada)
    return phone


@pytest.fixture
def desk(app: Flask, grace: str) -> Browser:
    """Grace's, signed in."""
    desk = Browser(app)
    desk.sign_in(grace)
    return desk


def test_browsers_are_listed_with_whose_they_are(run: Run, phone: Browser, desk: Browser, ada: str, grace: str) -> None:
    told = [(session["email"], session["browser"], session["address"]) for session in listed(run)]
    assert sorted(told) == [
        (ada, "Safari on iPhone", "2001:db8::5"),
        (grace, "Firefox on Linux", "192.0.2.10"),
    ]


@pytest.mark.parametrize("listing", ["sessions list", "devices list"])
def test_an_address_is_never_shortened(
    run: Run, app: Flask, ada: str, monkeypatch: pytest.MonkeyPatch, listing: str
) -> None:
    address = "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff"
    Browser(app, address).sign_in(ada)
    monkeypatch.setattr("cli.output.is_terminal", lambda _: True)
    monkeypatch.setenv("COLUMNS", "80")
    _, row = run(listing).stdout.splitlines()
    assert (address in row, ada in row) == (True, True)
    chosen = run(f"{listing} --fields email,user_agent").stdout
    assert (ada in chosen, "User agent" in chosen) == (True, True)
    monkeypatch.setenv("COLUMNS", "96")
    wide = run(listing).stdout
    assert (address in wide, "Firefox on" in wide) == (True, True)


def test_those_of_one_user_are_listed(run: Run, phone: Browser, desk: Browser, ada: str) -> None:
    assert [session["email"] for session in listed(run, f"--user {ada}")] == [ada]


@pytest.mark.parametrize("command", ["list", "end"])
def test_an_empty_name_is_not_everybody(run: Run, phone: Browser, command: str) -> None:
    """Such as that of a variable of the shell that is not set."""
    assert run("sessions", command, "--user", "").exit_code == 3
    assert phone.get("/dashboard").status_code == 200


ACTS = ["sessions end --user -", "devices end --user -", *(f"limits clear --{lane} -" for lane in WHOSE)]
ACTS += [f"{act} --dry-run" for act in ACTS]
READ_BY = ["sessions list --user -", "devices list --user -", *(f"limits show --{lane} -" for lane in WHOSE)]
READ_BY += [f"events list {option} -" for option in ("--user", "--account", "--address")]
LINES = ["events tail --no-follow --user -", "events export --account -", "users show -", "users disable -"]


@pytest.mark.parametrize("command", [*ACTS, *READ_BY, *LINES])
def test_an_empty_standard_input_is_nobody_and_never_everybody(run: Run, phone: Browser, command: str) -> None:
    """As in cron, where a pipe found none."""
    before = [run(f"{listing} list").stdout for listing in ("sessions", "devices", "events", "limits")]
    told = run(command, given="\n")
    assert (told.exit_code, told.output) == (0, "")
    assert [run(f"{listing} list").stdout for listing in ("sessions", "devices", "events", "limits")] == before


@pytest.mark.parametrize("command", [*READ_BY, "users show -"])
def test_of_nobody_a_program_reads_an_empty_list(run: Run, phone: Browser, command: str) -> None:
    assert run(f"{command} --format json").output == "[]\n"
    assert run(f"{command} --format csv").stdout.count("\n") == 1


def test_nobody_beside_somebody_is_said_in_two_ways(run: Run, phone: Browser) -> None:
    assert run("sessions end 1 --user -").exit_code == 2
    assert run("limits clear --address ::1 --account -").exit_code == 2


def test_one_is_ended_by_its_id(run: Run, phone: Browser, desk: Browser, ada: str) -> None:
    number = listed(run, f"--user {ada}")[0]["id"]
    assert run(f"sessions end {number}").output == f"Ended session {number}.\n"
    assert phone.get("/dashboard").status_code == 303
    assert desk.get("/dashboard").status_code == 200


def test_where_nobody_is_signed_in_only_a_person_is_told(run: Run, config: Config) -> None:
    ended = run("sessions end --all --yes")
    assert (ended.exit_code, ended.output) == (0, "")
    assert at_a_terminal(config, "sessions", "end", "--all", "--yes").screen == "Nobody was signed in.\n"


def test_all_of_one_user_are_ended(run: Run, phone: Browser, desk: Browser, ada: str) -> None:
    assert run(f"sessions end --user {ada}").output == "Ended 1 session.\n"
    assert phone.get("/dashboard").status_code == 303
    assert desk.get("/dashboard").status_code == 200


def test_everybody_is_signed_out_only_when_told_twice(run: Run, phone: Browser, desk: Browser) -> None:
    assert run("sessions end --all", given="y\n").exit_code == 7
    assert desk.get("/dashboard").status_code == 200
    assert run("sessions end --all --yes").output == "Ended 2 sessions.\n"
    assert desk.get("/dashboard").status_code == 303


def test_one_that_is_not_there_is_told_and_the_others_end(run: Run, desk: Browser) -> None:
    number = listed(run)[0]["id"]
    done = run(f"sessions end 999 {number}")
    assert (done.exit_code, done.stdout) == (8, f"Ended session {number}.\n")
    assert "There is no session 999." in done.stderr
    assert run("sessions end 999").exit_code == 3


@pytest.mark.parametrize("args", ["", "1 --all", "0", "x", "99999999999", "--user a@b.c --all"])
def test_what_to_end_is_said_in_one_way(run: Run, args: str) -> None:
    assert run(f"sessions end {args}").exit_code == 2
    if args == "x":
        assert "'x' is no number of a row. Give one that the listing shows." in run("sessions end x").stderr


def test_the_sessions_of_nobody_are_told_with_3(run: Run) -> None:
    assert run("sessions list --user nobody@example.org").exit_code == 3
    assert run("sessions end --user nobody@example.org").exit_code == 3


def test_the_sessions_of_several_are_listed_and_ended(run: Run, app: Flask, ada: str, grace: str) -> None:
    for email in (ada, grace):
        Browser(app).sign_in(email)
    assert len(run(f"sessions list --user {ada} --user {grace}").stdout.splitlines()) == 2
    assert len(run("sessions", "list", "--user", "-", given=f"{ada}\n").stdout.splitlines()) == 1
    ended = run("sessions", "end", "--user", "-", given=f"{ada}\n{grace}\nnobody@example.org\n")
    assert ended.exit_code == 8
    assert ended.stdout == f"Ended 1 session of {ada}.\nEnded 1 session of {grace}.\n"
