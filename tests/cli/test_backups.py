"""`netflix-admin backup` and `restore`, on SQLite."""

import fcntl
import hashlib
import io
import json
import re
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from cli import main
from netflix.accounts.registration import create
from netflix.config import Config
from netflix.events import event
from netflix.events.event import Wanted
from netflix.extensions import db
from netflix.files import hold
from netflix.mail import outbox
from netflix.upkeep.backup import Manifest, conninfo
from tests.cli.conftest import Locked, Run
from tests.cli.terminal import COMMAND, environment, in_a_pipe
from tests.conftest import Build
from tests.people import PASSWORD, Browser, link_for


@pytest.fixture
def backup(run: Run, ada: str, browser: Browser, app: Flask, tmp_path: Path) -> Path:
    """Made while ada is signed in, has been sent a link, and a mail waits."""
    browser.sign_in(ada)
    with app.app_context():
        link_for(ada)
        outbox.post(ada, "test")
        db.session.commit()
    path = tmp_path / "backups" / "netflix.tar"
    path.parent.mkdir()
    told = run("backup", str(path))
    assert told.exit_code == 0, told.output
    assert told.stdout.startswith(f"Backed up 1 user into {path} (0.")
    return path


def manifest(path: Path) -> dict[str, Any]:
    with tarfile.open(path) as tar:
        file = tar.extractfile("manifest.json")
        assert file
        return json.load(file)  # type: ignore[no-any-return]


def database(config: Config) -> Path:
    return config.instance / "netflix.db"


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def lose(app: Flask, config: Config) -> None:
    """As with a disk: database and all that stood beside it."""
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    for path in config.instance.glob("netflix.db*"):
        path.unlink()


def kinds(app: Flask) -> list[str]:
    with app.app_context():
        return [row.kind for row in event.following(Wanted())]


def test_after_a_loss_everybody_signs_in_again(
    app: Flask, run: Run, backup: Path, browser: Browser, config: Config
) -> None:
    lose(app, config)
    told = run("restore", str(backup))
    assert (told.exit_code, told.stderr) == (0, "")
    assert re.match(r"Restored 1 user as of [-0-9]+T[:0-9]+Z\. Everybody", told.stdout)
    assert browser.get("/dashboard").status_code == 303
    assert Browser(app).sign_in("ada@example.org").headers["Location"] == "/dashboard"
    assert kinds(app)[-2:] == ["sys_restore", "authn_login_success"]
    assert run("events verify").exit_code == 0
    assert database(config).stat().st_mode & 0o777 == 0o600


def test_nothing_that_opens_a_door_is_in_it(backup: Path, config: Config, browser: Browser) -> None:
    content = backup.read_bytes()
    cookie = browser.client.get_cookie("session")
    assert cookie
    for secret in (config.secret_key[0], config.password_key, config.redis_url, PASSWORD):
        assert secret.encode() not in content
    with closing(sqlite3.connect(":memory:")) as copy, tarfile.open(backup) as tar:
        part = tar.extractfile("database.sqlite")
        assert part
        copy.deserialize(part.read())
        for table in ("session", "one_time_link", "mail", "asked", "used_challenge"):
            assert copy.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)  # noqa: S608
    # Nor in what was deleted: the test mail's own words.
    with closing(sqlite3.connect(database(config))) as live:
        (text,) = live.execute("SELECT text FROM mail").fetchone()
    assert text[:30].encode() not in content


