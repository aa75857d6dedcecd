"""An order at the terminal holds in every process that serves, and no forged header goes round it."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.served.site import Site, served
from tests.watching import until

GUNICORN = ("-m", "gunicorn", "-w", "2", "--threads", "4", "--preload", "--no-control-socket", "-b", "127.0.0.1:{port}")


def admin(site: Site, *words: str) -> str:
    """What `netflix-admin` says, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "cli", *words], env=site.env, cwd=site.root, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def statuses(site: Site, address: str, path: str = "/login", **headers: str) -> set[int]:
    """Asked often enough that every worker was asked."""
    return {site.visitor(address).get(path, **headers).status for _ in range(20)}


def known(site: Site, address: str, status: int) -> None:
    until(lambda: statuses(site, address) == {status})


def test_a_ban_holds_in_both_workers_and_is_lifted_again(site: Site) -> None:
    ada = site.visitor("127.0.20.1")
    ada.register("ada@example.org")
    ada.sign_in("ada@example.org")
    assert "for good" in admin(site, "bans", "add", "127.0.20.0/24", "--yes")
    known(site, "127.0.20.1", 403)
    for path in ("/", "/dashboard", "/healthz", "/static/css/app.css", "/static/js/app.js"):
        assert statuses(site, "127.0.20.9", path) == {403}
    assert ada.get("/dashboard").status == 403
    assert statuses(site, "127.0.21.1") == {200}
    admin(site, "bans", "revoke", "127.0.20.0/24")
    known(site, "127.0.20.1", 200)
    assert ada.get("/dashboard").status == 200


def test_what_a_banned_address_sends_is_not_waited_for(site: Site) -> None:
    admin(site, "bans", "add", "127.0.22.1", "--yes")
    known(site, "127.0.22.1", 403)
    answer = site.visitor("127.0.22.1").ask("POST", "/login", "x", {"Content-Length": "1000"})
    assert (answer.status, answer.headers["Cache-Control"]) == (403, "no-store")


@pytest.fixture
def behind_a_proxy(folder: Path) -> Iterator[Site]:
    with served(folder, trusted_proxies="127.0.30.0/24") as site:
        yield site


def test_no_forged_header_goes_round_it_or_shuts_another_out(behind_a_proxy: Site) -> None:
    site, forged = behind_a_proxy, "X-Forwarded-For"
    admin(site, "bans", "add", "203.0.113.7")
    until(lambda: statuses(site, "127.0.30.1", **{forged: "203.0.113.7"}) == {403})
    assert statuses(site, "127.0.30.1", **{forged: "198.51.100.1, 203.0.113.7"}) == {403}
    assert statuses(site, "127.0.30.1", **{forged: "203.0.113.7, 198.51.100.1"}) == {200}
    assert statuses(site, "127.0.0.1", **{forged: "203.0.113.7"}) == {200}


@pytest.mark.parametrize("command", [(sys.executable, "app.py"), (sys.executable, *GUNICORN, "app:app")])
def test_a_worker_that_starts_knows_it_before_its_first_page(folder: Path, command: tuple[str, ...]) -> None:
    admin(Site(folder), "bans", "add", "127.0.23.1", "--yes")
    with served(folder, command) as site:
        assert statuses(site, "127.0.23.1") == {403}
        admin(site, "bans", "add", "127.0.24.1", "--yes")
        known(site, "127.0.24.1", 403)
