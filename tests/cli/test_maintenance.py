"""`netflix-admin db`."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask

from netflix import schema
from netflix.config import Config
from netflix.events import event
from netflix.events.event import Kind, Wanted
from netflix.extensions import db
from tests.cli.conftest import Run
from tests.cli.terminal import COMMAND, at_a_terminal, environment, in_a_pipe

LATER = "9999"


def changed(app: Flask, statement: str) -> None:
    with app.app_context():
        db.session.execute(db.text(statement))
        db.session.commit()


def steps(app: Flask) -> list[tuple[str, str]]:
    with app.app_context():
        found = event.following(Wanted(kinds=(Kind.MIGRATED,)))
        return [(row.details["from"], row.details["to"]) for row in found]


def dump(config: Config) -> list[str]:
    with closing(sqlite3.connect(config.instance / "netflix.db")) as connection:
        return list(connection.iterdump())


def test_a_site_is_made_and_brought_up_and_what_is_up_is_left_in_silence(config: Config, tmp_path: Path) -> None:
    (tmp_path / "netflix.db").unlink()
    assert in_a_pipe(config, "users", "list").returncode == 6
    migrated = in_a_pipe(config, "db", "upgrade")
    assert (migrated.returncode, migrated.stdout) == (0, f"The database is at version {schema.head()}.\n")
    assert in_a_pipe(config, "users", "list").returncode == 0
    again = in_a_pipe(config, "db", "upgrade")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert in_a_pipe(config, "events", "list").stdout == ""


def test_the_version_is_shown_and_all_of_them(run: Run) -> None:
    assert run("db current").stdout == f"{schema.head()} (head)\n"
    rows = json.loads(run("db history --format json").stdout)
    assert {row["version"] for row in rows} == schema.versions()
    assert [row["version"] for row in rows if row["present"]] == [schema.head()]
    assert all(row["applied"] for row in rows)


def test_down_and_up_again_stands_in_a_record_that_is_whole(app: Flask, run: Run, ada: str) -> None:
    assert run("db downgrade 0014 --yes").exit_code == 0
    assert run("db current").stdout == "0014\n"
    rows = json.loads(run("db history --format json").stdout)
    assert {row["version"] for row in rows if not row["applied"]} == {one for one in schema.versions() if one > "0014"}
    assert [row["version"] for row in rows if row["present"]] == ["0014"]
    assert run("users list").exit_code == 6
    assert run("db upgrade 0015").stdout == "The database is at version 0015, and was at 0014.\n"
    assert run("db upgrade").stdout == f"The database is at version {schema.head()}, and was at 0015.\n"
    assert steps(app) == [(schema.head(), "0014"), ("0015", schema.head())]
    assert run("events verify").exit_code == 0


def test_a_dry_run_says_where_it_would_go_and_stays(run: Run, config: Config, ada: str) -> None:
    before = dump(config)
    assert run("db upgrade --dry-run").output == ""
    down = run("db downgrade 0014 --dry-run")
    assert down.output == f"Dry run: The database is at version 0014, and was at {schema.head()}.\n"
    assert dump(config) == before
    run("db downgrade 0014 --yes")
    before = dump(config)
    up = run("db upgrade --dry-run")
    assert up.output == f"Dry run: The database is at version {schema.head()}, and was at 0014.\n"
    assert dump(config) == before


@pytest.mark.parametrize("command", ["upgrade", "downgrade"])
def test_an_empty_version_is_a_slip_and_not_the_one_before(run: Run, config: Config, command: str) -> None:
    """Such as a variable that was not set."""
    before = dump(config)
    refused = run("db", command, "", *(["--yes"] if command == "downgrade" else []))
    assert (refused.exit_code, "There is no version ''" in refused.stderr) == (2, True)
    assert dump(config) == before


def test_a_folder_that_is_not_there_is_said(config: Config, tmp_path: Path) -> None:
    told = in_a_pipe(config, "db", "upgrade", NETFLIX_DATABASE_URL=f"sqlite:///{tmp_path}/nowhere/x.db")
    assert told.returncode == 6
    assert told.stderr == (
        "Error: The database cannot be opened (unable to open database file). "
        "Check NETFLIX_DATABASE_URL, and the modes of its file and folder.\n"
    )


def test_a_dry_run_makes_no_site(config: Config, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    for command in (["db", "upgrade"], ["restore", __file__]):
        tried = subprocess.run(
            [*COMMAND, *command, "--dry-run"],
            env=environment(config) | {"NETFLIX_INSTANCE": str(nowhere)},
            capture_output=True,
            text=True,
        )
        assert f"There is no site in {nowhere}" in tried.stderr
        assert not nowhere.exists()


def test_without_a_version_it_goes_one_back(run: Run) -> None:
    told = run("db downgrade --yes")
    (before,) = schema.versions() & {f"{int(schema.head()) - 1:04}"}
    assert told.stdout == f"The database is at version {before}, and was at {schema.head()}.\n"
    assert run(f"db downgrade {before}").stderr == f"The database is at version {before} already.\n"


def test_before_tables_go_it_asks(config: Config, run: Run) -> None:
    before = dump(config)
    refused = run("db downgrade 0015")
    assert refused.exit_code == 7
    assert "Add --yes" in refused.stderr
    told = at_a_terminal(config, "db", "downgrade", "base", typed=[("everything in them?", "n")])
    assert told.exit_code == 7
    assert "Nothing was changed." in told.screen
    assert dump(config) == before


def test_while_the_site_has_the_database_no_table_is_taken_from_it(config: Config) -> None:
    with closing(sqlite3.connect(config.instance / "netflix.db")) as served:
        served.execute("SELECT 1 FROM alembic_version").fetchone()
        refused = in_a_pipe(config, "db", "downgrade", "--yes")
        assert refused.returncode == 7
        assert "Stop the site" in refused.stderr
        # An upgrade is what one does then.
        assert in_a_pipe(config, "db", "upgrade").returncode == 0
    assert in_a_pipe(config, "db", "current").stdout == f"{schema.head()} (head)\n"


def test_a_site_that_answers_keeps_its_tables(config: Config, answering: None) -> None:
    refused = in_a_pipe(config, "db", "downgrade", "--yes")
    assert refused.returncode == 7
    assert "The site is running, at 127.0.0.1" in refused.stderr


@pytest.mark.parametrize("command", ["current", "check", "history", "upgrade", "downgrade --yes"])
def test_a_version_that_only_a_later_site_knows_is_said_and_left_alone(
    app: Flask, run: Run, config: Config, command: str
) -> None:
    changed(app, f"UPDATE alembic_version SET version_num = '{LATER}'")  # noqa: S608
    before = dump(config)
    refused = run(f"db {command}")
    assert (refused.exit_code, refused.stdout) == (6, "")
    assert f"is at version {LATER}, which a later version of the site made. Update the site" in refused.stderr
    assert dump(config) == before


@pytest.mark.parametrize("command", [f"upgrade {LATER}", f"downgrade {LATER}", "upgrade base", "downgrade head"])
def test_what_is_no_version_is_a_slip(run: Run, command: str) -> None:
    refused = run(f"db {command}")
    assert refused.exit_code == 2
    assert "netflix-admin db history" in refused.stderr


def test_up_is_not_down(run: Run) -> None:
    up = run("db upgrade 0012")
    assert (up.exit_code, "netflix-admin db downgrade 0012" in up.stderr) == (7, True)
    run("db downgrade 0012 --yes")
    down = run("db downgrade 0013 --yes")
    assert (down.exit_code, "netflix-admin db upgrade 0013" in down.stderr) == (7, True)


def test_check_is_silent_or_names_what_somebody_changed(app: Flask, run: Run) -> None:
    told = run("db check")
    assert (told.exit_code, told.output) == (0, "")
    changed(app, "ALTER TABLE ban ADD COLUMN more TEXT")
    changed(app, "CREATE TABLE another (id INTEGER)")
    refused = run("db check")
    assert refused.exit_code == 6
    assert "somebody changed another, ban." in refused.stderr


@pytest.mark.parametrize("command", ["current", "check", "downgrade"])
def test_a_database_without_tables_is_told_with_the_remedy(
    build: Callable[..., Flask], tmp_path: Path, command: str
) -> None:
    (tmp_path / "empty.db").touch()
    told = in_a_pipe(
        build(database_url=f"sqlite:///{tmp_path / 'empty.db'}").extensions["netflix-config"], "db", command
    )
    assert told.returncode == 6
    assert "not migrated" in told.stderr
    assert "netflix-admin db upgrade" in told.stderr


def test_an_older_site_s_database_is_migrated_by_flask_too_and_that_is_written_down(
    app: Flask, run: Run, config: Config
) -> None:
    run("db downgrade 0015 --yes")
    flask = (sys.executable, "-m", "flask", "--app", "netflix", "db", "upgrade")
    subprocess.run(flask, env=environment(config), check=True)
    assert steps(app) == [(schema.head(), "0015"), ("0015", schema.head())]
