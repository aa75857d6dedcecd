"""`netflix-admin purge`."""

import fcntl
import re
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from netflix.config import Config
from netflix.events import event
from netflix.events.event import Wanted
from netflix.extensions import db
from netflix.upkeep import expiry
from tests import history
from tests.cli.conftest import Run
from tests.cli.terminal import COMMAND, at_a_terminal, environment, in_a_pipe
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
        assert expiry.purge(expiry.Pace(most=10)) == {"expired session": 25}
    assert len(commits) >= 3


def test_what_is_left_at_the_end_of_its_time_goes_the_next_time(app: Flask, ada: str, config: Config) -> None:
    fill(app, 1, 1500)
    stopped = at_a_terminal(config, "purge", "--batch", "1", "--max-runtime", "1s")
    assert stopped.exit_code == 0
    said = re.findall(r"(Deleted|Left for the next run:) ([\d,]+) expired sessions", stopped.screen)
    deleted, left = (int(number.replace(",", "")) for _, number in said)
    assert deleted > 0
    assert left == 1500 - deleted
    assert in_a_pipe(config, "purge").stdout == f"Deleted {left:,} expired sessions.\n"


def test_what_was_done_is_said_when_it_is_stopped_half_way(
    run: Run, app: Flask, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(app, 1, 60)

    def press(_: expiry.Pace) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(expiry.Pace, "rest", press)
    told = run("purge")
    assert (told.exit_code, told.stdout) == (130, "Deleted 25 expired sessions.\n")


@pytest.fixture
def aged(app: Flask, run: Run) -> Flask:
    """A site where five things happened two years ago, and three today."""
    with app.app_context():
        history.write(5, days_ago=730)
        history.write(3)
    return app


def test_old_events_go_where_that_is_asked_for_and_the_rest_verifies(run: Run, aged: Flask) -> None:
    assert run("purge").output == ""
    assert run("purge --keep 365d --batch 2").output == "Deleted 5 old events.\n"
    assert run("events verify").exit_code == 0
    with aged.app_context():
        left = list(event.following(Wanted()))
        assert [row.id for row in left] == [6, 7, 8, 9]
        assert (left[-1].kind, left[-1].details) == ("sensitive_delete", {"object": "events", "first": 1, "due": 5})
        assert left[-1].by.startswith("operator:")
    assert run("purge --keep 365d").output == ""


def test_a_dry_run_counts_the_old_events_and_leaves_them(run: Run, aged: Flask, config: Config) -> None:
    before = dump(config)
    assert run("purge --keep 365d --dry-run").output == "Would delete 5 old events.\n"
    assert dump(config) == before


def test_what_was_done_to_the_record_is_not_purged_away(run: Run, aged: Flask, config: Config) -> None:
    with aged.app_context():
        db.session.execute(db.text("UPDATE event SET address = '203.0.113.1' WHERE id = 3"))
        db.session.commit()
    before = dump(config)
    told = run("purge --keep 365d")
    assert told.exit_code == 7
    assert "not whole at event 3" in told.stderr
    assert dump(config) == before


@pytest.mark.parametrize("pattern", ["--max-runtime 1.5s", "--keep 0d", "--batch 0", "--keep long"])
def test_what_is_no_time_and_no_number_is_a_slip(run: Run, pattern: str) -> None:
    assert run(f"purge {pattern}").exit_code == 2


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
    assert sum(int(out.split()[1].replace(",", "")) for out, _ in told if out) == 3000
    assert not [line for line in dump(config) if line.startswith('INSERT INTO "session"')]


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
