"""`netflix-admin doctor`: each fault is planted alone, and it finds just that one."""

import json
import re
import resource
import shlex
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import URL
from sqlalchemy import event as listening
from sqlalchemy.exc import OperationalError

from cli import main
from netflix import database
from netflix.bans import ban, network
from netflix.config import Config
from netflix.events import event
from netflix.events.event import Kind
from netflix.extensions import db
from netflix.health import doctor, machine
from netflix.health import redis as health_of_redis
from netflix.health.finding import Finding
from netflix.limits.key import Key
from netflix.limits.policy import LIMITS
from netflix.mail import outbox
from tests.cli.conftest import Run
from tests.cli.terminal import COMMAND, at_a_terminal, environment, in_a_pipe
from tests.conftest import Build
from tests.mail.server import MailServer

WELL = {"bcrypt_rounds": 10, "secret_key": ("another key, of which nobody could say that it repeats itself",)}
MAIL = {"mail_url": "smtp://127.0.0.1:9", "mail_from": "films@example.net"}


@pytest.fixture
def healthy(build: Build, config: Config) -> Flask:
    """A site of which there is nothing to say, but that it is not served."""
    (config.instance / "netflix.db").chmod(0o600)
    app = build(**WELL)
    with app.app_context():
        for number in range(40):
            event.record(Kind.SIGN_IN_FAILED, number, "192.0.2.10", told="x" * 200)
        db.session.commit()
        db.session.remove()
    return app


def plain(screen: str) -> str:
    """Without colours."""
    return re.sub("\x1b[^m]*m", "", screen)


def told_rows(app: Flask) -> list[dict[str, str]]:
    return json.loads(app.test_cli_runner().invoke(main, ["doctor", "--format", "json"]).stdout)


def found(app: Flask, *more: str) -> tuple[int, dict[str, tuple[str, str]]]:
    """The exit code, and the checks that are not ok, each with its state and sentence."""
    told = app.test_cli_runner().invoke(main, ["doctor", "--format", "json", *more])
    rows = json.loads(told.stdout)
    assert len({row["check"] for row in rows}) == len(rows)
    assert all(bool(row["remedy"]) == (row["state"] != "ok") for row in rows)
    return told.exit_code, {row["check"]: (row["state"], row["found"]) for row in rows if row["state"] != "ok"}


def test_of_a_site_that_is_well_there_is_nothing_to_say(healthy: Flask) -> None:
    code, told = found(healthy)
    assert code == 0
    assert told == {"site": ("warning", f"No site is served from {healthy.extensions['netflix-config'].instance}.")}


def test_it_changes_nothing(healthy: Flask, config: Config, redis: Redis) -> None:
    redis.set("another program's", 1)

    def dump() -> list[str]:
        with closing(sqlite3.connect(config.instance / "netflix.db")) as connection:
            return list(connection.iterdump())

    before, keys = dump(), redis.keys()
    found(healthy)
    assert (dump(), redis.keys()) == (before, keys)


def changed(statement: str) -> None:
    """As somebody does who does not care what belongs to what."""
    with closing(db.engine.raw_connection()) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")  # type: ignore[attr-defined]
        connection.execute(statement)  # type: ignore[attr-defined]
        connection.commit()
    db.engine.dispose()


def damage(config: Config) -> None:
    """A page that holds events is overwritten."""
    db.session.remove()
    path = config.instance / "netflix.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'event'").fetchone()
    db.engine.dispose()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * 600)