def test_nothing_that_was_deleted_long_before_is_in_it(
    app: Flask, run: Run, ada: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An SQLite that overwrites nothing, as its own default is, keeps what was deleted until its room is needed."""
    with app.app_context():
        db.session.execute(db.text("PRAGMA secure_delete = OFF"))
        for _ in range(50):
            outbox.post(ada, "test")
        db.session.execute(db.text("UPDATE mail SET text = 'a very private link'"))
        db.session.commit()
        db.session.execute(db.text("PRAGMA secure_delete = OFF"))
        db.session.execute(db.text("DELETE FROM mail"))
        db.session.commit()
    assert run("backup", str(tmp_path / "site.tar")).exit_code == 0
    assert b"private link" not in (tmp_path / "site.tar").read_bytes()


def test_where_postgresql_is_told_as_its_own_programs_read_it() -> None:
    told, secret = conninfo("postgresql://ada:secret@/site?host=one:5432&host=two:5433&sslpassword=hidden")
    assert told == ["--dbname=host='one,two' port='5432,5433' user='ada' dbname='site'"]
    assert secret == {"PGPASSWORD": "secret"}
    told, _ = conninfo("postgresql://ada@db.example.org:5433/site?sslmode=verify-full")
    assert told == ["--dbname=sslmode='verify-full' host='db.example.org' port='5433' user='ada' dbname='site'"]


def test_it_tells_what_it_is_and_what_is_not_in_it(backup: Path, config: Config) -> None:
    told = manifest(backup)
    assert told["settings"]["NETFLIX_LOGIN_LIMIT"] == "5 per 1 minute; 20 per 1 hour"
    assert told["settings"]["NETFLIX_BCRYPT_ROUNDS"] == "4"
    assert "NETFLIX_PASSWORD_KEY" in told["not_kept"]
    assert not set(told["settings"]) & set(told["not_kept"])
    assert Config.from_env(told["settings"] | {"NETFLIX_PASSWORD_KEY": config.password_key}).bcrypt_rounds == 4
    assert backup.stat().st_mode & 0o777 == 0o600
    assert sorted(backup.parent.iterdir()) == [backup]


def test_a_file_that_is_there_is_kept_unless_told_otherwise(run: Run, backup: Path) -> None:
    before = backup.read_bytes()
    told = run("backup", str(backup))
    assert told.exit_code == 4
    assert "is there already" in told.stderr
    assert backup.read_bytes() == before
    assert run("backup", str(backup), "--yes").exit_code == 0
    assert manifest(backup)["id"].encode() not in before


def test_told_to_end_it_leaves_nothing(run: Run, ada: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a timer's service does that has run for too long."""
    monkeypatch.setattr("netflix.upkeep.backup.pack", lambda *_: signal.raise_signal(signal.SIGTERM))
    (tmp_path / "nightly").mkdir()
    told = run("backup", str(tmp_path / "nightly"))
    assert (told.exit_code, told.output) == (143, "")
    assert list((tmp_path / "nightly").iterdir()) == []


def test_what_a_killed_one_left_is_gone_with_the_next(
    run: Run, ada: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not so what another that runs just now writes."""
    nightly = tmp_path / "nightly"
    nightly.mkdir()
    with monkeypatch.context() as patch:
        patch.setattr("netflix.upkeep.backup.pack", lambda *_: signal.raise_signal(signal.SIGTERM))
        patch.setattr(Path, "unlink", lambda *_, **__: None)
        run("backup", str(nightly))
        run("backup", str(nightly / "kk.tar"))
    assert len(list(nightly.iterdir())) == 4
    (left,) = nightly.glob(".netflix-*.part")
    left.with_name(f"{left.name}-journal").touch()
    another = nightly / ".netflix-20261125T031500Z.tar.0123abcd.part"
    journal = another.with_name(f"{another.name}-journal")
    journal.touch()
    with another.open("w") as file:
        hold(file.fileno())
        assert run("backup", str(nightly)).exit_code == 0
        assert run("backup", str(nightly / "kk.tar")).exit_code == 0
    left_over = {path for path in nightly.iterdir() if path.name.startswith(".")}
    assert left_over == {another, journal}


def test_what_a_killed_restore_left_is_gone_with_the_next(run: Run, backup: Path, app: Flask, config: Config) -> None:
    left = [config.instance / f".restoring.0123abcd{end}" for end in ("", "-wal", ".sql")]
    for path in left:
        path.touch()
    with app.app_context():
        db.engine.dispose()
    run("restore", str(backup), "--yes")
    assert not any(path.exists() for path in left)


def test_in_a_folder_it_is_named_by_the_time(run: Run, ada: str, tmp_path: Path) -> None:
    (tmp_path / "nightly").mkdir()
    assert run("backup", str(tmp_path / "nightly")).exit_code == 0
    (path,) = (tmp_path / "nightly").iterdir()
    assert path.match("netflix-20*T*Z.tar")


def test_a_database_that_is_there_is_replaced_only_when_told(
    app: Flask, run: Run, backup: Path, config: Config
) -> None:
    with app.app_context():
        create("late@example.org", PASSWORD)
        db.session.remove()
        db.engine.dispose()
    before = dump(database(config))
    told = run("restore", str(backup))
    assert told.exit_code == 7
    assert "--yes" in told.stderr
    assert dump(database(config)) == before
    assert run("restore", str(backup), "--yes").exit_code == 0
    assert run("users", "show", "late@example.org").exit_code == 3


def test_under_another_key_nothing_is_touched(app: Flask, build: Build, backup: Path, config: Config) -> None:
    before = dump(database(config))
    other = build(password_key="another key, also of more than 32 characters")
    told = other.test_cli_runner().invoke(main, ["restore", str(backup), "--yes"])
    assert told.exit_code == 7
    assert "under another password key: with the present one nobody could sign in" in told.stderr
    assert dump(database(config)) == before


def repacked(path: Path, change: Callable[[dict[str, Any], bytes], tuple[dict[str, Any], bytes]]) -> None:
    told = manifest(path)
    with tarfile.open(path) as tar:
        file = tar.extractfile(told["part"])
        assert file
        content = file.read()
    told, content = change(told, content)
    with tarfile.open(path, "w") as tar:
        for name, text in (("manifest.json", json.dumps(told).encode()), (str(told["part"]), content)):
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))


# In a manifest, of every backup.
WHAT = ("kind", "format")
SPOILT: dict[str, tuple[Callable[[Path], object], str]] = {
    "cut short": (
        lambda path: path.write_bytes(path.read_bytes()[:-60_000]),
        "is no backup of this site",
    ),
    "cut very short": (lambda path: path.write_bytes(path.read_bytes()[:700]), "is no backup of this site"),
    "empty": (lambda path: path.write_bytes(b""), "is no backup of this site"),
    "another tar": (
        lambda path: repacked(path, lambda told, content: ({"part": "x"}, content)),
        "is no backup of this site",
    ),
    "a text": (lambda path: path.write_text("not a backup\n" * 1000), "is no backup of this site"),
    "a bit turned": (
        lambda path: repacked(path, lambda told, content: (told, content[:5000] + b"\0\1" + content[5002:])),
        "its checksum is wrong",
    ),
    "a part that would be written elsewhere": (
        lambda path: repacked(path, lambda told, content: (told | {"part": "../../etc/passwd"}, content)),
        "it holds no database",
    ),
    "newer": (
        lambda path: repacked(path, lambda told, content: (told | {"schema": "9999", "version": "7.0"}, content)),
        "newer version of the site (7.0, tables 9999)",
    ),
    "of PostgreSQL": (
        lambda path: repacked(path, lambda told, content: (told | {"part": "database.pgdump"}, content)),
        "The backup is of PostgreSQL",
    ),
}


@pytest.mark.parametrize("how", SPOILT)
def test_what_is_no_backup_is_refused_and_nothing_is_touched(run: Run, backup: Path, config: Config, how: str) -> None:
    spoil, words = SPOILT[how]
    spoil(backup)
    before, there = dump(database(config)), sorted(config.instance.iterdir())
    told = run("restore", str(backup), "--yes")
    assert told.exit_code == 7
    assert words in told.stderr
    assert dump(database(config)) == before
    assert {path.name for path in config.instance.iterdir()} - {path.name for path in there} <= {"admin-restore.lock"}


def test_a_backup_that_is_not_there_is_a_slip(run: Run, tmp_path: Path) -> None:
    told = run("restore", str(tmp_path / "gone.tar"), "--yes")
    assert (told.exit_code, told.stdout) == (2, "")
    assert "does not exist" in told.stderr


def with_manifest(content: bytes) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        with tarfile.open(path, "w") as tar:
            member = tarfile.TarInfo("manifest.json")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
            tar.addfile(tarfile.TarInfo("database.sqlite"))

    return write


def a_link(path: Path) -> None:
    """To itself."""
    with tarfile.open(path, "w") as tar:
        member = tarfile.TarInfo("manifest.json")
        member.type, member.linkname = tarfile.SYMTYPE, "manifest.json"
        tar.addfile(member)


def with_holes(path: Path) -> None:
    """A terabyte of nothing, in a kilobyte."""
    told = manifest(path) | {"size": 10**12}
    with_manifest(json.dumps(told).encode())(path)
    with tarfile.open(path) as tar:
        file = tar.extractfile("manifest.json")
        assert file
        content = file.read()
    sparse = {"map": "0,0", "size": str(10**12), "major": "0", "minor": "1", "name": "database.sqlite"}
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        member = tarfile.TarInfo("manifest.json")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
        part = tarfile.TarInfo("database.sqlite")
        part.pax_headers = {f"GNU.sparse.{name}": value for name, value in sparse.items()}
        tar.addfile(part)


def heads_without_end(path: Path) -> None:
    """Each says something of the one that follows."""
    member = tarfile.TarInfo("x")
    member.pax_headers = {"comment": "x"}
    path.write_bytes(member.create_pax_header(member.get_info(), "utf-8")[:1024] * 3000)


MEAN: dict[str, Callable[[Path], object]] = {
    "a manifest that is a text": with_manifest(b'"netflix backup"'),
    "a manifest that is nothing": with_manifest(b"null"),
    "a manifest that is deep": with_manifest(b"[" * 500_000),
    "a manifest of other values": lambda path: repacked(path, lambda told, part: (told | {"password_key": 5}, part)),
    "a manifest that is a link": a_link,
    "a part with holes": with_holes,
    "heads without end": heads_without_end,
}


@pytest.mark.parametrize("how", MEAN)
def test_a_file_that_was_made_to_do_harm_is_refused_as_any_other(
    run: Run, backup: Path, config: Config, how: str
) -> None:
    MEAN[how](backup)
    before = dump(database(config))
    told = run("restore", str(backup), "--yes")
    assert (told.exit_code, told.stdout) == (7, "")
    assert "is no backup of this site" in told.stderr
    assert dump(database(config)) == before


def as_administrator(told: dict[str, Any], content: bytes) -> tuple[dict[str, Any], bytes]:
    """With a checksum that is right again."""
    with closing(sqlite3.connect(":memory:")) as copy:
        copy.deserialize(content)
        copy.execute("UPDATE user SET is_admin = 1")
        copy.commit()
        changed = copy.serialize()
    return told | {"size": len(changed), "sha256": hashlib.sha256(changed).hexdigest()}, changed


FORGED: dict[str, Callable[[dict[str, Any], bytes], tuple[dict[str, Any], bytes]]] = {
    "its database": as_administrator,
    "how many it tells": lambda told, content: (told | {"users": "many"}, content),
    "when it was made": lambda told, content: (told | {"made_at": "2030-01-01\x1b[2J"}, content),
    "no seal": lambda told, content: ({name: value for name, value in told.items() if name != "seal"}, content),
    "a seal of other signs": lambda told, content: (told | {"seal": "é"}, content),
}


@pytest.mark.parametrize("how", FORGED)
def test_a_backup_that_somebody_without_the_key_changed_is_refused(
    run: Run, backup: Path, config: Config, how: str
) -> None:
    repacked(backup, FORGED[how])
    before = dump(database(config))
    told = run("restore", str(backup), "--yes")
    assert told.exit_code == 7
    assert "was changed since it was made" in told.stderr
    assert "\x1b" not in told.output
    assert dump(database(config)) == before


def test_a_backup_that_is_changed_while_it_is_asked_about_is_refused(
    run: Run, backup: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.asking.confirm", lambda *_: repacked(backup, as_administrator))
    before = dump(database(config))
    told = run("restore", str(backup))
    assert told.exit_code == 7
    assert "was changed since it was made" in told.stderr
    assert dump(database(config)) == before


def sealed(backup: Path, config: Config, told: dict[str, Any], content: bytes) -> tuple[dict[str, Any], bytes]:
    """As the site itself would have made it of that content."""
    told = told | {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    made = Manifest(**{name: value for name, value in (manifest(backup) | told).items() if name not in WHAT})
    return told | {"seal": made.sealed(config.password_key)}, content


def test_an_older_backup_is_migrated(app: Flask, run: Run, backup: Path, config: Config, tmp_path: Path) -> None:
    """As a version made it that had no bans yet."""
    older = tmp_path / "older.db"
    shutil.copy(database(config), older)
    at_0011 = {"NETFLIX_DATABASE_URL": f"sqlite:///{older}"}
    assert in_a_pipe(config, "db", "downgrade", "0011", "--yes", **at_0011).returncode == 0
    with closing(sqlite3.connect(older)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")

    content = older.read_bytes()
    repacked(backup, lambda told, _: sealed(backup, config, told | {"schema": "0011"}, content))
    lose(app, config)
    restored = in_a_pipe(config, "restore", str(backup))
    assert (restored.returncode, restored.stderr) == (0, "")
    assert in_a_pipe(config, "bans", "list").returncode == 0
    assert Browser(app).sign_in("ada@example.org").status_code == 303


def test_while_the_site_is_served_nothing_is_restored(app: Flask, run: Run, backup: Path, config: Config) -> None:
    """Its processes have the database open."""
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    with closing(sqlite3.connect(database(config))) as another:
        another.execute("SELECT count(*) FROM user").fetchone()
        told = run("restore", str(backup), "--yes")
    assert told.exit_code == 7
    assert "The database is in use. Stop the site" in told.stderr
    assert run("restore", str(backup), "--yes").exit_code == 0


def test_a_backup_is_tried_while_the_site_is_served(app: Flask, build: Build, backup: Path, config: Config) -> None:
    own = build(redis_url=f"unix://{config.instance / 'redis.sock'}")
    before = dump(database(config))
    with closing(sqlite3.connect(database(config))) as another, (config.instance / "redis.owner").open("w") as file:
        another.execute("SELECT count(*) FROM user").fetchone()
        fcntl.flock(file, fcntl.LOCK_SH)
        told = own.test_cli_runner().invoke(main, ["restore", str(backup), "--dry-run"])
    assert (told.exit_code, told.stderr) == (0, "")
    assert told.stdout.startswith("Dry run: Restored 1 user as of ")
    assert dump(database(config)) == before
    assert not list(config.instance.glob(".restoring.*"))


def test_a_trial_finds_what_a_restore_would(run: Run, backup: Path, config: Config) -> None:
    def damaged(told: dict[str, Any], content: bytes) -> tuple[dict[str, Any], bytes]:
        """By a disk, before the backup was sealed."""
        return sealed(backup, config, told, content[:-8192] + b"\xff" * 8192)

    repacked(backup, damaged)
    told = run("restore", str(backup), "--dry-run")
    assert told.exit_code == 7
    assert "its database is damaged" in told.stderr


def test_a_site_with_a_redis_of_its_own_is_seen_to_run(build: Build, backup: Path, config: Config) -> None:
    own = build(redis_url=f"unix://{config.instance / 'redis.sock'}")
    with (config.instance / "redis.owner").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        told = own.test_cli_runner().invoke(main, ["restore", str(backup), "--yes"])
    assert (told.exit_code, told.stderr.splitlines()[-1]) == (
        7,
        "Error: The site is running. Stop the site and whatever else has it open, and try again.",
    )


@pytest.mark.parametrize("has_name", [True, False])
def test_a_site_that_answers_where_it_said_is_seen_to_run(
    build: Build, backup: Path, config: Config, has_name: bool
) -> None:
    """Told by its own port, and not by a proxy's, which answers also for a site that was killed."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        named = {"url": "https://127.0.0.1:9", "port": port} if has_name else {}
        config.served_at.write_text(str(named.get("url", f"http://127.0.0.1:{port}")))
        told = build(**named).test_cli_runner().invoke(main, ["restore", str(backup), "--yes"])
    assert told.exit_code == 7
    assert f"The site is running, at 127.0.0.1 port {port}." in told.stderr
    assert build(**named).test_cli_runner().invoke(main, ["restore", str(backup), "--yes"]).exit_code == 0


def test_a_damaged_database_can_be_replaced(app: Flask, run: Run, backup: Path, config: Config) -> None:
    lose(app, config)
    database(config).write_bytes(b"\xff" * 100_000)
    (config.instance / "netflix.db-wal").write_bytes(b"of another database")
    assert run("restore", str(backup), "--yes").exit_code == 0
    assert Browser(app).sign_in("ada@example.org").status_code == 303


def on_a_full_disk(config: Config, *args: str) -> subprocess.CompletedProcess[str]:
    """As soon as a file has 50,000 bytes."""
    return subprocess.run(
        [*COMMAND, *args],
        env=environment(config),
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)),
    )


