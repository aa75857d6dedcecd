"""Folders and servers for sites that are served for real."""

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from netflix.config import Config
from tests.served.parts import program
from tests.served.site import Site, served
from tests.served.visitor import free_port
from tests.watching import until


def fresh(migrated: Path) -> Path:
    """A short folder, for the socket in it, with keys and an empty database at head."""
    folder = Path(tempfile.mkdtemp(prefix="nf-"))
    Config(instance=folder).completed()
    shutil.copy(migrated, folder / "netflix.db")
    return folder


@pytest.fixture
def folder(migrated: Path) -> Iterator[Path]:
    """The instance folder of a site."""
    path = fresh(migrated)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def site(migrated: Path) -> Iterator[Site]:
    """A site with two workers that the tests of one file share, each from addresses of its own."""
    path = fresh(migrated)
    with served(path) as site:
        yield site
    shutil.rmtree(path)


class RedisServer:
    """A redis-server of Debian's, to be stopped, hung and started again."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://localhost:{self.port}/0"
        self.command = [program("redis-server"), "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        self.command += ["--dir", str(folder), "--appendonly", "yes"]

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL)
        until(self.answers)

    def answers(self) -> bool:
        with suppress(RedisError), Redis.from_url(self.url) as client:
            return bool(client.ping())
        return False

    def hang(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        self.go_on()
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture
def redis_server(folder: Path) -> Iterator[RedisServer]:
    server = RedisServer(folder)
    server.start()
    yield server
    server.end()
