"""A backup while people write, a loss, a restore: everybody who was in it signs in."""

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from netflix.extensions import db
from tests.served import postgresql
from tests.served.parts import program
from tests.served.postgresql import PostgreSQL
from tests.served.site import ROOT, Site, served
from tests.served.test_postgresql import migrated as made

PEOPLE = 8
MOST = 40


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    with postgresql.running() as server:
        yield server


def admin(site: Site, *args: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cli", *args],
        env=site.env | more,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def register(site: Site, numbers: range) -> None:
    for number in numbers:
        visitor = site.visitor(f"127.1.{number // 200}.{number % 200 + 1}")
        assert visitor.register(f"user{number}@example.org").status == 303


def keep_registering(site: Site, over: threading.Event) -> None:
    number = PEOPLE
    while not over.is_set() and number < MOST:
        register(site, range(number, number + 1))
        number += 1


def through_a_loss(site: Site, backup: Path, lose: Callable[[], None]) -> None:
    register(site, range(PEOPLE))
    over = threading.Event()
    crowd = threading.Thread(target=keep_registering, args=(site, over))
    crowd.start()
    try:
        for _ in range(2):
            told = admin(site, "backup", str(backup), "--yes")
            assert (told.returncode, told.stderr) == (0, "")
    finally:
        over.set()
        crowd.join()
    refused = admin(site, "restore", str(backup), "--yes")
    assert refused.returncode == 7
    assert "Stop the site" in refused.stderr
    site.end()
    lose()
    told = admin(site, "restore", str(backup))
    assert (told.returncode, told.stderr) == (0, "")
    count = int(told.stdout.split()[1])
    assert count >= PEOPLE
    assert admin(site, "events", "verify").returncode == 0
    site.start()
    assert admin(site, "doctor", "--quiet", "--format", "jsonl").stdout.count('"fault"') == 0
    for number in range(count):
        visitor = site.visitor(f"127.2.{number // 200}.{number % 200 + 1}")
        assert visitor.sign_in(f"user{number}@example.org").status == 303, number
        assert visitor.get("/dashboard").status == 200


def test_on_sqlite(folder: Path, tmp_path: Path) -> None:
    def lose() -> None:
        for path in folder.glob("netflix.db*"):
            path.unlink()

    with served(folder) as site:
        through_a_loss(site, tmp_path / "netflix.tar", lose)


def test_on_postgresql(server: PostgreSQL, folder: Path, tmp_path: Path) -> None:
    program("pg_dump")
    url = server.fresh("backups")
    with made(url, folder).app_context():
        db.engine.dispose()

    def lose() -> None:
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            connection.execute("DROP DATABASE backups WITH (FORCE)")
            connection.execute("CREATE DATABASE backups")

    with served(folder, database_url=url) as site:
        through_a_loss(site, tmp_path / "netflix.tar", lose)
        site.end()
        # And over what is there: also a table that the backup does not know goes.
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("DELETE FROM \"user\" WHERE email = 'user1@example.org'")
        assert admin(site, "restore", str(tmp_path / "netflix.tar"), "--yes").returncode == 0
        assert admin(site, "users", "show", "user1@example.org").returncode == 0


def test_what_postgresql_refuses_is_said_and_no_password_is_shown(
    server: PostgreSQL, folder: Path, tmp_path: Path
) -> None:
    program("pg_dump")
    url = server.fresh("refused")
    with made(url, folder).app_context():
        db.engine.dispose()
    seen = tmp_path / "seen"
    fake = tmp_path / "pg_dump"
    fake.write_text(
        f'#!/bin/sh\necho "$@" > {seen}\necho "$PGPASSWORD" >> {seen}\necho "pg_dump: error: no room" >&2\nexit 1\n'
    )
    fake.chmod(0o755)
    site = Site(folder, database_url=url.replace("netflix@", "netflix:a%20secret@"))
    told = admin(site, "backup", str(tmp_path / "netflix.tar"), PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert told.returncode == 7
    assert "`pg_dump` failed (pg_dump: error: no room)" in told.stderr
    arguments, password = seen.read_text().splitlines()
    assert "a secret" not in arguments
    assert password == "a secret"
    assert not list(tmp_path.glob("*.tar")) + list(tmp_path.glob(".netflix*"))
    gone = admin(site, "backup", str(tmp_path / "netflix.tar"), PATH="")
    assert gone.returncode == 7
    assert "There is no `pg_dump` on the path." in gone.stderr


def test_the_copy_is_of_one_moment(folder: Path, tmp_path: Path) -> None:
    """Not of a database that changes while it is read: the record's end is that of its rows."""
    with served(folder) as site:
        over = threading.Event()
        crowd = threading.Thread(target=keep_registering, args=(site, over))
        crowd.start()
        try:
            told = admin(site, "backup", str(tmp_path / "netflix.tar"))
        finally:
            over.set()
            crowd.join()
        assert told.returncode == 0
        site.end()
        assert admin(site, "restore", str(tmp_path / "netflix.tar"), "--yes").returncode == 0
        assert admin(site, "events", "verify").returncode == 0
        with closing(sqlite3.connect(folder / "netflix.db")) as connection:
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