def forbid_writing(_: object) -> None:
    @listening.listens_for(db.engine, "checkout")
    def forbid(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute("PRAGMA query_only = ON")


PLANTED_IN_THE_DATABASE: dict[str, tuple[Callable[[Config], object], str, str]] = {
    "an old schema": (
        lambda _: changed("UPDATE alembic_version SET version_num = '0011'"),
        "schema",
        "is at version 0011",
    ),
    "no tables": (lambda _: changed("DROP TABLE alembic_version"), "schema", "no such table"),
    "a damaged page": (damage, "integrity", "damaged"),
    "rows that lost their user": (
        lambda _: changed("INSERT INTO recovery_code (user_id, hashed) VALUES (99, 'x')"),
        "integrity",
        "1 row belongs to nothing that is there, in: recovery_code.",
    ),
    "read-only": (forbid_writing, "writable", "readonly"),
    "an event that was changed": (
        lambda _: changed("UPDATE event SET address = '203.0.113.1' WHERE id = 3"),
        "record",
        "Event 3 is not what was written.",
    ),
}


@pytest.mark.parametrize("what", PLANTED_IN_THE_DATABASE)
def test_a_fault_of_the_database_is_found(healthy: Flask, config: Config, what: str) -> None:
    plant, check, words = PLANTED_IN_THE_DATABASE[what]
    with healthy.app_context():
        plant(config)
    code, told = found(healthy)
    assert code == 7
    assert set(told) == {check, "site"}
    assert told[check][0] == "fault"
    assert words in told[check][1]


def test_no_database_is_made_by_looking_for_one(healthy: Flask, config: Config) -> None:
    with healthy.app_context():
        db.engine.dispose()
    for path in config.instance.glob("netflix.db*"):
        path.unlink()
    code, told = found(healthy)
    assert (code, set(told)) == (7, {"schema", "site"})
    assert told["schema"][1] == f"There is no site in {config.instance} yet."
    listed = healthy.test_cli_runner().invoke(main, ["users", "list"])
    assert (listed.exit_code, f"There is no site in {config.instance} yet." in listed.stderr) == (6, True)
    assert not list(config.instance.glob("netflix.db*"))


@contextmanager
def no_file_grows() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("is_full", [True, False])
def test_a_full_disk_is_told_as_that_and_never_by_the_doctor_as_to_ask_the_doctor(
    healthy: Flask, monkeypatch: pytest.MonkeyPatch, is_full: bool
) -> None:
    monkeypatch.setattr(database, "NO_ROOM", 1 << 60 if is_full else 0)
    with healthy.app_context():
        db.engine.dispose()
    with no_file_grows():
        rows = {row["check"]: row for row in told_rows(healthy)}
        created = healthy.test_cli_runner().invoke(main, ["users", "create", "ada@example.org", "--link"])
    assert created.exit_code == 6
    for told in (created.stderr, rows["schema"]["found"]):
        assert ("There is no room left" in told) == is_full
        assert ("The database failed (disk I/O error)." in told) == (not is_full)
    assert "netflix-admin doctor" not in rows["schema"]["remedy"]


@pytest.mark.parametrize("name", ["a b.db", "per%20cent?.db", "h#sh.db"])
def test_a_database_of_whatever_name_is_opened_and_not_made(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    url = URL.create("sqlite", database=str(path))
    with pytest.raises(OperationalError, match="unable to open"):
        database.engine(url).connect()
    assert not path.exists()
    path.touch()
    with database.engine(url).connect() as connection:
        connection.exec_driver_sql("CREATE TABLE made (id INTEGER)")
        connection.commit()
    assert list(tmp_path.iterdir()) == [path]
    assert path.stat().st_size


@pytest.mark.parametrize("has_record", [True, False])
def test_another_password_key_is_found_as_that_and_no_event_is_blamed(
    build: Build, healthy: Flask, ada: str, has_record: bool
) -> None:
    with healthy.app_context():
        if not has_record:
            changed("DELETE FROM event")
            changed("UPDATE event_chain SET length = 0, digest = zeroblob(32)")
    code, told = found(build(**WELL, password_key="Y2c9WqT7mX4pL0sVbN6hJ3kRzF8gD1aEuQoSiM5yPtHwCxKr"))
    assert (code, set(told)) == (7, {"password key", "site"})
    assert told["password key"] == ("fault", "The password key is another one than the accounts were made under.")


def test_what_is_from_before_a_lost_key_is_told_in_one_sentence(build: Build, healthy: Flask) -> None:
    with healthy.app_context():
        last = event.length()
    other = build(**WELL, password_key="Y2c9WqT7mX4pL0sVbN6hJ3kRzF8gD1aEuQoSiM5yPtHwCxKr")
    with other.app_context():
        event.record(Kind.SIGN_IN_FAILED, 1, "192.0.2.10")
        db.session.commit()
    _, told = found(other)
    words = f"Events up to {last} are from another password key, or were tampered with."
    assert told["record"] == ("fault", words)


def test_a_record_of_which_one_event_is_right_is_of_this_key(healthy: Flask) -> None:
    with healthy.app_context():
        changed("UPDATE event SET address = '203.0.113.1' WHERE id <> 7")
        changed("UPDATE event_chain SET seal = x'00'")
    _, told = found(healthy)
    assert set(told) == {"record", "site"}


@contextmanager
def policy(redis: Redis) -> Iterator[None]:
    redis.config_set("maxmemory-policy", "allkeys-lru")
    yield
    redis.config_set("maxmemory-policy", "noeviction")


@contextmanager
def full(redis: Redis) -> Iterator[None]:
    most = redis.config_get("maxmemory")["maxmemory"] or 0
    redis.config_set("maxmemory", 1)
    yield
    redis.config_set("maxmemory", most)


@contextmanager
def replica(redis: Redis) -> Iterator[None]:
    redis.replicaof("127.0.0.1", 1)
    yield
    redis.replicaof("NO", "ONE")


@contextmanager
def password(redis: Redis) -> Iterator[None]:
    redis.config_set("requirepass", "that nobody was told")
    yield
    redis.config_set("requirepass", "")


@contextmanager
def key(redis: Redis, name: str) -> Iterator[None]:
    redis.lpush(name, 1)
    yield
    redis.delete(name)


PLANTED_IN_REDIS: dict[str, tuple[Callable[[Redis], object], str, str]] = {
    "it is full": (full, "redis", "does not take what is asked of it (command not allowed when used memory >"),
    "it is a replica": (replica, "redis", "does not take what is asked of it (You can't write against"),
    "it wants a password": (password, "redis", "(it wants a password, or another one)"),
    "it evicts": (policy, "redis memory", "allkeys-lru"),
    "a key of others": (lambda redis: key(redis, "netflix:limits:of another"), "foreign keys", "of another"),
    "a counter for ever": (
        lambda redis: key(redis, str(Key(LIMITS[0], 60, "192.0.2.9"))),
        "counters",
        f"{Key(LIMITS[0], 60, '192.0.2.9')} (no expiry)",
    ),
}


@pytest.mark.parametrize("what", PLANTED_IN_REDIS)
def test_a_fault_of_redis_is_found(healthy: Flask, redis: Redis, what: str) -> None:
    plant, check, words = PLANTED_IN_REDIS[what]
    with plant(redis):  # type: ignore[attr-defined]
        code, told = found(healthy)
    assert (code, set(told), told[check][0]) == (7, {check, "site"}, "fault")
    assert words in told[check][1]


@pytest.mark.parametrize(
    ("url", "command"),
    [
        ("unix:///srv/a%20b/redis.sock", "redis-cli -s '/srv/a b/redis.sock'"),
        ("unix:///srv/redis.sock?db=2", "redis-cli -s /srv/redis.sock -n 2"),
        ("redis://localhost:6379/0", "redis-cli -u redis://localhost:6379"),
        ("rediss://films:secret@cache:6380/3", "redis-cli -u rediss://cache:6380 -n 3 --user films --askpass"),
        ("redis://:secret@[::1]:6379", "redis-cli -u 'redis://[::1]:6379' --askpass"),
    ],
)
def test_redis_s_own_client_is_told_where_and_no_password(config: Config, url: str, command: str) -> None:
    assert health_of_redis.client(replace(config, redis_url=url)) == command


def test_of_a_few_foreign_keys_each_is_named(healthy: Flask, redis: Redis) -> None:
    for number in range(3):
        redis.set(f"netflix:limits:of another:{number}", 1)
    (row,) = [row for row in told_rows(healthy) if row["state"] == "fault"]
    assert row["remedy"].count("'netflix:limits:of another:") == 3
    for number in range(3, 8):
        redis.set(f"netflix:limits:of another:{number}", 1)
    (row,) = [row for row in told_rows(healthy) if row["state"] == "fault"]
    assert row["remedy"].count("'netflix:limits:of another:") == 5
    assert "then look again" in row["remedy"]


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("netflix:limits:of another", " UNLINK 'netflix:limits:of another'`"),
        ("netflix:limits:sign-in:address:60:192.0.2.9", "`netflix-admin limits clear --all`"),
    ],
)
def test_a_key_that_is_wrong_is_told_with_the_command_that_deletes_it(
    healthy: Flask, redis: Redis, name: str, command: str
) -> None:
    redis.set(name, 1)
    (row,) = [row for row in told_rows(healthy) if row["state"] == "fault"]
    assert command in row["remedy"]
    if "UNLINK" in command and shutil.which("redis-cli"):
        typed = shlex.split(row["remedy"].split("`")[1])
        assert subprocess.run(typed, capture_output=True, text=True).stdout.strip() == "1"
        assert not redis.exists(name)
    if "limits clear" in command:
        assert healthy.test_cli_runner().invoke(main, ["limits", "clear", "--all", "--yes"]).exit_code == 0
        assert found(healthy)[0] == 0


