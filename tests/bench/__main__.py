"""`make bench`: the site beside a bare Flask page on gunicorn, as ratios taken in the same run.

Processor time of server and Redis per request hardly moves when others use the machine, requests a second do:
so the first is told. Each figure is the median of its rounds.
"""

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import bcrypt

from netflix.accounts.registration import create
from netflix.accounts.user import User
from netflix.config import Config
from netflix.extensions import db
from netflix.site import create_app
from tests.bench import client, machine
from tests.bench.client import request

ROOT = Path(__file__).parents[2]
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
USERS, PASSWORD = 64, "seven quiet lanterns"
GUNICORN = "-m gunicorn --no-control-socket -k gthread -w 2 --threads 4 -b 127.0.0.1:{port} tests.bench.bare:app"


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="nb-") as folder:
        instance = Path(folder)
        people(instance)
        started = time.perf_counter()
        pages(instance)
        with site(instance, "1000000 per minute") as (pid, port, first_page):
            checks = signing_in(pid, port)
            busy(port, checks)
            weight(pid)
            print(f"first page after {first_page:.2f} s of a warm start")
            slow_senders(port)
        print(f"({time.perf_counter() - started:.0f} s, {ROUNDS} rounds, {machine.CORES} cores)")


def people(instance: Path) -> None:
    """Users who share one password, and so one hash."""
    app = create_app(Config(instance=instance).completed())
    subprocess.run([sys.executable, "-m", "flask", "db", "upgrade"], env=environment(instance, 1), cwd=ROOT, check=True)
    with app.app_context():
        kept = create("user0@example.org", PASSWORD).password_hash
        emails = [f"user{n}@example.org" for n in range(1, USERS)]
        db.session.add_all(User(email=email, email_key=email, password_hash=kept) for email in emails)
        db.session.commit()
        db.engine.dispose()


def environment(instance: Path, port: int, limit: str = "5 per minute") -> dict[str, str]:
    ours = {"NETFLIX_INSTANCE": str(instance), "NETFLIX_PORT": str(port), "NETFLIX_LOGIN_LIMIT": limit}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NETFLIX_")}
    return kept | ours | {"NETFLIX_ACCOUNT_LIMIT": "1000000 per hour"}


@contextmanager
def site(instance: Path, limit: str) -> Iterator[tuple[int, int, float]]:
    port = machine.free_port()
    with machine.serving([sys.executable, "app.py"], port, "/login", environment(instance, port, limit), ROOT) as (
        pid,
        first_page,
    ):
        yield pid, port, first_page


def pages(instance: Path) -> None:
    """Processor time per request, each slice between two of the reference."""
    port = machine.free_port()
    command = [sys.executable, *GUNICORN.format(port=port).split()]
    with (
        machine.serving(command, port, "/", dict(os.environ), ROOT) as (bare, _),
        site(instance, "5 per minute") as (pid, ours, _),
    ):
        seen = client.entry(ours)
        cookie = client.sign_in(ours, "user0@example.org", PASSWORD, seen)[1]
        form = {"email": "user1@example.org", "password": "not the password", "csrf_token": seen[1]}
        refused = request("/login", seen[0], form)
        attempts = client.Connection(ours)
        while attempts.ask(refused)[0] != 429:
            pass
        attempts.close()

        def per(server: int, at: int, sent: bytes, status: int) -> float:
            before = machine.used(server)
            count = client.steady(at, sent, 1.0, status)
            return (machine.used(server) - before) / count * 1e6

        for name, sent, status, most in (
            ("sign-in page", request("/login"), 200, 1.4),
            ("dashboard", request("/dashboard", cookie), 200, 2.4),
            ("refused sign-in", refused, 429, 1.2),
        ):
            ratios, costs = [], []
            for _ in range(ROUNDS):
                first = per(bare, port, request("/"), 200)
                costs.append(per(pid, ours, sent, status))
                ratios.append(costs[-1] / statistics.mean((first, per(bare, port, request("/"), 200))))
            tell(f"{name}: processor time ÷ bare Flask on gunicorn", ratios, f"at most {most}; {span(costs, 0)} µs")


def signing_in(pid: int, port: int) -> float:
    """Sign-ins a second beside what bcrypt allows on these cores; answers the seconds of one check."""
    kept = bcrypt.hashpw(b"x", bcrypt.gensalt(12))

    def check(_: object = None) -> float:
        started = time.perf_counter()
        bcrypt.checkpw(b"x", kept)
        return time.perf_counter() - started

    alone, shares = min(check() for _ in range(3)), []
    for turn in range(ROUNDS):
        with ThreadPoolExecutor(machine.CORES) as pool:
            started = time.perf_counter()
            list(pool.map(check, range(6 * machine.CORES)))
            allowed = 6 * machine.CORES / (time.perf_counter() - started)
        seen = [client.entry(port) for _ in range(16)]
        with ThreadPoolExecutor(8) as pool:
            started = time.perf_counter()
            emails = [f"user{16 * (turn % 3) + n + 1}@example.org" for n in range(16)]
            done = pool.map(client.sign_in, [port] * 16, emails, [PASSWORD] * 16, seen)
            assert {status for status, _ in done} == {303}
            shares.append(16 / (time.perf_counter() - started) / allowed)
    tell("sign-ins a second ÷ what bcrypt allows", shares, "at least 0.95")
    return alone


def busy(port: int, check: float) -> None:
    """The dashboard's slowest in a hundred while eight people sign in without pause, beside one password check."""
    cookie = client.sign_in(port, "user0@example.org", PASSWORD, client.entry(port))[1]
    over, shares = threading.Event(), []

    def keep_signing_in(number: int) -> None:
        while not over.is_set():
            client.sign_in(port, f"user{number}@example.org", PASSWORD, client.entry(port))

    with ThreadPoolExecutor(8) as pool:
        for number in range(8):
            pool.submit(keep_signing_in, number + 10)
        time.sleep(1)
        for _ in range(ROUNDS):
            sent = request("/dashboard", cookie, keep=False)
            times = sorted(asyncio.run(client.arrivals(port, sent, 40, 4)))
            shares.append(times[int(len(times) * 0.99) - 1] / check)
        over.set()
    tell("dashboard p99 while 8 sign in ÷ one password check", shares, "at most 0.25")


def weight(pid: int) -> None:
    rows = machine.weights(pid)
    tell("MB of memory of a worker (RSS)", [rss for rss, _ in rows], f"at most 60; PSS {span([p for _, p in rows], 0)}")


def slow_senders(port: int) -> None:
    """The sign-in page while 300 connections have sent half of a head, or of a form, and wait."""
    head = f"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\n{client.FORM}\r\nContent-Length: 99"
    form = f"{head}\r\n\r\nemail="

    def slowest() -> float:
        times = []
        for _ in range(50):
            connection, started = client.Connection(port), time.perf_counter()
            assert connection.ask(request("/login"))[0] == 200
            times.append(time.perf_counter() - started)
            connection.close()
        return max(times)

    calm = slowest()
    for name, sent in (("heads", head), ("forms", form)):
        slow = client.half_sent(port, sent.encode(), 300, slowest)
        print(f"slowest of 50 sign-in pages with 300 half-sent {name}: {slow * 1000:.0f} ms ({calm * 1000:.0f} calm)")


def span(values: list[float], digits: int = 2) -> str:
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def tell(name: str, values: list[float], beside: str) -> None:
    print(f"{name}: {span(values)}  [{beside}]", flush=True)


if __name__ == "__main__":
    main()
