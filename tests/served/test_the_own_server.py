"""The site's own Redis-protocol server: there with the site, gone with it, and back after any accident."""

import os
import shutil
import signal
import stat
from pathlib import Path

import pytest

from tests.served.site import is_alive, launched, served
from tests.served.visitor import Visitor
from tests.watching import until


def use_up(visitor: Visitor) -> None:
    """Five wrong attempts, so that the visitor's address is limited."""
    for number in range(5):
        assert visitor.sign_in(f"guess{number}@example.org", "not the password").status == 401
    assert is_limited(visitor)


def is_limited(visitor: Visitor) -> bool:
    return visitor.sign_in("another@example.org", "not the password").status == 429


def inodes_of(pid: int) -> set[str]:
    """The sockets that a process has."""
    links = [os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir()]
    return {link[8:-1] for link in links if link.startswith("socket:[")}


def test_it_is_for_this_user_alone_and_on_no_port(folder: Path) -> None:
    with served(folder) as site:
        pid = site.own_redis_pid()
        assert pid
        tcp = [
            line.split()[9] for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()
        ]
        assert not inodes_of(pid) & set(tcp)
        assert stat.S_IMODE((folder / "redis.sock").stat().st_mode) == 0o600
        assert stat.S_IMODE((folder / "redis").stat().st_mode) == 0o700
        assert site.health() == (200, "ok")


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_the_site_and_remembers_who_is_limited(folder: Path, sent: signal.Signals) -> None:
    with served(folder) as site:
        pid = site.own_redis_pid()
        assert pid
        use_up(site.visitor())
        assert site.end(sent) == 0
        assert not is_alive(pid)
    with served(folder) as site:
        assert is_limited(site.visitor())


def test_killed_it_comes_back_by_itself_and_the_limit_stays_on(folder: Path) -> None:
    with served(folder) as site:
        use_up(site.visitor())
        killed = site.own_redis_pid()
        assert killed
        os.kill(killed, signal.SIGKILL)
        assert is_limited(site.visitor())
        until(lambda: site.own_redis_pid() not in (None, killed))
        until(lambda: site.health() == (200, "ok"))
        assert is_limited(site.visitor())


def test_after_the_site_was_killed_the_next_start_goes_on_with_it(folder: Path) -> None:
    with served(folder) as site:
        use_up(site.visitor())
        left = site.own_redis_pid()
        workers = site.workers()
        assert left
        site.end(signal.SIGKILL)
        until(lambda: not any(map(is_alive, workers)))
        with served(folder, port=site.port) as again:
            assert again.own_redis_pid() == left
            assert is_limited(again.visitor())
            assert again.end() == 0
            assert not is_alive(left)


def test_of_two_sites_on_one_folder_the_last_ends_it(folder: Path) -> None:
    with served(folder) as first, served(folder) as second:
        shared = first.own_redis_pid()
        assert shared
        assert second.own_redis_pid() == shared
        use_up(first.visitor())
        assert first.end() == 0
        assert is_limited(second.visitor())
        assert second.end() == 0
        assert not is_alive(shared)


def test_a_folder_too_long_for_a_socket_is_told_so(folder: Path, migrated: Path) -> None:
    long = folder / ("long" * 25)
    long.mkdir()
    shutil.copy(migrated, long / "netflix.db")
    with launched(long) as site:
        assert site.process
        assert site.process.wait(30) == 2
        assert "NETFLIX_INSTANCE: is too long for a socket in it" in site.said


def test_one_that_hangs_is_ended_with_the_site(folder: Path) -> None:
    with served(folder) as site:
        pid = site.own_redis_pid()
        assert pid
        os.kill(pid, signal.SIGSTOP)
        assert site.end() == 0
        assert not is_alive(pid)
        assert "Traceback" not in site.said
