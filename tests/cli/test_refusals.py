"""What goes wrong is one sentence on stderr and an exit code."""

import json
import os
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from cli import main
from netflix.config import Config
from netflix.errors import Busy
from tests.cli.conftest import Run
from tests.cli.terminal import COMMAND, environment, in_a_pipe


@pytest.mark.parametrize(
    ("command", "exit_code"),
    [
        ("users show nobody@example.org --format json", 3),
        ("users show --format=json", 2),
        ("users list --format json --bogus", 2),
        ("limits show --format jsonl --address x", 2),
    ],
)
def test_a_program_is_told_as_json(run: Run, command: str, exit_code: int) -> None:
    refused = run(command)
    assert (refused.exit_code, refused.stdout) == (exit_code, "")
    problem = json.loads(refused.stderr)["error"]
    assert problem["exit_code"] == exit_code
    assert problem["title"]
    assert problem["detail"]


@pytest.mark.parametrize("command", ["bogus", "users bogus", "users list --bogus", "--bogus", "users show"])
def test_a_slip_is_one_sentence_that_names_the_help(run: Run, command: str) -> None:
    refused = run(command)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert len(refused.stderr.splitlines()) == 1
    assert "--help`." in refused.stderr


def test_what_is_unexpected_is_one_sentence_and_1(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise LookupError("something inside")

    monkeypatch.setattr("netflix.accounts.user.User.everyone", broken)
    refused = run("users list")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith("Error: Something unexpected failed: LookupError: something inside. Run it again")
    assert isinstance(run("--traceback users list").exception, LookupError)


def test_a_refusal_keeps_its_own_code(run: Run, ada: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: object) -> None:
        raise Busy

    monkeypatch.setattr("netflix.signin.access.set_password", busy)
    assert run(f"users reset-password {ada} --generate").exit_code == 7


def test_a_database_that_fails_is_told_with_its_reason(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise OperationalError("SELECT", {}, Exception("disk I/O error\nmore"))

    monkeypatch.setattr("netflix.accounts.user.User.everyone", broken)
    refused = run("users list --format json")
    assert refused.exit_code == 6
    assert "(disk I/O error)" in json.loads(refused.stderr)["error"]["detail"]


def test_a_database_that_is_not_migrated_is_told_with_the_remedy(build: Callable[..., Flask], tmp_path: Any) -> None:
    site = build(database_url=f"sqlite:///{tmp_path / 'empty.db'}")
    refused = site.test_cli_runner().invoke(main, ["users", "list"])
    assert refused.exit_code == 6
    assert "no such table" in refused.stderr
    assert "netflix-admin db upgrade" in refused.stderr


def test_settings_that_do_not_hold_are_all_told(config: Config) -> None:
    refused = in_a_pipe(config, "users", "list", NETFLIX_PORT="x", NETFLIX_BCRYPT_ROUNDS="99")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "NETFLIX_PORT" in refused.stderr
    assert "NETFLIX_BCRYPT_ROUNDS" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_reader_that_has_seen_enough_is_no_fault(config: Config) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*COMMAND, "users", "list", "--format", "json"],
        env=environment(config),
        stdin=subprocess.DEVNULL,
        stdout=writing,
        stderr=subprocess.PIPE,
        timeout=30,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    "command",
    [("users", "create", "zoe@example.org"), ("limits", "clear", "--all"), ("sessions", "end", "--all")],
)
def test_without_a_terminal_no_question_hangs(config: Config, command: tuple[str, ...]) -> None:
    assert in_a_pipe(config, *command).returncode in (2, 7)


def test_an_encoding_that_lacks_a_letter_is_no_fault(config: Config) -> None:
    made = in_a_pipe(config, "users", "create", "日本@example.org", "--link")
    assert made.returncode == 0
    told = in_a_pipe(config, "users", "list", PYTHONUTF8="0", PYTHONIOENCODING="latin-1")
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith("\\u65e5\\u672c@example.org\t")
