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
from click.testing import Result
from flask import Flask

from cli import main
from netflix.config import Config
from netflix.errors import Declined
from netflix.events import event
from netflix.events.event import Wanted
from netflix.extensions import db
from netflix.upkeep import expiry
from tests import history
from tests.cli.conftest import Run
from tests.cli.terminal import COMMAND, at_a_terminal, environment, in_a_pipe
from tests.conftest import Build
from tests.people import Browser
from tests.watching import until


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


DATE = r"\d{4}-\d\d-\d\dT[\d:]{8}Z"


def test_who_keeps_less_than_a_month_must_say_so_twice(run: Run, aged: Flask, config: Config) -> None:
    """By `1m` somebody may have meant a month."""
    before = dump(config)
    refused = run("purge --keep 1m")
    assert (refused.exit_code, refused.stdout) == (7, "")
    told = re.fullmatch(
        rf"Error: It would delete all events from before ({DATE}), for ever, and there is no terminal to ask at. "
        r"Add --yes if it is meant.\n",
        refused.stderr,
    )
    assert told
    assert datetime.now(UTC) - datetime.fromisoformat(told[1]) == pytest.approx(
        timedelta(minutes=1), abs=timedelta(minutes=1)
    )
    assert dump(config) == before
    assert run("purge --keep 1m --dry-run").output == "Would delete 5 old events.\n"
    assert dump(config) == before
    assert run("purge --keep 1m --yes").output == "Deleted 5 old events.\n"


def test_who_keeps_a_month_is_not_asked(run: Run, aged: Flask) -> None:
    assert run("purge --keep 29d").exit_code == 7
    assert run("purge --keep 30d").output == "Deleted 5 old events.\n"


def test_at_a_terminal_it_is_asked_and_a_no_deletes_nothing(aged: Flask, config: Config) -> None:
    before = dump(config)
    refused = at_a_terminal(config, "purge", "--keep", "1m", typed=[("[y/N]", "n")])
    assert refused.exit_code == 7
    assert re.search(rf"Delete all events from before {DATE}, for ever\? \[y/N\]", refused.screen)
    assert "Nothing was changed." in refused.screen
    assert dump(config) == before
    taken = at_a_terminal(config, "purge", "--keep", "1m", typed=[("[y/N]", "y")])
    assert (taken.exit_code, taken.screen.splitlines()[-1]) == (0, "Deleted 5 old events.")


def purges(app: Flask) -> list[dict[str, int]]:
    """What the record has of them."""
    with app.app_context():
        return [row.details for row in event.following(Wanted(kinds=("sys_purge",)))]


def test_what_went_is_on_record_and_nothing_where_nothing_went(run: Run, app: Flask, leftovers: None) -> None:
    run("purge --dry-run")
    assert purges(app) == []
    run("purge")
    assert purges(app) == [{"expired session": 3, "expired link": 1}]
    run("purge")
    assert len(purges(app)) == 1
    assert run("events verify").exit_code == 0


def test_old_events_are_told_with_what_else_went(run: Run, aged: Flask, ada: str) -> None:
    fill(aged, 1, 2)
    run("purge --keep 365d")
    assert purges(aged) == [{"expired session": 2, "old event": 5}]


@pytest.mark.parametrize("how", ["told to stop", "out of time"])
def test_what_went_before_it_ended_early_is_on_record(
    run: Run, app: Flask, ada: str, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    fill(app, 1, 60)

    def stop(pace: expiry.Pace) -> None:
        if how == "told to stop":
            raise KeyboardInterrupt
        pace.ends = 0

    monkeypatch.setattr(expiry.Pace, "rest", stop)
    run("purge --max-runtime 60s")
    assert purges(app) == [{"expired session": 25}]


def test_what_was_done_to_the_record_is_not_purged_away(run: Run, aged: Flask, config: Config) -> None:
    with aged.app_context():
        db.session.execute(db.text("UPDATE event SET address = '203.0.113.1' WHERE id = 3"))
        db.session.commit()
    before = dump(config)
    for command in ("purge --keep 365d", "purge --keep 365d --dry-run"):
        told = run(command)
        assert told.exit_code == 7
        assert "not whole at event 3" in told.stderr
        assert dump(config) == before


@pytest.fixture
def rekeyed(aged: Flask, build: Build) -> Flask:
    """The same under a new password key, after the old one was lost, with a thing that happened since."""
    other = build(password_key="another key, also of more than 32 characters")
    with other.app_context():
        history.write(1)
    return other


def test_events_from_before_a_lost_key_go_once_that_is_said(rekeyed: Flask, config: Config) -> None:
    def run(line: str) -> Result:
        return rekeyed.test_cli_runner().invoke(main, line.split())

    before = dump(config)
    assert run("purge --keep 365d").exit_code == 7
    asked = run("purge --keep 365d --unverified 8")
    assert asked.exit_code == 7
    assert "those up to 8 unverified, for ever" in asked.stderr
    assert dump(config) == before
    assert run("purge --keep 365d --unverified 8 --dry-run").output == "Would delete 5 old events.\n"
    assert run("purge --keep 365d --unverified 8 --yes").output == "Deleted 5 old events.\n"
    with rekeyed.app_context():
        (told,) = event.following(Wanted(kinds=("sensitive_delete",)))
        assert told.details == {"object": "events", "first": 1, "due": 5, "unverified": 5}
    assert run("events verify --after 8").output == ""
    with rekeyed.app_context():
        expiry.purge(expiry.Pace(most=2), datetime.now(UTC), unverified=8)
    assert run("events verify").output == ""


def test_what_was_done_since_the_key_was_lost_is_not_purged_away(rekeyed: Flask) -> None:
    with rekeyed.app_context():
        db.session.execute(db.text("UPDATE event SET address = '203.0.113.1' WHERE id = 9"))
        db.session.commit()
        history.write(1)
        with pytest.raises(Declined, match="not whole at event 9"):
            expiry.purge(events_before=datetime.now(UTC), unverified=8)


@pytest.mark.parametrize(
    "pattern", ["--max-runtime 1.5s", "--keep 0d", "--batch 0", "--keep long", "--unverified 5", "--unverified all"]
)
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
    assert second.wait(30) == 0


def test_with_wait_it_is_refused_in_the_end_and_a_person_is_told_meanwhile(
    run: Run, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.lock.LONGEST_WAIT", 0.3)
    with running(config):
        told = run("purge --wait")
        monkeypatch.setattr("cli.output.is_terminal", lambda _: True)
        seen = run("purge --wait")
    ended = (
        "Error: `netflix-admin purge` is running already, and did not end in an hour. See why it hangs, and end it.\n"
    )
    assert (told.exit_code, told.output) == (7, ended)
    assert seen.stderr.startswith("`netflix-admin purge` is running already; waiting for it to end. Ctrl-C gives up.\n")


def has_open(pid: int, path: Path) -> bool:
    try:
        return any(file.readlink() == path for file in Path(f"/proc/{pid}/fd").iterdir())
    except FileNotFoundError:
        # One was closed just now.
        return False
