"""`netflix-admin lockdown`."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from netflix.config import Config
from tests.cli.conftest import Run
from tests.cli.terminal import at_a_terminal
from tests.factors.app import set_up
from tests.people import Browser

WARNING = "No administrator has a known browser or a second factor"


def status(run: Run) -> dict[str, Any]:
    return json.loads(run("lockdown status --format json").stdout)


def on(run: Run, *more: str) -> str:
    done = run("lockdown", "on", "--reason", "Stolen passwords are tried.", *more)
    assert done.exit_code == 0
    return done.output


def test_it_is_on_until_it_is_turned_off(run: Run) -> None:
    assert status(run) == {"on": False, "reason": None, "since": None, "until": None, "by": None}
    assert on(run).startswith("Lockdown until you turn it off. Every process of the site knows it within 2 seconds.")
    told = status(run)
    assert (told["on"], told["reason"], told["until"]) == (True, "Stolen passwords are tried.", None)
    assert told["by"].startswith("operator:")
    assert run("lockdown off").output.startswith("It is over.")
    assert run("lockdown off").output == ""
    assert not status(run)["on"]


def test_it_ends_by_itself(run: Run, later: Callable[[timedelta], None]) -> None:
    assert re.match(r"Lockdown until \d{4}-\d\d-\d\dT[\d:]{8}Z\.", on(run, "--for", "2h"))
    later(timedelta(hours=3))
    assert not status(run)["on"]


def test_on_twice_changes_reason_and_end_and_keeps_since_when(run: Run) -> None:
    on(run, "--for", "2h")
    since = status(run)["since"]
    done = run("lockdown", "on", "--reason", "Still.")
    assert done.output.startswith("It was on, and now lasts until you turn it off.")
    assert (status(run)["reason"], status(run)["until"], status(run)["since"]) == ("Still.", None, since)


@pytest.mark.parametrize(
    "words", [["on"], ["on", "--reason", " "], ["on", "--reason", "x" * 301], ["on", "--reason", "a\udcff"]]
)
def test_a_slip_turns_nothing_on(run: Run, words: list[str]) -> None:
    assert run("lockdown", *words).exit_code == 2
    assert not status(run)["on"]


def test_it_warns_when_no_administrator_could_come_in(run: Run, browser: Browser, grace: str) -> None:
    assert WARNING in on(run)
    run("lockdown off")
    browser.sign_in(grace)
    assert WARNING not in on(run)
    run("devices end --user grace@example.org")
    assert WARNING in on(run)
    run("lockdown off")
    set_up(browser)
    assert WARNING not in on(run)


def test_it_says_how_it_stands_in_a_pipe(run: Run) -> None:
    on(run)
    assert run("lockdown status").output.startswith("on\tyes\nreason\tStolen passwords are tried.\n")


def test_a_person_is_told_that_it_was_not_on(config: Config) -> None:
    assert at_a_terminal(config, "lockdown", "off").screen == "It was not on.\n"
