"""A command as a process of its own: how long it took, when its first line came, and what it weighed."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from tests.watching import ROOT

READ = 1 << 20
# Seconds between two looks at what a process weighs.
LOOK = 0.02


class Ran(NamedTuple):
    """Times in seconds; `first` is until the first line was there, `peak` the most memory (RSS) in MB.

    `processor` is the process's own time; it hardly moves when others use the machine.
    """

    seconds: float
    first: float
    peak: float
    lines: int
    processor: float


class Scales(threading.Thread):
    """The most that a process weighed, in MB. What wait4 tells of it is never less than its starter's weight."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.peak = pid, 0.0
        self.is_over = threading.Event()

    def run(self) -> None:
        with suppress(OSError):
            while not self.is_over.wait(LOOK):
                status = Path(f"/proc/{self.pid}/status").read_text()
                if "VmHWM" in status:
                    self.peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024


def run(*args: str, env: Mapping[str, str], given: bytes = b"", code: int = 0, counted: bool = True) -> Ran:
    """Python with these arguments, what it prints thrown away. `given` is short enough for a pipe.

    To read and count a million lines takes the processor from what is measured: when not `counted`, nobody does.
    """
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *args],
        env=env,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE if counted else subprocess.DEVNULL,
        bufsize=0,
    )
    scales = Scales(process.pid)
    scales.start()
    assert process.stdin
    process.stdin.write(given)
    process.stdin.close()
    first, lines = 0.0, 0
    while process.stdout and (text := os.read(process.stdout.fileno(), READ)):
        first = first or time.perf_counter() - started
        lines += text.count(b"\n")
    if process.stdout:
        process.stdout.close()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == code, f"{args} ended with {process.returncode}"
    seconds = time.perf_counter() - started
    scales.is_over.set()
    scales.join()
    processor = usage.ru_utime + usage.ru_stime
    return Ran(seconds, first, scales.peak, lines, processor)


def admin(*args: str, env: Mapping[str, str], given: bytes = b"", code: int = 0, counted: bool = True) -> Ran:
    """`netflix-admin` with these arguments."""
    return run("-m", "cli", *args, env=env, given=given, code=code, counted=counted)
