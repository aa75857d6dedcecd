"""`netflix-admin users import` and `users export`."""

import gzip
import json
import os
import re
import signal
import sqlite3
import stat
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import bcrypt
import flask_migrate
import pytest
from flask import Flask
from sqlalchemy import event as listened
from sqlalchemy import text

from cli import main
from netflix.accounts import roll as roll_of_people
from netflix.accounts.user import User
from netflix.config import Config
from netflix.events import event, verification
from netflix.events.event import Kind, Wanted
from netflix.extensions import db
from tests.cli.conftest import Run
from tests.cli.terminal import COMMAND, at_a_terminal, environment
from tests.conftest import Build
from tests.people import PASSWORD, Browser

LONG = "a very long password " * 5


def hashed(secret: str, version: str = "2b") -> str:
    return bcrypt.hashpw(secret.encode()[:72], bcrypt.gensalt(4)).decode().replace("$2b$", f"${version}$")


@pytest.fixture
def roll(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text(
        "email,admin,disabled,verified,created_at,password_hash\n"
        f"zoe@example.org,yes,,,2020-05-01,{hashed(PASSWORD, '2y')}\n"
        f"tim@example.org,,yes,,,{hashed(PASSWORD, '2a')}\n"
        f"eve@example.org,,,no,,{hashed(LONG)}\n"
        "nil@example.org,,,,,\n"
    )
    return path


def dump(app: Flask) -> list[str]:
    with app.app_context(), closing(sqlite3.connect(str(db.engine.url.database))) as connection:
        return list(connection.iterdump())


def people(run: Run) -> str:
    return run("users list --format jsonl").stdout


def everybody(run: Run) -> dict[str, dict[str, object]]:
    return {row["email"]: row for row in map(json.loads, people(run).splitlines())}


def test_what_a_killed_import_left_of_its_report_is_gone_with_the_next(run: Run, roll: Path, tmp_path: Path) -> None:
    left, *others = (tmp_path / f".report.jsonl.{end}" for end in ("netflix-iivjpqc2", "swp", "original", "20261125"))
    for path in (left, *others):
        path.touch()
    assert run("users", "import", str(roll), "--report", str(tmp_path / "report.jsonl")).exit_code == 0
    assert [path.exists() for path in (left, *others)] == [False, True, True, True]


def test_the_report_never_takes_the_place_of_the_roll(run: Run, roll: Path, tmp_path: Path) -> None:
    before = roll.read_bytes()
    (tmp_path / "same.csv").hardlink_to(roll)
    for name in (roll, tmp_path / "same.csv"):
        done = run("users", "import", str(roll), "--report", str(name))
        assert (done.exit_code, "Name another one" in done.stderr) == (2, True)
    assert roll.read_bytes() == before
    assert everybody(run) == {}


def test_people_come_in_as_their_rows_say(run: Run, app: Flask, roll: Path) -> None:
    done = run("users", "import", str(roll))
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == (
        "Imported 4 users.\n1 of them without a password: `netflix-admin users reset-password` makes a link, "
        "and with --invite an import does.\n"
    )
    people = everybody(run)
    assert people["zoe@example.org"] | {"id": 0} == {
        "email": "zoe@example.org",
        "id": 0,
        "admin": True,
        "disabled": False,
        "has_password": True,
        "verified": True,
        "deleting_at": None,
        "signed_in_at": None,
        "created_at": "2020-05-01T00:00:00Z",
    }
    assert people["tim@example.org"]["disabled"] is True
    assert people["eve@example.org"]["verified"] is False
    assert people["nil@example.org"]["has_password"] is False
    with app.app_context():
        made = event.latest(Wanted(kinds=(Kind.USER_CREATED,)), 10)
        assert sorted(one.user_id or 0 for one in made) == sorted(row["id"] for row in people.values())  # type: ignore[type-var]
        assert all(one.details["imported"] and one.by.startswith("operator:") for one in made)
        assert list(verification.faults()) == []


def test_who_has_still_to_confirm_has_as_long_as_a_newcomer(build: Build, run: Run) -> None:
    terminal = build(purge_unverified=True).test_cli_runner()
    roll = "email,verified,created_at\nold@example.org,no,2019-01-01\n"
    assert terminal.invoke(main, ["users", "import", "-"], input=roll).exit_code == 0
    assert terminal.invoke(main, ["purge"]).output == ""
    assert list(everybody(run)) == ["old@example.org"]


def test_a_password_from_elsewhere_opens_and_is_kept_anew(run: Run, app: Flask, roll: Path, browser: Browser) -> None:
    run("users", "import", str(roll))
    assert browser.sign_in("zoe@example.org", "not hers at all").status_code == 401
    assert browser.sign_in("zoe@example.org").location == "/dashboard"
    assert browser.sign_in("tim@example.org").status_code == 401
    with app.app_context():
        assert str(User.named("zoe@example.org").password_hash).startswith("hs384.")
        assert str(User.named("tim@example.org").password_hash).startswith("$2a$")


def test_of_a_long_one_the_end_counts_from_the_next_sign_in_on(run: Run, roll: Path, browser: Browser) -> None:
    """bcrypt itself looks at 72 bytes, so that is all that the old site kept."""
    run("users", "import", str(roll))
    assert browser.sign_in("eve@example.org", LONG[:71]).status_code == 401
    assert browser.sign_in("eve@example.org", LONG).status_code == 303
    assert browser.sign_in("eve@example.org", LONG[:72]).status_code == 401
    assert browser.sign_in("eve@example.org", LONG).status_code == 303


def test_a_second_run_adds_nobody_and_says_nothing(run: Run, app: Flask, roll: Path) -> None:
    run("users", "import", str(roll))
    before = dump(app)
    again = run("users", "import", str(roll))
    assert (again.exit_code, again.output) == (0, "")
    assert dump(app) == before


@pytest.mark.parametrize("more", ["", "--update"])
def test_a_dry_run_changes_nothing(run: Run, app: Flask, roll: Path, more: str) -> None:
    run("users create tim@example.org --admin --link")
    run("users create boss@example.org --admin --link")
    before = dump(app)
    told = run(f"users import {roll} --dry-run {more}")
    assert told.exit_code == 0
    assert told.stdout.startswith(
        "Would import 3 users; would change 1." if more else "Would import 3 users; 1 was there already."
    )
    assert dump(app) == before


def test_each_refused_row_is_told_and_the_others_come_in(run: Run, tmp_path: Path, ada: str) -> None:
    report = tmp_path / "refused.jsonl"
    text = f"email,admin\n{ada},no\nzoe@example.org,perhaps\nnobody,no\n\x1b[31m@example.org,no\ntim@example.org,no\n"
    done = run("users", "import", "-", "--report", str(report), given=text)
    assert done.exit_code == 8
    assert done.stdout.startswith("Imported 1 user; 1 was there already; 3 rows refused.")
    assert done.stderr.splitlines()[0] == "Line 3, zoe@example.org: Its admin is “perhaps”. Write yes or no."
    assert "\x1b" not in done.stderr
    rows = [json.loads(line) for line in report.read_text().splitlines()]
    assert [row["line"] for row in rows] == [3, 4, 5]
    assert [set(row) for row in rows] == [{"line", "email", "reason", "row"}] * 3
    assert "\x1b" not in report.read_text()
    assert stat.S_IMODE(report.stat().st_mode) == 0o600


def test_what_was_refused_can_be_mended_and_imported_again_and_tells_no_secret(
    run: Run, tmp_path: Path, grace: str
) -> None:
    report = tmp_path / "refused.jsonl"
    kept = hashed(PASSWORD)
    lines = [
        {"email": "zoe@example.org", "admin": "perhaps", "created_at": "2020-05-01", "password_hash": kept},
        {"email": "tim@example.org", "password": kept},
        {"email": grace, "admin": False, "disabled": False, "created_at": "2020-05-01"},
    ]
    given = "\n".join(map(json.dumps, [*lines, lines[2]])) + f'\n{{"email": "eve@example.org", "{kept}\n'
    assert run("users", "import", "-", "--update", "--report", str(report), given=given).exit_code == 7
    assert kept not in report.read_text()
    rows = [json.loads(line)["row"] for line in report.read_text().splitlines()]
    assert rows == [
        {"email": "zoe@example.org", "admin": "perhaps", "created_at": "2020-05-01"},
        {"email": "tim@example.org"},
        {"email": grace, "admin": False, "disabled": False, "created_at": "2020-05-01T00:00:00Z"},
        {"email": grace, "admin": False, "disabled": False, "created_at": "2020-05-01T00:00:00Z"},
        None,
    ]
    again = "\n".join(json.dumps(row) for row in rows if row).replace("perhaps", "yes")
    run("users", "import", "-", given=again)
    assert everybody(run)["zoe@example.org"]["admin"] is True


def test_when_no_row_can_be_taken_it_is_refused(run: Run) -> None:
    assert run("users", "import", "-", given="email\nnobody\n").exit_code == 7


def test_a_file_that_is_no_roll_is_refused_whole(run: Run, app: Flask) -> None:
    before = dump(app)
    refused = run("users", "import", "-", given="name,mail\nAda,ada@example.org\n")
    assert refused.exit_code == 7
    assert "names no column `email`" in refused.stderr
    assert dump(app) == before


def test_links_are_all_of_standard_output(run: Run, roll: Path, browser: Browser) -> None:
    done = run("users", "import", str(roll), "--invite")
    assert done.stderr == "Imported 4 users.\n"
    ((email, link),) = (line.split("\t") for line in done.stdout.splitlines())
    assert email == "nil@example.org"
    path = link.removeprefix("http://127.0.0.1:5000")
    chosen = browser.post("/recover/", {"password": "four loud kettles"}, page=path)
    assert chosen.status_code == 303
    assert browser.sign_in("nil@example.org", "four loud kettles").status_code == 303


def test_a_second_run_invites_anew_whoever_did_not_come_in(run: Run, app: Flask, roll: Path, browser: Browser) -> None:
    """The first one may have been killed before it printed."""
    with roll.open("a") as file:
        file.write("off@example.org,,yes,,,\nnew@example.org,,,,,\nhere@example.org,,,,,\n")
    run("users create here@example.org --link")
    first = dict(line.split("\t") for line in run("users", "import", str(roll), "--invite").stdout.splitlines())
    assert list(first) == ["new@example.org", "nil@example.org", "here@example.org"]
    path = urlsplit(first["new@example.org"]).path
    assert browser.post("/recover/", {"password": "four loud kettles"}, page=path).status_code == 303
    before = people(run)
    again = run("users", "import", str(roll), "--invite")
    assert again.stderr == "Imported 0 users; 7 were there already; 2 who were there got a new link.\n"
    second = dict(line.split("\t") for line in again.stdout.splitlines())
    assert list(second) == ["here@example.org", "nil@example.org"]
    assert people(run) == before
    old, fresh = (urlsplit(links["nil@example.org"]).path for links in (first, second))
    assert browser.get(old).status_code == 410
    assert browser.post("/recover/", {"password": "four loud kettles"}, page=fresh).status_code == 303
    assert browser.sign_in("nil@example.org", "four loud kettles").status_code == 303
    with app.app_context():
        assert len(event.latest(Wanted(kinds=(Kind.LINK_MADE,)), 99)) == 6
        assert list(verification.faults()) == []
    assert len(run("users", "import", str(roll), "--invite", "--update").stdout.splitlines()) == 1


def test_a_dry_run_counts_the_links_and_makes_none(run: Run, app: Flask, roll: Path) -> None:
    run("users create here@example.org --link")
    run("users create zoe@example.org --link")
    with roll.open("a") as file:
        file.write("off@example.org,,yes,,,\nhere@example.org,,,,,\n")
    before = dump(app)
    told = run(f"users import {roll} --invite --update --dry-run")
    assert (told.exit_code, told.stderr) == (0, "")
    assert told.stdout == (
        "Would import 4 users and print 2 links; would change 1; 1 was there already; "
        "1 who was there would get a new link.\n"
    )
    assert dump(app) == before
    assert len(run(f"users import {roll} --invite --update").stdout.splitlines()) == 2


def test_links_that_cannot_be_printed_are_made_anew_by_the_same_again(config: Config, run: Run, roll: Path) -> None:
    for kept in ("4 users were imported before that, and stay", "No user was imported before that"):
        with open("/dev/full", "w") as nowhere:
            told = subprocess.run(
                [*COMMAND, "users", "import", str(roll), "--invite"],
                env=environment(config),
                stdout=nowhere,
                stderr=subprocess.PIPE,
                text=True,
            )
        assert told.returncode == 1
        assert told.stderr == (
            "Error: It stopped, since links could not be printed (No space left on device); those are lost, and later "
            f"rows are not imported. {kept}. Mend the output, and run the same again: it makes and prints new links, "
            "and goes on.\n"
        )
    assert run("users", "import", str(roll), "--invite").stdout.startswith("nil@example.org\thttp")


def test_an_update_makes_them_as_the_rows_say_by_the_acts_that_there_are(
    run: Run, app: Flask, roll: Path, grace: str, browser: Browser
) -> None:
    run("users create zoe@example.org --password-stdin", given="four loud kettles")
    run("users create tim@example.org --link")
    browser.sign_in("zoe@example.org", "four loud kettles")
    done = run("users", "import", "-", "--update", given=f"email,admin\n{grace},no\n")
    assert (done.exit_code, done.stdout) == (7, "Imported 0 users; 1 row refused.\n")
    assert "only administrator" in done.stderr
    done = run("users", "import", str(roll), "--update")
    assert (done.exit_code, done.stdout.splitlines()[0]) == (0, "Imported 2 users; changed 2.")
    people = everybody(run)
    assert people["zoe@example.org"]["admin"] is True
    assert people["tim@example.org"]["disabled"] is True
    assert people["tim@example.org"]["has_password"] is True
    # Who was promoted signs in anew, with the password that they have.
    assert browser.get("/dashboard").status_code == 303
    assert browser.sign_in("zoe@example.org", "four loud kettles").status_code == 303
    assert run("users", "import", str(roll), "--update").stdout == ""
    assert run("users", "import", "-", "--update", given=f"email,admin\n{grace},no\n").stdout.startswith("Imported 0")
    with app.app_context():
        assert list(verification.faults()) == []


def test_a_malformed_row_far_below_costs_itself_alone(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    rows = [f"{n}@example.org,no\n" for n in range(2500)]
    rows[2000] = '"2000@example.org,no\n'
    path.write_text("email,admin\n" + "".join(rows))
    done = run("users", "import", str(path))
    assert done.exit_code == 8
    assert done.stderr.startswith("Line 2002: ")
    assert len(run("users list").stdout.splitlines()) == 2499


@pytest.mark.parametrize("source", ["file", "-"])
def test_a_packed_file_is_unpacked(run: Run, roll: Path, tmp_path: Path, source: str) -> None:
    packed = tmp_path / "people.csv.gz"
    packed.write_bytes(gzip.compress(roll.read_bytes()))
    name, given = ("-", packed.read_bytes()) if source == "-" else (str(packed), b"")
    assert run("users", "import", name, given=given).stdout.startswith("Imported 4 users.")


def test_of_a_broken_archive_what_came_before_stays(run: Run, tmp_path: Path) -> None:
    packed = tmp_path / "people.csv.gz"
    rows = "".join(f"{os.urandom(9).hex()}@example.org\n" for _ in range(3000))
    packed.write_bytes(gzip.compress(f"email\n{rows}".encode())[:-9000])
    told = run("users", "import", str(packed))
    assert (told.exit_code, told.stdout) == (7, "")
    kept = len(everybody(run))
    assert kept in (1000, 2000)
    assert f"The file is compressed, and broken. {kept:,} users were imported before that, and stay" in told.stderr
    assert told.stderr.endswith("Get it once more.\n")


def test_a_file_that_is_there_is_written_over_when_that_is_meant(
    run: Run, config: Config, tmp_path: Path, ada: str
) -> None:
    file = tmp_path / "out.csv"
    assert run("users", "export", str(file)).output == ""
    before = file.read_bytes()
    run("users create zoe@example.org --link")
    told = run("users", "export", str(file))
    assert (told.exit_code, told.stdout) == (4, "")
    assert f"'{file}' is there already. Name another file, or add --yes." in told.stderr
    assert file.read_bytes() == before
    seen = at_a_terminal(config, "users", "export", str(file), "--yes", columns=500)
    assert seen == (0, f"Wrote 2 users into {file} (0.0 MB).\n")
    assert file.read_text().count("\n") == 3


@pytest.mark.parametrize(("name", "code"), [("a.txt", 2), ("a", 2), ("a.csv.gz", 2), ("a.NDJSON", 0), ("a.json", 0)])
def test_an_ending_that_says_nothing_wants_a_format(run: Run, tmp_path: Path, ada: str, name: str, code: int) -> None:
    file = tmp_path / name
    told = run("users", "export", str(file))
    assert told.exit_code == code
    assert ("Give --format, or another name." in told.stderr) == bool(code)
    assert file.exists() == (not code)
    for form in ("csv", "jsonl"):
        assert run("users", "export", str(file), "--format", form, "--yes").exit_code == 0
        assert file.read_text().startswith("email,") == (form == "csv")


def test_killed_midway_it_leaves_whole_batches_and_a_second_run_ends_it(config: Config, app: Flask, run: Run) -> None:
    env = environment(config)
    process = subprocess.Popen(
        [*COMMAND, "users", "import", "-", "--batch", "100"], env=env, stdin=-1, stdout=-1, stderr=-1
    )
    assert process.stdin
    rows = ["email\n", *(f"{n:04}@example.org\n" for n in range(1000))]
    process.stdin.write("".join(rows[:551]).encode())
    process.stdin.flush()

    def count() -> int:
        with app.app_context():
            return int(db.session.scalar(text("SELECT count(*) FROM user")))

    while count() < 500:
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert count() == 500
    with app.app_context():
        assert event.length() == 500
        assert list(verification.faults()) == []
    done = run("users", "import", "-", given="".join(rows))
    assert done.stdout.startswith("Imported 500 users; 500 were there already.")


def test_ctrl_c_says_what_is_in(config: Config) -> None:
    process = subprocess.Popen(
        [*COMMAND, "users", "import", "-", "--batch", "1"],
        env=environment(config),
        stdin=-1,
        stdout=-1,
        stderr=-1,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdin
    process.stdin.write(b"email\nada@example.org\n")
    process.stdin.flush()
    with closing(sqlite3.connect(str(config.instance / "netflix.db"))) as connection:
        while connection.execute("SELECT count(*) FROM user").fetchone() != (1,):
            assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, told = process.communicate()
    assert process.returncode == 130
    assert b"1 user were imported before that" not in told
    assert b"1 user was imported before that, and stays; run the same again to go on." in told


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("", "1 user was imported before that, and stays; run the same again to go on."),
        ("--dry-run", "It was a dry run: nothing was changed."),
    ],
)
def test_who_ends_it_is_told_what_is_in(
    run: Run, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, code: int, more: str, told: str
) -> None:
    read = roll_of_people.read

    def ended(*args: Any) -> Any:
        with closing(read(*args)) as rows:
            yield next(rows)
            signal.raise_signal(number)
            yield from rows

    monkeypatch.setattr(roll_of_people, "read", ended)
    done = run(f"users import - --batch 1 {more}", given="email\nada@example.org\ngrace@example.org\n")
    assert (done.exit_code, done.stdout, done.stderr) == (code, "", f"{told}\n")
    assert list(everybody(run)) == ([] if more else ["ada@example.org"])


def on_each_connection(app: Flask, pragma: str) -> None:
    with app.app_context():
        db.engine.dispose()

        @listened.listens_for(db.engine, "checkout")
        def prepare(connection: sqlite3.Connection, *_: object) -> None:
            connection.execute(pragma)


def test_a_full_disk_keeps_what_was_committed_and_says_so(run: Run, app: Flask, config: Config) -> None:
    with closing(sqlite3.connect(str(config.instance / "netflix.db"))) as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
    on_each_connection(app, f"PRAGMA max_page_count = {pages + 60}")
    rows = "".join(f"{n:05}.{'x' * 200}@example.org\n" for n in range(2000))
    full = run("users", "import", "-", "--batch", "50", given=f"email\n{rows}")
    assert (full.exit_code, full.stdout) == (6, "")
    assert "no room" in full.stderr
    kept = len(run("users list").stdout.splitlines())
    assert kept
    assert kept % 50 == 0
    assert f"{kept:,} users were imported before that, and stay; run the same again to go on." in full.stderr


def test_a_locked_database_is_told(run: Run, app: Flask, config: Config, roll: Path) -> None:
    on_each_connection(app, "PRAGMA busy_timeout = 20")
    with closing(sqlite3.connect(str(config.instance / "netflix.db"))) as connection:
        connection.execute("BEGIN IMMEDIATE")
        told = run("users", "import", str(roll))
    assert told.exit_code == 6
    assert "busy with something else. No user was imported" in told.stderr


def test_a_person_sees_how_far_it_is_and_the_first_refusals(config: Config, tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    path.write_text("email\n" + "".join(f"{'x' * 240}{n}@\n" for n in range(3000)))
    seen = at_a_terminal(config, "users", "import", str(path)).screen
    assert "Importing" in seen
    # A step that is longer than the line would be a new line each time.
    steps = [step for step in re.split(r"[\r\n]", re.sub(r"\x1b\[[?0-9]*[A-Za-z]", "", seen)) if "Importing" in step]
    assert steps
    assert max(len(step) for step in steps) <= 80
    assert seen.count("Line ") == 20
    assert "… and 2,980 more: --report FILE has all of them." in seen


def test_what_was_exported_is_imported_alike(
    run: Run, build: Build, config: Config, tmp_path: Path, roll: Path
) -> None:
    run("users", "import", str(roll))
    run("users create ada@example.org --generate")
    run("users create leaving@example.org --link")
    with build().app_context():
        user = User.named("leaving@example.org")
        user.deleting_at = user.created_at
        db.session.commit()
    for name in ("people.jsonl", "out.csv"):
        file = tmp_path / name
        exported = run("users", "export", str(file), "--with-hashes")
        assert exported.exit_code == 0
        assert "can guess" in exported.stderr
        assert "1 user asked to be deleted, and is left out." in exported.stderr
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert os.listdir(tmp_path).count(f".{name}") == 0
        other = build(database_url=f"sqlite:///{tmp_path / name}.db")
        with other.app_context():
            flask_migrate.upgrade()
        done = other.test_cli_runner().invoke(main, ["users", "import", str(file)])
        assert (done.exit_code, done.stdout.splitlines()[0]) == (0, "Imported 5 users.")
        again = other.test_cli_runner().invoke(main, ["users", "export", "--with-hashes"])
        here = run("users", "export", "-", "--with-hashes")
        # Who has still to confirm is as new as the import.
    alike = [re.sub(r'("verified": false.*"created_at": )"[^"]*"', r"\1", one.stdout) for one in (again, here)]
    assert sorted(alike[0].splitlines()) == sorted(alike[1].splitlines())


@pytest.mark.parametrize("command", ["users export", "users list --format jsonl", "users export --format csv"])
def test_who_reads_no_further_and_a_full_disk_are_told_without_a_traceback(
    run: Run, config: Config, tmp_path: Path, command: str
) -> None:
    run("users import -", given="email\n" + "".join(f"p{number}@example.org\n" for number in range(3000)))
    full = [*COMMAND, *command.split()]
    with open("/dev/full", "w") as nowhere:
        told = subprocess.run(full, env=environment(config), stdout=nowhere, stderr=subprocess.PIPE, text=True)
    assert told.returncode == 1
    assert len(told.stderr.splitlines()) == 1
    assert "found no room (No space left on device). Make room on that disk, and run it again." in told.stderr
    with subprocess.Popen(
        full, env=environment(config), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as reading:
        assert reading.stdout
        assert reading.stderr
        reading.stdout.readline()
        reading.stdout.close()
        assert reading.stderr.read() == ""
        assert reading.wait(30) == 0
