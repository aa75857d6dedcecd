"""How the site starts, or says why not; and how it ends, with nothing left behind."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from flask import current_app

from netflix import create_app
from netflix.accounts import registration
from netflix.config import Config
from netflix.errors import ConfigError
from netflix.extensions import db
from netflix.serve import KILLED_AFTER, bound
from tests.people import PASSWORD, Browser
from tests.served.site import APP, GUNICORN, ROOT, Site, is_alive, launched, of_group, served
from tests.watching import until

WITH_IPV6 = pytest.mark.skipif(not Path("/proc/net/if_inet6").exists(), reason="there is no IPv6 here")


def refusal(site: Site) -> tuple[int, str]:
    assert site.process
    return site.process.wait(30), site.said


@pytest.mark.parametrize(
    ("sent", "group"),
    [
        (signal.SIGTERM, False),
        (signal.SIGTERM, True),
        (signal.SIGINT, False),
        (signal.SIGINT, True),
        (signal.SIGHUP, False),
        (signal.SIGHUP, True),
    ],
)
def test_it_ends_quietly_at_once_and_whole(folder: Path, sent: signal.Signals, group: bool) -> None:
    """To the process alone, as a service manager does, and to all of its group, as Ctrl-C and a closed terminal do."""
    with served(folder) as site:
        workers, own = site.workers(), site.own_redis_pid()
        assert len(workers) == 2
        assert own
        began = time.monotonic()
        assert site.end(sent, group) == 0
        # No worker had to be killed.
        assert time.monotonic() - began < KILLED_AFTER
        assert of_group(site.pid) == []
        assert not is_alive(own)
        assert "Traceback" not in site.said
        assert site.said.count("\n") == 3, site.said


def test_it_ends_at_once_even_when_it_has_just_begun(folder: Path) -> None:
    with served(folder) as site:
        assert site.end() == 0
        assert of_group(site.pid) == []


def test_when_it_is_killed_its_workers_do_not_keep_the_port(folder: Path) -> None:
    with served(folder) as site:
        site.end(signal.SIGKILL)
        until(lambda: of_group(site.pid) == [])


def test_a_worker_that_is_killed_is_replaced(folder: Path) -> None:
    with served(folder) as site:
        until(lambda: len(site.listening()) == 2)
        before, killed = site.listening(), site.workers()[0]
        os.kill(killed, signal.SIGKILL)
        until(lambda: len(site.workers()) == 2 and killed not in site.workers())
        # Whoever had reached the killed one's socket, which goes a moment after it, is cut off with it.
        until(lambda: len(site.listening()) == 2 and site.listening() != before)
        assert [site.visitor().get("/login").status for _ in range(20)] == [200] * 20


def test_a_host_may_be_a_name(folder: Path) -> None:
    with served(folder, host="localhost") as site:
        assert f"http://localhost:{site.port}" in site.said
        assert (folder / "address").read_text() == f"http://localhost:{site.port}"
        site.end()
    assert not (folder / "address").exists()


@pytest.mark.parametrize("host", ["127.0.0.1", pytest.param("::1", marks=WITH_IPV6), "localhost"])
def test_where_any_port_would_do_a_free_one_is_found(folder: Path, host: str) -> None:
    address, port = bound(Config(instance=folder, host=host, port=0))
    assert address in ("127.0.0.1", "::1")
    assert port
    assert bound(Config(instance=folder, host=host, port=port)) == (address, port)


@pytest.mark.parametrize("port", [0, 5000])
def test_a_host_that_is_none_is_told_in_one_sentence(folder: Path, port: int) -> None:
    with pytest.raises(ConfigError, match=f"NETFLIX_HOST: nowhere.invalid port {port} cannot be listened on"):
        bound(Config(instance=folder, host="nowhere.invalid", port=port))


def test_a_second_site_s_address_is_not_forgotten_with_the_first(folder: Path) -> None:
    with served(folder) as first, served(folder) as second:
        first.end()
        assert (folder / "address").read_text() == f"http://127.0.0.1:{second.port}"


def test_a_port_that_is_taken_is_told_in_one_sentence(folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with launched(folder, port=other.getsockname()[1]) as site:
            code, said = refusal(site)
    assert code == 2
    assert f"port {site.port} cannot be listened on (Address already in use)" in said
    assert "Traceback" not in said


def test_a_database_that_is_not_migrated_is_told_with_its_remedy(folder: Path) -> None:
    (folder / "netflix.db").unlink()
    with launched(folder) as site:
        code, said = refusal(site)
    assert code == 6
    assert "db upgrade" in said
    assert said.count("\n") == 1


def test_make_run_migrates_it_first(folder: Path) -> None:
    (folder / "netflix.db").unlink()
    with served(folder, (*Site(folder).command, "--migrate")) as site:
        assert site.visitor().register("ada@example.org").status == 303


def test_off_loopback_every_fault_is_told_at_once(folder: Path) -> None:
    with launched(folder, host="0.0.0.0", login_limit="often", workers=0) as site:  # noqa: S104
        code, said = refusal(site)
    assert code == 2
    for setting in ("NETFLIX_SECRET_KEY", "NETFLIX_BCRYPT_ROUNDS", "NETFLIX_LOGIN_LIMIT", "NETFLIX_WORKERS"):
        assert setting in said
    assert "'often'" in said


def test_a_misspelt_setting_is_told_with_the_right_one(folder: Path) -> None:
    with launched(folder, login_limits="9 per minute") as site:
        code, said = refusal(site)
    assert code == 2
    assert "NETFLIX_LOGIN_LIMITS: there is no such setting; did you mean NETFLIX_LOGIN_LIMIT?" in said


def test_its_keys_are_for_this_user_alone(folder: Path) -> None:
    with served(folder):
        modes = {name: stat.S_IMODE((folder / name).stat().st_mode) for name in ("secret.key", "password.key")}
    assert modes == {"secret.key": 0o600, "password.key": 0o600}


FLASK = (sys.executable, "-m", "flask", "--app", "netflix", "db", "upgrade")


@pytest.mark.parametrize("command", [APP, (*APP, "--migrate"), GUNICORN, FLASK])
def test_a_password_key_that_is_gone_is_never_replaced_under_accounts(
    folder: Path, redis_url: str, command: tuple[str, ...]
) -> None:
    config = Config(instance=folder, redis_url=redis_url, bcrypt_rounds=4)
    with create_app(config.completed()).app_context():
        registration.create("ada@example.org", PASSWORD)
        db.engine.dispose()
    key = (folder / "password.key").rename(folder / "kept elsewhere")
    with launched(folder, command) as site:
        code, said = refusal(site)
    assert code != 0
    assert f"'{folder}/password.key' is not there, though the database has accounts" in said
    assert not (folder / "password.key").exists()
    key.rename(folder / "password.key")
    with create_app(config.completed()).app_context():
        assert Browser(current_app).sign_in("ada@example.org").status_code == 303
        db.engine.dispose()


def test_gunicorn_serves_it_and_ends_whole(folder: Path) -> None:
    with served(folder, GUNICORN) as site:
        visitor = site.visitor()
        assert visitor.register("ada@example.org").status == 303
        assert visitor.sign_in("ada@example.org").status == 303
        assert visitor.get("/dashboard").status == 200
        # Its first worker answers while the server that it needs is still starting.
        until(site.own_redis_pid)
        own = site.own_redis_pid()
        assert own
        assert site.end() == 0
        until(lambda: of_group(site.pid) == [] and not is_alive(own))


def test_python_m_netflix_serves_and_tells_the_terminal_where(folder: Path) -> None:
    with served(folder, (sys.executable, "-m", "netflix", "--migrate")) as site:
        assert (folder / "address").read_text() == f"http://127.0.0.1:{site.port}"
        assert "Make the first administrator" in site.said


def test_who_has_an_administrator_is_not_asked_to_make_one(folder: Path) -> None:
    with served(folder, (sys.executable, "-m", "netflix", "--migrate")) as site:
        command = [sys.executable, "-m", "cli", "users", "create", "grace@example.org", "--admin", "--generate"]
        subprocess.run(command, cwd=ROOT, env=site.env, check=True, capture_output=True)
    site.log.write_text("")
    with served(folder) as again:
        assert "administrator" not in again.said