def test_whoever_is_shut_out_should_be_told_whom_to_ask(build: Build, healthy: Flask) -> None:
    assert "contact" not in found(healthy)[1]
    public = build(**WELL, url="https://films.example.org")
    assert found(public)[1]["contact"][0] == "warning"
    assert "contact" not in found(build(**WELL, url="https://films.example.org", contact="help@example.org"))[1]
    with healthy.app_context():
        ban.add(network.read("203.0.113.7"))
    code, told = found(healthy)
    assert (code, told["contact"][0]) == (0, "warning")
    assert "contact" not in found(build(**WELL, contact="help@example.org"))[1]


def test_redis_that_is_gone_is_found(build: Build, healthy: Flask, tmp_path: Path) -> None:
    code, told = found(build(**WELL, redis_url=f"unix://{tmp_path}/none.sock"))
    assert (code, set(told)) == (7, {"redis", "site"})


def test_a_mail_server_that_is_down_is_found(build: Build, healthy: Flask) -> None:
    code, told = found(build(**WELL, **MAIL))
    assert (code, set(told), told["mail server"][0]) == (7, {"mail server", "site"}, "fault")


def test_a_mail_password_that_cannot_be_sent_is_found(build: Build, healthy: Flask) -> None:
    with MailServer(signs_in=True).running() as server:
        url = f"smtp://netflix:p%C3%A4ss@127.0.0.1:{server.port}"
        code, told = found(build(**WELL, **MAIL | {"mail_url": url}))
    assert (code, set(told)) == (7, {"mail server", "site"})
    assert told["mail server"] == ("fault", "The mail server is signed in to with letters of ASCII alone.")


