"""`netflix-admin invites`."""

import json
import re
from typing import Any

import pytest
from flask import Flask

from netflix.accounts.invitation import Invitation
from netflix.extensions import db
from tests.cli.conftest import Run


def listed(run: Run, more: str = "") -> list[dict[str, Any]]:
    return json.loads(run(f"invites list --format json {more}").stdout)


def test_a_link_is_all_of_standard_output(run: Run) -> None:
    made = run("invites create")
    assert re.fullmatch(r"http://127\.0\.0\.1:5000/invitation/[\w-]{43}\n", made.stdout)
    assert "lets one person register" in made.stderr


def test_uses_time_and_note_are_kept(run: Run) -> None:
    run("invites", "create", "--uses", "3", "--for", "2w", "--note", "for the grandparents")
    (row,) = listed(run)
    assert {name: row[name] for name in ("id", "note", "state", "used", "uses")} == {
        "id": 1,
        "note": "for the grandparents",
        "state": "open",
        "used": 0,
        "uses": 3,
    }


def test_the_list_has_no_token(run: Run) -> None:
    token = run("invites create").stdout.strip().rpartition("/")[2]
    for form in ("json", "csv", "table"):
        assert token not in run(f"invites list --format {form}").stdout


def test_revoked_ones_are_told_and_left_out_when_asked(run: Run) -> None:
    run("invites create")
    run("invites create")
    assert run("invites revoke 1").output == "Invitation 1 is revoked.\n"
    assert [(row["id"], row["state"]) for row in listed(run)] == [(2, "open"), (1, "revoked")]
    assert [row["id"] for row in listed(run, "--open")] == [2]


def test_where_none_is_open_no_more_than_that_is_said(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("invites create")
    run("invites revoke 1")
    monkeypatch.setattr("cli.output.is_terminal", lambda _: True)
    assert run("invites list --open").output == "No invitation is open.\n"


def test_one_that_is_not_there_is_told_with_3_and_of_several_with_8(run: Run) -> None:
    run("invites create")
    assert run("invites revoke 7").exit_code == 3
    assert run("invites revoke 1 7").exit_code == 8


@pytest.mark.parametrize("slip", ["--for 0d", "--for soon", "--for 366d", "--uses 0", f"--note {'x' * 201}"])
def test_a_slip_makes_none(run: Run, slip: str) -> None:
    told = run(f"invites create {slip}")
    assert told.exit_code == 2
    assert slip.partition(" ")[0] in told.stderr or "note is too long" in told.stderr
    assert listed(run) == []


def test_expired_ones_are_purged(run: Run, app: Flask) -> None:
    run("invites create")
    run("invites create")
    with app.app_context():
        db.session.execute(db.text("UPDATE invitation SET expires_at = '2020-01-01' WHERE id = 1"))
        db.session.commit()
    assert run("purge").output == "Deleted 1 expired link.\n"
    with app.app_context():
        assert [row.id for row in Invitation.all()] == [2]
