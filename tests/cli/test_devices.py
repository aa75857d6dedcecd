"""`netflix-admin devices`."""

import json
from typing import Any

import pytest
from flask import Flask

from tests.cli.conftest import Run
from tests.people import Browser


def listed(run: Run, more: str = "") -> list[dict[str, Any]]:
    return json.loads(run(f"devices list --format json {more}").stdout)


@pytest.fixture
def phone(app: Flask, ada: str, grace: str) -> Browser:
    """Known to Ada's account and to Grace's; signed in to neither."""
    phone = Browser(app, "2001:db8::5", "Mozilla/5.0 (iPhone) Safari/605")
    for email in (ada, grace):
        phone.sign_in(email)
        phone.sign_out()
    return phone


def test_known_browsers_are_listed_with_whose_they_are(run: Run, phone: Browser, ada: str, grace: str) -> None:
    told = [(device["email"], device["browser"], device["address"]) for device in listed(run)]
    assert told == [(grace, "Safari on iPhone", "2001:db8::5"), (ada, "Safari on iPhone", "2001:db8::5")]
    assert [device["email"] for device in listed(run, f"--user {ada}")] == [ada]


def test_one_is_ended_by_its_number_and_all_by_their_user(run: Run, phone: Browser, ada: str, grace: str) -> None:
    (one,) = listed(run, f"--user {ada}")
    assert run(f"devices end {one['id']}").output == f"Made device {one['id']} a stranger.\n"
    assert listed(run, f"--user {ada}") == []
    assert run(f"devices end --user {grace}").output == "Made 1 known browser a stranger.\n"
    assert listed(run) == []
    assert run("devices end --user grace@example.org").output == "No browser was known.\n"


def test_what_is_not_there_is_said(run: Run, ada: str) -> None:
    unknown = run("devices end 7")
    assert unknown.exit_code == 3
    assert unknown.stderr == "Error: There is no device 7. See `netflix-admin devices list`.\n"
    assert run("devices list --user nobody@example.org").exit_code == 3
    assert run("devices end").exit_code == 2
    assert run("devices list").exit_code == 0
