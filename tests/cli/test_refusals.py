"""What goes wrong is one sentence on stderr and an exit code."""

import json
import os
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from cli import main
from netflix.accounts.registration import create
from netflix.accounts.user import User
from netflix.config import Config
from netflix.errors import Busy
from netflix.extensions import db
from tests.cli.conftest import Run
from tests.cli.terminal import COMMAND, environment, in_a_pipe
from tests.people import PASSWORD


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


def test_a_slip_is_told_with_what_was_likely_meant(run: Run) -> None:
    assert "No such command 'user'. Did you mean 'users'?" in run("user list").stderr
    assert "Choose from: bash, zsh, fish. See" in run("completion").stderr


def test_what_is_unexpected_is_one_sentence_and_1(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise LookupError("something inside")

    monkeypatch.setattr("netflix.administration.directory.rows", broken)
    refused = run("users list")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith("Error: Something unexpected failed: LookupError: something inside. Run it again")
    assert isinstance(run("--traceback users list").exception, LookupError)


def test_a_refusal_keeps_its_own_code(run: Run, ada: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: object, **__: object) -> None:
        raise Busy

    monkeypatch.setattr("netflix.signin.access.set_password", busy)
    assert run(f"users reset-password {ada} --generate").exit_code == 7


def test_a_database_that_fails_is_told_with_its_reason(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OperationalError("SELECT", {}, Exception("disk I/O error\nmore"))

    monkeypatch.setattr("netflix.administration.directory.rows", broken)
    refused = run("users list --format json")
    assert refused.exit_code == 6
    assert "(disk I/O error)" in json.loads(refused.stderr)["error"]["detail"]


def test_a_database_that_is_not_migrated_is_told_with_the_remedy(build: Callable[..., Flask], tmp_path: Any) -> None:
    (tmp_path / "empty.db").touch()
    site = build(database_url=f"sqlite:///{tmp_path / 'empty.db'}")
    refused = site.test_cli_runner().invoke(main, ["users", "list"])
    assert refused.exit_code == 6
    assert "not migrated" in refused.stderr
    assert "netflix-admin db upgrade" in refused.stderr


def test_where_there_is_no_site_none_is_made_by_asking(config: Config, tmp_path: Path) -> None:
    (tmp_path / "netflix.db").unlink()
    refused = in_a_pipe(config, "users", "list")
    assert refused.returncode == 6
    assert f"There is no site in {tmp_path} yet." in refused.stderr
    assert not (tmp_path / "netflix.db").exists()


UNSET = {"NETFLIX_SECRET_KEY": "", "NETFLIX_PASSWORD_KEY": "", "NETFLIX_DATABASE_URL": ""}


@pytest.mark.parametrize(
    "command", ["doctor", "users list", "users create a@example.org --link", "purge", "db current"]
)
def test_a_slip_in_the_name_of_the_folder_makes_no_site(config: Config, tmp_path: Path, command: str) -> None:
    folder = tmp_path / "mistyped"
    for _ in range(2):
        refused = in_a_pipe(config, *command.split(), **UNSET, NETFLIX_INSTANCE=str(folder))
        assert (refused.returncode, refused.stdout) == (6, "")
        assert f"There is no site in {folder} yet. Check NETFLIX_INSTANCE; or make one:" in refused.stderr
        # Nor in a folder that is there and is another's.
        assert not folder.exists() or list(folder.iterdir()) == []
        folder.mkdir(exist_ok=True)


def test_to_migrate_and_to_restore_make_a_site(config: Config, tmp_path: Path) -> None:
    file = tmp_path / "none.tar"
    file.touch()
    for command, code in ((("db", "upgrade"), 0), (("restore", str(file)), 7)):
        folder = tmp_path / command[0]
        assert in_a_pipe(config, *command, **UNSET, NETFLIX_INSTANCE=str(folder)).returncode == code
        assert (folder / "password.key").exists()


def test_a_password_key_that_is_gone_is_missed_and_not_replaced(config: Config, ada: str) -> None:
    unset, file = {"NETFLIX_PASSWORD_KEY": ""}, config.instance / "none.tar"
    file.touch()
    for command in (("users", "list"), ("db", "upgrade"), ("restore", str(file)), ("purge",)):
        refused = in_a_pipe(config, *command, **unset)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "put it back from where you keep it" in refused.stderr
    told = in_a_pipe(config, "doctor", "--format", "json", **unset)
    (row,) = json.loads(told.stdout)
    assert (told.returncode, row["state"], "put it back" in row["found"]) == (7, "fault", True)
    assert not (config.instance / "password.key").exists()


def test_a_database_that_does_not_answer_is_told_apart_from_one_that_is_not_migrated(config: Config) -> None:
    refused = in_a_pipe(config, "users", "list", NETFLIX_DATABASE_URL="postgresql://netflix@127.0.0.1:9/netflix")
    assert refused.returncode == 6
    assert refused.stderr.startswith("Error: The database does not answer (connection failed: ")
    assert refused.stderr.endswith("Start it, or check NETFLIX_DATABASE_URL.\n")
    assert len(refused.stderr.splitlines()) == 1


def test_a_database_that_another_holds_is_told_as_busy(config: Config) -> None:
    with closing(sqlite3.connect(config.instance / "netflix.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        refused = in_a_pipe(config, "users", "create", "zoe@example.org", "--link")
    assert (refused.returncode, refused.stdout) == (6, "")
    assert refused.stderr == "Error: The database is busy with something else. Try again in a moment.\n"


def test_a_database_of_another_version_is_told(app: Flask, run: Run) -> None:
    with app.app_context():
        db.session.execute(db.text("UPDATE alembic_version SET version_num = '9999'"))
        db.session.commit()
    refused = run("users list")
    assert refused.exit_code == 6
    assert "is at version 9999, which a later version of the site made. Update the site" in refused.stderr


def test_a_file_that_is_no_database_is_told_with_6(config: Config, tmp_path: Path) -> None:
    (tmp_path / "netflix.db").write_bytes(b"no database " * 1000)
    refused = in_a_pipe(config, "users", "list")
    assert (refused.returncode, refused.stdout) == (6, "")
    assert len(refused.stderr.splitlines()) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else's guest")
@pytest.mark.parametrize("command", [("users", "list"), ("db", "upgrade")])
def test_root_writes_nothing_into_another_s_site(config: Config, tmp_path: Path, command: tuple[str, ...]) -> None:
    """Not even the keys of one that is only to be made."""
    folder = tmp_path / "site"
    folder.mkdir()
    os.chown(folder, 65534, 65534)
    refused = in_a_pipe(config, *command, **UNSET, NETFLIX_INSTANCE=str(folder))
    assert refused.returncode == 7
    assert "sudo -u nobody netflix-admin" in refused.stderr
    assert list(folder.iterdir()) == []


SHELL = {"closed": "{} >&-", "full": "{} >/dev/full", "gone": "{} | true; exit ${{PIPESTATUS[0]}}"}


@pytest.mark.parametrize("how", SHELL)
@pytest.mark.parametrize(
    ("command", "remedy"),
    [
        ("users create zoe@example.org --link", "`netflix-admin users reset-password zoe@example.org`"),
        ("invites create", "`netflix-admin invites revoke 1`"),
    ],
)
def test_a_secret_that_nobody_saw_is_told(config: Config, ada: str, how: str, command: str, remedy: str) -> None:
    line = SHELL[how].format(f"{' '.join(COMMAND)} {command}")
    done = subprocess.run(["bash", "-c", line], env=environment(config), capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "could not be printed" in done.stderr
    assert remedy in done.stderr


@pytest.mark.parametrize(("how", "code"), [("closed", 0), ("gone", 0), ("full", 1)])
def test_of_several_all_are_done_also_when_nobody_is_told(
    config: Config, app: Flask, ada: str, grace: str, how: str, code: int
) -> None:
    with app.app_context():
        create("eve@example.org", PASSWORD)
    line = SHELL[how].format(f"{' '.join(COMMAND)} users disable {ada} eve@example.org")
    done = subprocess.run(["bash", "-c", line], env=environment(config), capture_output=True, text=True, timeout=30)
    assert done.returncode == code
    assert done.stderr == ("What was done could not be printed (No space left on device).\n" if code else "")
    with app.app_context():
        assert [User.named(email).is_disabled for email in (ada, "eve@example.org", grace)] == [True, True, False]


def test_of_several_none_is_reset_after_one_that_nobody_saw(config: Config, app: Flask, ada: str, grace: str) -> None:
    line = f"{' '.join(COMMAND)} users reset-password {ada} {grace} >/dev/full"
    done = subprocess.run(["bash", "-c", line], env=environment(config), capture_output=True, text=True, timeout=30)
    assert done.returncode == 8
    assert f"`netflix-admin users reset-password {ada}`. 1 more was not begun.\n" in done.stderr
    with app.app_context():
        assert [User.named(email).has_password for email in (ada, grace)] == [False, True]


@pytest.mark.parametrize(
    ("command", "code"),
    [("users list >&-", 0), ("users create zoe@example.org <&-", 2), ("users create z@x --password-stdin <&-", 2)],
)
def test_a_stream_that_is_closed_is_no_fault_of_ours(config: Config, ada: str, command: str, code: int) -> None:
    line = f"{' '.join(COMMAND)} {command}"
    done = subprocess.run(["bash", "-c", line], env=environment(config), capture_output=True, text=True, timeout=30)
    assert done.returncode == code
    assert "unexpected" not in done.stderr


def test_an_argument_that_is_no_text_is_a_user_that_is_not_there(config: Config) -> None:
    done = subprocess.run([*COMMAND, "users", "show", b"\xff@x.org"], env=environment(config), capture_output=True)
    assert done.returncode == 3


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
