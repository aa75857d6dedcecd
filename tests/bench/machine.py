"""Processes, the processor time they use, and what they weigh."""

import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
CORES = os.cpu_count() or 1


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def family(root: int) -> dict[int, int]:
    """A process and all below it, each with the ticks it and its ended children have used."""
    seen: dict[int, tuple[int, int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            seen[int(entry)] = int(fields[1]), sum(map(int, fields[11:15]))
    found = {root}
    while more := {pid for pid, (parent, _) in seen.items() if parent in found} - found:
        found |= more
    return {pid: seen[pid][1] for pid in found if pid in seen}


def used(*roots: int) -> float:
    """Seconds of processor time."""
    return sum(sum(family(root).values()) for root in roots) / TICKS


def weights(root: int) -> list[tuple[float, float]]:
    """(RSS, PSS) in MB of each Python worker below a server."""
    rows = []
    for pid in family(root):
        program = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].rpartition(b"/")[2]
        if pid != root and program.startswith(b"python"):
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            rss, pss = (re.search(rf"^{word}:\s+(\d+)", text, re.M) for word in ("Rss", "Pss"))
            if rss and pss:
                rows.append((int(rss[1]) / 1024, int(pss[1]) / 1024))
    return rows


@contextmanager
def serving(
    command: Sequence[str], port: int, path: str, env: dict[str, str], cwd: Path
) -> Iterator[tuple[int, float]]:
    """A server that answers: its process, and the seconds until its first page."""
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=cwd, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not answers(port, path):
            assert process.poll() is None, f"{command} ended with {process.returncode}"
            time.sleep(0.005)
        yield process.pid, time.perf_counter() - started
    finally:
        process.terminate()
        process.wait(15)


def answers(port: int, path: str) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
            return connection.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False
