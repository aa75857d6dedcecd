"""`--dry-run` says what would be done, and changes nothing."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask
from redis import Redis

from netflix.config import Config
from netflix.extensions import db
from netflix.mail import outbox
from tests.cli.conftest import Run
from tests.factors.app import set_up
from tests.people import Browser

COMMANDS = {
    "users create zoe@example.org --link": ["zoe@example.org is a member."],
    "users create zoe@example.org --admin --generate": ["zoe@example.org is an administrator."],
    "users reset-password ada@example.org": ["ada@example.org has to sign in with a new password."],
    "users reset-password ada@example.org grace@example.org --generate": [
        "ada@example.org has to sign in with a new password.",
        "grace@example.org has to sign in with a new password.",
    ],
    "users reset-second-factor ada@example.org": ["ada@example.org signs in by password alone, and is signed out"],
    "users disable ada@example.org": ["ada@example.org can no longer sign in, and is signed out everywhere."],
    "users enable max@example.org": ["max@example.org may sign in."],
    "users promote ada@example.org": ["ada@example.org is an administrator."],
    "users demote boss@example.org": ["boss@example.org is a member."],
    "users delete ada@example.org": ["ada@example.org is deleted."],
    "sessions end 1": ["Ended session 1."],
    "sessions end --user ada@example.org": ["Ended 1 session."],
    "sessions end --all": ["Ended 2 sessions."],
    "devices end 1": ["Made device 1 a stranger."],
    "invites create": ["A link lets one person register."],
    "invites revoke 1": ["Invitation 1"],
    "lockdown on --reason Guesses.": ["Lockdown until you turn it off."],
    "mail retry 1": ["Mail 1 is due now."],
}


@pytest.fixture
def busy(app: Flask, run: Run, ada: str, grace: str) -> None:
    """A site in which there is something to be changed by each command."""
    browser = Browser(app)
    browser.sign_in(ada)
    set_up(browser)
    Browser(app, "198.51.100.7").sign_in(grace)
    run("users create boss@example.org --admin --generate")
    run("users create max@example.org --generate")
    run("users disable max@example.org")
    run("invites create")
    with app.app_context():
        outbox.post(ada, "test")
        db.session.commit()


@pytest.fixture
def everything(config: Config, redis: Redis, busy: None) -> "Everything":
    return Everything(config, redis)


class Everything:
    """All that is kept, as it is now."""

    def __init__(self, config: Config, redis: Redis) -> None:
        self.config, self.redis = config, redis

    def now(self) -> tuple[list[str], dict[bytes, bytes | None], set[str]]:
        with closing(sqlite3.connect(self.config.instance / "netflix.db")) as connection:
            rows = list(connection.iterdump())
        files = {path.name for path in self.config.instance.iterdir() if not path.name.endswith(("-wal", "-shm"))}
        return rows, {name: self.redis.dump(name) for name in self.redis.scan_iter()}, files


@pytest.mark.parametrize("command", COMMANDS)
def test_it_is_told_and_nothing_is_changed(run: Run, everything: Everything, command: str) -> None:
    before = everything.now()
    tried = run(f"{command} --dry-run")
    assert tried.exit_code == 0, tried.output
    lines = tried.stdout.splitlines()
    assert len(lines) == len(COMMANDS[command])
    for line, told in zip(lines, COMMANDS[command], strict=True):
        assert line.startswith(f"Dry run: {told}")
    assert everything.now() == before
    # And it is no dry run of nothing.
    done = run(f"{command} --yes" if command.startswith(("users delete", "sessions end --all")) else command)
    assert done.exit_code == 0, done.output
    assert "Dry run" not in done.output
    assert everything.now() != before


def test_what_would_be_refused_is_refused(run: Run, everything: Everything) -> None:
    run("users demote boss@example.org")
    before = everything.now()
    tried = run("users demote grace@example.org nobody@example.org --dry-run")
    assert tried.exit_code == 7, tried.output
    assert "only administrator" in tried.stderr
    assert "no user nobody@example.org" in tried.stderr
    assert everything.now() == before


@pytest.mark.parametrize("command", ["demote", "disable", "delete"])
def test_the_last_administrator_is_kept_as_those_before_would_have_gone(
    run: Run, everything: Everything, command: str
) -> None:
    before = everything.now()
    both = ("users", command, "boss@example.org", "grace@example.org")
    tried = run(*both, "--dry-run")
    assert everything.now() == before
    assert len(tried.stdout.splitlines()) == 1
    done = run(*both, *(["--yes"] if command == "delete" else []))
    assert (tried.exit_code, tried.stderr) == (done.exit_code, done.stderr)
    assert done.exit_code == 8


HASH = "$2b$04$" + "a" * 53
HANDED_OVER = {
    "to a member": ("ada@example.org,yes,,", 0),
    "to who comes with a password": (f"a@example.org,yes,,{HASH}", 0),
    "to who comes without one": ("a@example.org,yes,,", 8),
    "to one who is let in again": ("amy@example.org,yes,no,", 0),
    "to one who gets a password": (f"abe@example.org,yes,no,{HASH}", 0),
    "to nobody": ("ada@example.org,no,,", 8),
}


@pytest.mark.parametrize("how", HANDED_OVER)
def test_an_import_is_tried_as_it_is_done_where_the_last_administrator_goes(
    run: Run, everything: Everything, tmp_path: Path, how: str
) -> None:
    row, code = HANDED_OVER[how]
    roll = tmp_path / "before.csv"
    roll.write_text(f"email,admin,disabled,password_hash\namy@example.org,yes,yes,{HASH}\nabe@example.org,yes,no,\n")
    assert run("users", "import", str(roll)).exit_code == 0
    roll = tmp_path / "roll.csv"
    rest = "boss@example.org,no,,\ngrace@example.org,no,,\n"
    roll.write_text(f"email,admin,disabled,password_hash\n{row}\n{rest}")
    rows, *_ = everything.now()
    tried = run("users", "import", str(roll), "--update", "--dry-run")
    assert everything.now()[0] == rows
    assert (tried.exit_code, run("users", "import", str(roll), "--update").exit_code) == (code, code)


def test_of_several_each_is_tried_alone(run: Run, everything: Everything) -> None:
    before = everything.now()
    tried = run("users", "delete", "ada@example.org", "max@example.org", "nobody@example.org", "--dry-run")
    assert tried.exit_code == 8
    assert tried.stdout == "Dry run: ada@example.org is deleted.\nDry run: max@example.org is deleted.\n"
    assert everything.now() == before
