"""`netflix-admin purge` and `netflix-admin db`."""

import fcntl
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from netflix.config import Config
from netflix.extensions import db
from netflix.signin import expiry
from tests.cli.conftest import Run
from tests.cli.terminal import COMMAND, environment, in_a_pipe
from tests.people import Browser
from tests.served.site import until


def dump(config: Config) -> list[str]:
    with closing(sqlite3.connect(config.instance / "netflix.db")) as connection:
        return list(connection.iterdump())


def fill(app: Flask, user_id: int, sessions: int) -> None:
    """Sessions of yesterday, without signing in for each."""
    then = datetime.now(UTC) - timedelta(days=1)
    row = (
        "INSERT INTO session (digest, user_id, created_at, seen_at, idle_until, expires_at, remembered, address,"
        " user_agent) VALUES (randomblob(32), :user, :at, :at, :at, :at, 0, '', '')"
    )
    with app.app_context():
        at = then.strftime("%Y-%m-%d %H:%M:%S.%f")
        db.session.execute(db.text(row), [{"user": user_id, "at": at}] * sessions)
        db.session.commit()


@pytest.fixture
def leftovers(app: Flask, ada: str, grace: str, browser: Browser, run: Run) -> None:
    """Three sessions and a link that have run out, and one of each that has not."""
    fill(app, 1, 3)
    browser.sign_in(grace)
    for email in ("zoe@example.org", "max@example.org"):
        run(f"users create {email} --link")
    with app.app_context():
        over = (
            "UPDATE one_time_link SET expires_at = '2020-01-01'"
            " WHERE user_id = (SELECT min(user_id) FROM one_time_link)"
        )
        db.session.execute(db.text(over))
        db.session.commit()


def test_what_has_run_out_goes_and_the_rest_stays(run: Run, leftovers: None, config: Config) -> None:
    assert run("purge").output == "Deleted 3 expired sessions and 1 expired link.\n"
    left = [line for line in dump(config) if line.startswith(('INSERT INTO "session"', 'INSERT INTO "one_time_link"'))]
    assert len(left) == 2
    assert "2020-01-01" not in "".join(left)


def test_nothing_to_do_is_nothing_to_say(run: Run, leftovers: None) -> None:
    run("purge")
    again = run("purge")
    assert (again.exit_code, again.output) == (0, "")


def test_a_dry_run_says_the_same_and_changes_nothing(run: Run, leftovers: None, config: Config) -> None:
    before = dump(config)
    assert run("purge --dry-run").output == "Would delete 3 expired sessions and 1 expired link.\n"
    assert dump(config) == before


def test_it_goes_in_batches_with_a_commit_for_each(app: Flask, ada: str) -> None:
    fill(app, 1, 25)
    commits = []
    with app.app_context():
        db.event.listen(db.session, "after_commit", lambda _: commits.append(1))
        assert expiry.purge(batch=10) == {"expired session": 25}
    assert len(commits) >= 3


def test_two_at_once_share_the_work(app: Flask, ada: str, config: Config, tmp_path: Path) -> None:
    """On two machines, so on two instance folders, with one database."""
    other = tmp_path / "other machine"
    other.mkdir()
    fill(app, 1, 3000)
    both = [
        subprocess.Popen(
            [*COMMAND, "purge"],
            env=environment(config) | {"NETFLIX_INSTANCE": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for folder in (config.instance, other)
    ]
    told = [process.communicate(timeout=30) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert [error for _, error in told] == ["", ""]
    assert sum(int(out.split()[1]) for out, _ in told if out) == 3000
    assert not [line for line in dump(config) if line.startswith('INSERT INTO "session"')]


def test_the_database_is_migrated_by_flask_migrates_own_commands(config: Config, tmp_path: Path) -> None:
    (tmp_path / "netflix.db").unlink()
    assert in_a_pipe(config, "users", "list").returncode == 6
    migrated = in_a_pipe(config, "db", "upgrade")
    assert (migrated.returncode, migrated.stdout) == (0, "")
    assert in_a_pipe(config, "users", "list").returncode == 0


def test_the_commands_of_db_are_listed(run: Run) -> None:
    shown = run("db --help")
    assert shown.exit_code == 0
    assert "upgrade" in shown.output
    assert run("db upgrade --help").exit_code == 0


@contextmanager
def running(config: Config) -> Iterator[None]:
    """Another `purge` on the same folder."""
    with (config.instance / "admin-purge.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def test_a_second_one_is_refused_while_the_first_runs(run: Run, config: Config) -> None:
    with running(config):
        told = run("purge")
    assert told.exit_code == 7
    assert told.stderr == "Error: `netflix-admin purge` is running already. Let it end, or give --wait.\n"
    assert run("purge").exit_code == 0


def test_with_wait_it_goes_on_when_the_first_has_ended(config: Config, ada: str) -> None:
    with running(config):
        second = subprocess.Popen([*COMMAND, "purge", "--wait"], env=environment(config))
        until(lambda: has_open(second.pid, config.instance / "admin-purge.lock"))
        assert second.poll() is None
    assert second.wait(10) == 0


def has_open(pid: int, path: Path) -> bool:
    return any(file.is_symlink() and file.readlink() == path for file in Path(f"/proc/{pid}/fd").iterdir())