def test_on_a_full_disk_no_half_file_is_left(app: Flask, config: Config, ada: str, tmp_path: Path) -> None:
    folder = tmp_path / "full"
    folder.mkdir()
    told = on_a_full_disk(config, "backup", str(folder / "netflix.tar"))
    assert told.returncode == 7
    assert f"Error: '{folder / 'netflix.tar'}' could not be written (" in told.stderr
    assert len(told.stderr.splitlines()) == 1
    assert list(folder.iterdir()) == []


def test_on_a_full_disk_the_present_database_stays(app: Flask, config: Config, backup: Path) -> None:
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    before = dump(database(config))
    told = on_a_full_disk(config, "restore", str(backup), "--yes")
    assert told.returncode == 7
    assert "It could not be restored (File too large)" in told.stderr
    assert dump(database(config)) == before
    assert not list(config.instance.glob(".restoring*"))


def test_a_database_that_is_not_migrated_is_not_backed_up(app: Flask, config: Config, tmp_path: Path) -> None:
    with app.app_context():
        db.session.execute(db.text("UPDATE alembic_version SET version_num = '0011'"))
        db.session.commit()
    told = in_a_pipe(config, "backup", str(tmp_path / "netflix.tar"))
    assert told.returncode == 6
    assert not (tmp_path / "netflix.tar").exists()


