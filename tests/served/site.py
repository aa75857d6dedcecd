"""A site served for real: its processes, its folder, and its end."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from tests.served.visitor import Visitor, free_port
from tests.watching import until

ROOT = Path(__file__).parents[2]
COUNTED = Path(__file__).with_name("counted")
APP = (sys.executable, "app.py")
THREADED = ("-w", "2", "--threads", "8", "--no-control-socket")
GUNICORN = (sys.executable, "-m", "gunicorn", *THREADED, "-b", "127.0.0.1:{port}", "app:app")


class Site:
    """One serving process with all that it starts, on a port of its own."""

    def __init__(self, folder: Path, command: Sequence[str] = APP, root: Path = ROOT, **settings: Any) -> None:
        self.folder, self.root = folder, root
        self.port = int(str(settings.get("port", free_port())))
        self.command = [part.format(port=self.port) for part in command]
        self.log = folder / f"site-{self.port}.log"
        self.checks = folder / f"checks-{self.port}"
        self.env = environment(**{"instance": folder, "bcrypt_rounds": 4, **settings, "port": self.port})
        self.env |= {"PYTHONPATH": str(COUNTED), "COUNTED_IN": str(self.checks)}
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self.process
        return self.process.pid

    @property
    def said(self) -> str:
        return self.log.read_text()

    def visitor(self, address: str = "127.0.0.1") -> Visitor:
        return Visitor(self.port, address)

    def launch(self) -> "Site":
        """Starts it, and does not wait."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.root,
                env=self.env,
                stdout=log,
                stderr=log,
                start_new_session=True,
                # As at a terminal, also where the tests run in the background.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )
        return self

    def start(self) -> "Site":
        """Starts it and waits for its first page."""
        self.launch()
        until(self.answers, lambda: self.said)
        return self

    def answers(self) -> bool:
        assert self.process
        assert self.process.poll() is None, f"it ended with {self.process.returncode}: {self.said}"
        with suppress(OSError):
            return self.visitor().get("/login").status == 200
        return False

    def end(self, sent: signal.Signals = signal.SIGTERM, group: bool = False) -> int:
        """Ends it; its exit code."""
        assert self.process
        (os.killpg if group else os.kill)(self.pid, sent)
        return self.process.wait(30)

    def clean_up(self) -> None:
        """Leaves nothing running, whatever happened before."""
        if self.process and self.process.poll() is None:
            try:
                self.end()
            except subprocess.TimeoutExpired:
                self.end(signal.SIGKILL)
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        with suppress(RedisError), self.own_redis() as client:
            client.shutdown(nosave=True)

    def confirm(self, email: str) -> None:
        """As the link in the mail does, which comes later than a test about something else waits."""
        with closing(sqlite3.connect(self.folder / "netflix.db")) as database, database:
            database.execute("UPDATE user SET verified_at = created_at WHERE email = ?", [email])

    def own_redis(self) -> Redis:
        return Redis(unix_socket_path=str(self.folder / "redis.sock"), socket_timeout=2, retry=Retry(NoBackoff(), 0))

    def own_redis_pid(self) -> int | None:
        """The process of the site's own server; None when it does not answer."""
        with suppress(RedisError), self.own_redis() as client:
            return int(client.info("server")["process_id"])
        return None

    def health(self) -> tuple[int, str]:
        """What a monitor is told."""
        answer = self.visitor().get("/healthz")
        return answer.status, json.loads(answer.text)["status"]

    def count(self) -> int:
        """How many passwords were hashed up to now."""
        return self.checks.read_text().count("\n") if self.checks.exists() else 0

    @property
    def times_alone(self) -> int:
        """How often its workers found Redis away."""
        return self.said.count("degraded: redis")

    def workers(self) -> list[int]:
        """The processes that answer."""
        return [pid for pid in of_group(self.pid) if pid != self.pid]

    def listening(self) -> set[str]:
        """The sockets, by inode, that take connections: each of Granian's workers has one of its own."""
        here = f":{self.port:04X}"
        sockets = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
        return {parts[9] for parts in sockets if parts[1].endswith(here) and parts[3] == "0A"}


@contextmanager
def served(folder: Path, command: Sequence[str] = APP, root: Path = ROOT, **settings: Any) -> Iterator[Site]:
    """A site that answers, and is ended whatever happens."""
    site = Site(folder, command, root, **settings)
    try:
        yield site.start()
    finally:
        site.clean_up()


@contextmanager
def launched(folder: Path, command: Sequence[str] = APP, **settings: Any) -> Iterator[Site]:
    """A site that need not come up."""
    site = Site(folder, command, **settings)
    try:
        yield site.launch()
    finally:
        site.clean_up()


def environment(**settings: object) -> dict[str, str]:
    """This one's, with these settings of the site and no others."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NETFLIX_", "FLASK_", "PYTHON"))}
    return kept | {f"NETFLIX_{name.upper()}": str(value) for name, value in settings.items()}


def of_group(group: int) -> list[int]:
    """The live processes of a process group."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, its_group = stat.read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state != "Z":
                found.append(int(stat.parent.name))
    return found


def is_alive(pid: int) -> bool:
    with suppress(OSError):
        return re.search(r"^State:\s+Z", Path(f"/proc/{pid}/status").read_text(), re.M) is None
    return False