def test_a_check_that_fails_in_itself_keeps_no_other_back(healthy: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(config: Config) -> Iterator[Finding]:
        raise ValueError("a secret")

    monkeypatch.setitem(doctor.INSIDE, "machine", broken)
    code, told = found(healthy)
    assert (code, set(told)) == (7, {"machine", "site"})
    assert told["machine"] == ("fault", "It could not be looked at: ValueError.")


def test_a_mail_that_was_given_up_is_told(healthy: Flask) -> None:
    with healthy.app_context():
        outbox.post("ada@example.org", "test")
        db.session.flush()
        db.session.execute(db.text("UPDATE mail SET due_at = NULL"))
        db.session.commit()
    code, told = found(healthy)
    assert (code, set(told), told["mails"][0]) == (0, {"mails", "site"}, "warning")


def test_a_clock_that_is_off_is_found(healthy: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netflix.clock.now", lambda: datetime.now(UTC) + timedelta(seconds=70))
    code, told = found(healthy)
    assert (code, set(told)) == (7, {"clocks", "site"})
    assert told["clocks"] == ("fault", "This machine's clock is 70 seconds ahead of Redis's.")


def test_a_full_disk_is_found(healthy: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "LEAST_ROOM", 1 << 60)
    code, told = found(healthy)
    assert (code, set(told), told["disk room"][0]) == (7, {"disk room", "site"}, "fault")


def test_a_key_that_others_can_read_is_found(healthy: Flask, config: Config) -> None:
    path = config.instance / "password.key"
    path.write_text("a key that lies open")
    path.chmod(0o644)
    code, told = found(healthy)
    assert (code, set(told)) == (7, {"file modes", "site"})
    assert told["file modes"] == ("fault", f"Others can read {path}.")


def test_a_key_that_repeats_itself_is_found(build: Build, healthy: Flask) -> None:
    code, told = found(build(**WELL | {"secret_key": ("password" * 8,)}))
    assert (code, set(told)) == (7, {"keys", "site"})
    assert told["keys"][1] == "So regular that it can be guessed: NETFLIX_SECRET_KEY."


def test_a_key_that_is_too_short_is_found(config: Config) -> None:
    told = in_a_pipe(config, "doctor", "--format", "json", NETFLIX_SECRET_KEY="short")
    (row,) = json.loads(told.stdout)
    assert (told.returncode, row["check"], row["state"]) == (7, "settings", "fault")
    assert row["found"].startswith("NETFLIX_SECRET_KEY: its value is not valid")


@pytest.mark.parametrize(
    ("key", "is_strong"),
    [
        ("a" * 64, False),
        ("0123456789" * 10, False),
        ("correct horse battery staple correct horse", True),
        ("Zk4cq0zX1r5b8yZJm2hUQe7vLwSgTnDfAaOiPpRxVtY", True),
        ("9f86d081884c7d659a2feaa0c55ad015", False),
        ("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", True),
    ],
)
def test_a_key_is_as_strong_as_what_cannot_be_left_out_of_it(key: str, is_strong: bool) -> None:
    assert (machine.strength(key) >= machine.STRONG) == is_strong


def test_a_database_that_another_holds_is_told_soon(healthy: Flask, config: Config) -> None:
    with closing(sqlite3.connect(config.instance / "netflix.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        code, told = found(healthy)
    assert (code, set(told)) == (7, {"writable", "site"})
    assert "locked" in told["writable"][1]


def test_for_cron_it_says_what_is_not_well_alone(healthy: Flask, run: Run) -> None:
    told = healthy.test_cli_runner().invoke(main, ["doctor", "--quiet"])
    assert told.exit_code == 0
    (line,) = told.stdout.splitlines()
    assert line.startswith("site\twarning\t")


def test_at_a_terminal_each_remedy_stands_below_in_full(config: Config) -> None:
    (config.instance / "netflix.db").chmod(0o644)
    told = at_a_terminal(config, "doctor", columns=80)
    assert told.exit_code == 7
    assert "file modes" in told.screen
    assert f"`chmod 600 {config.instance}" in told.screen.replace("\n", "")


def test_what_was_found_is_told_whole_in_80_columns(config: Config, healthy: Flask) -> None:
    screen = plain(at_a_terminal(config, "doctor", columns=80).screen)
    table, _, _ = screen.partition("\n\n")
    assert max(len(line.rstrip()) for line in table.splitlines()) <= 80
    assert "…" not in table
    assert re.sub(r"\s+", "", str(config.instance)) in re.sub(r"\s+", "", table)


def test_a_warning_has_a_colour_of_its_own(config: Config, healthy: Flask) -> None:
    assert "\x1b[35mwarning" in at_a_terminal(config, "doctor", columns=80).screen


@pytest.mark.parametrize("words", ["", "--format json", "--format csv"])
def test_where_nothing_can_be_printed_it_says_so_and_no_more(config: Config, words: str) -> None:
    with open("/dev/full", "w") as nowhere:
        told = subprocess.run(
            [*COMMAND, "doctor", *words.split()],
            env=environment(config),
            stdout=nowhere,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert told.returncode == 1
    (line,) = told.stderr.splitlines()
    assert "found no room" in line


@pytest.mark.parametrize(
    "url",
    ["example.org", "ftp://example.org", "http://", "https://example.org/path", "http://localhost:abc", "http://x?"],
)
def test_what_is_no_address_is_a_slip(run: Run, url: str) -> None:
    assert run("doctor", "--url", url).exit_code == 2
    assert run("doctor", "proxy", "--url", url).exit_code == 2
