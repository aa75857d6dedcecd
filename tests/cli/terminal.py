"""`netflix-admin` as a process of its own: in a pipe, or at a terminal."""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple

from netflix.config import Config
from tests.watching import ROOT

COMMAND = [sys.executable, "-m", "cli"]


class Ended(NamedTuple):
    exit_code: int
    screen: str


def environment(config: Config) -> dict[str, str]:
    """What a process needs to find the site of a test."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
    return kept | {
        "PYTHONPATH": str(ROOT),
        "PYTHONUTF8": "1",
        "PYTHONWARNINGS": "error",
        "TERM": "xterm-256color",
        "NETFLIX_SECRET_KEY": ",".join(config.secret_key),
        "NETFLIX_PASSWORD_KEY": config.password_key,
        "NETFLIX_INSTANCE": str(config.instance),
        "NETFLIX_DATABASE_URL": config.database_url,
        "NETFLIX_REDIS_URL": config.redis_url,
        "NETFLIX_BCRYPT_ROUNDS": str(config.bcrypt_rounds),
    }


def in_a_pipe(config: Config, *args: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run without a terminal anywhere; `more` are variables."""
    return subprocess.run(
        [*COMMAND, *args],
        env=environment(config) | more,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        start_new_session=True,
    )


def at_a_terminal(
    config: Config, *args: str, columns: int = 80, typed: Sequence[tuple[str, str]] = (), **more: str
) -> Ended:
    """Run at a terminal of its own; each of `typed` is what to wait for and what to type then, `more` are variables."""
    with started(environment(config) | more, args, columns) as (process, screen):
        seen = ""
        for prompt, answer in typed:
            seen = until(screen, prompt, seen)
            os.write(screen, answer.encode() + b"\n")
        seen = until(screen, None, seen)
        return Ended(process.wait(30), seen.replace("\r\n", "\n"))


def interrupted_at(config: Config, prompt: str, *args: str) -> Ended:
    """What happens when Ctrl-C is pressed at a prompt."""
    with started(environment(config), args, 80) as (process, screen):
        seen = until(screen, prompt, "")
        process.send_signal(signal.SIGINT)
        return Ended(process.wait(30), until(screen, None, seen).replace("\r\n", "\n"))


@contextmanager
def started(env: Mapping[str, str], args: Sequence[str], columns: int) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    screen, line = pty.openpty()
    fcntl.ioctl(line, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen(
        [*COMMAND, *args],
        env=env,
        stdin=line,
        stdout=line,
        stderr=line,
        start_new_session=True,
        # Also where the tests run in the background, whose processes inherit that Ctrl-C is not for them.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    os.close(line)
    try:
        yield process, screen
    finally:
        process.kill()
        process.wait()
        os.close(screen)


def until(screen: int, text: str | None, seen: str) -> str:
    """Reads on from what was seen until `text` is new on the screen, or, without one, until the process ends."""
    found = len(seen)
    with suppress(OSError):
        while text is None or text not in seen[found:]:
            more = os.read(screen, 4096)
            if not more:
                break
            seen += more.decode("utf-8", "replace")
    return seen