def test_an_empty_name_is_no_folder(run: Run, ada: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as a variable that was not set."""
    monkeypatch.chdir(tmp_path)
    assert run("backup", "").exit_code == 2
    assert not list(tmp_path.glob("netflix-*.tar"))


def test_a_folder_that_is_not_there_is_said(run: Run, ada: str, tmp_path: Path) -> None:
    told = run("backup", str(tmp_path / "none" / "netflix.tar"))
    assert told.exit_code == 7
    assert f"There is no folder '{tmp_path / 'none'}'. Make it" in told.stderr


def test_what_ends_with_a_slash_is_a_folder_or_refused(run: Run, ada: str, tmp_path: Path) -> None:
    told = run("backup", f"{tmp_path / 'nightly'}/")
    assert told.exit_code == 7
    assert f"There is no folder '{tmp_path / 'nightly'}'. Make it" in told.stderr
    assert not list(tmp_path.glob("nightly*"))


@pytest.mark.parametrize("into", ["netflix.tar", "."])
def test_where_the_record_cannot_be_written_no_file_is_left(
    app: Flask, run: Run, ada: str, tmp_path: Path, locked: Locked, into: str
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    with locked():
        told = run("backup", str(folder / into))
    assert (told.exit_code, told.stdout) == (6, "")
    assert "The database is busy with something else. Try again in a moment." in told.stderr
    assert list(folder.iterdir()) == []
    assert run("backup", str(folder / into)).exit_code == 0
    assert kinds(app)[-1] == "sys_backup"


def test_where_what_happened_cannot_be_kept_the_file_goes_again(
    app: Flask, run: Run, ada: str, tmp_path: Path, no_commit: Locked
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    with no_commit():
        assert run("backup", f"{folder}/").exit_code == 6
    assert list(folder.iterdir()) == []
    assert "sys_backup" not in kinds(app)


def test_and_what_was_there_before_is_there_again(run: Run, backup: Path, no_commit: Locked) -> None:
    before = backup.read_bytes()
    with no_commit():
        assert run("backup", str(backup), "--yes").exit_code == 6
    assert backup.read_bytes() == before
    assert list(backup.parent.iterdir()) == [backup]


@pytest.mark.parametrize("table", ["user", "session", "event"])
def test_a_damaged_database_is_said_to_be_and_not_backed_up(
    app: Flask, config: Config, ada: str, tmp_path: Path, table: str
) -> None:
    """In the pages of one table, so that it opens well enough."""
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    with closing(sqlite3.connect(database(config))) as connection:
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", [table]).fetchone()
    content = bytearray(database(config).read_bytes())
    content[(page - 1) * size : page * size] = b"\xff" * size
    folder = tmp_path / "backups"
    folder.mkdir()
    database(config).write_bytes(content)
    told = in_a_pipe(config, "backup", f"{folder}/")
    assert (told.returncode, told.stdout) == (6, "")
    damaged = "The file of the database is damaged. Stop the site and restore a backup: `netflix-admin restore FILE`."
    assert told.stderr == f"Error: {damaged}\n"
    assert list(folder.iterdir()) == []


def test_a_backup_does_not_go_to_standard_output(
    run: Run, ada: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = run("backup", "-")
    assert (told.exit_code, told.stdout) == (2, "")
    assert "A backup is a file that is moved into place once it is whole." in told.stderr
    assert not (tmp_path / "-").exists()
