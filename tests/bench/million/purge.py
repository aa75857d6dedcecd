"""A purge of as many expired sessions and events, beside people who sign in and look at pages."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, insert, text

from netflix.accounts.user import User
from netflix.events import chain, verification
from netflix.events.event import Event, Kind
from netflix.extensions import db
from netflix.signin.session import Session
from netflix.site import create_app
from tests.bench import client, machine
from tests.bench.client import request
from tests.bench.million.child import admin
from tests.bench.million.figure import MANY, Figure
from tests.bench.million.place import site
from tests.served import postgresql
from tests.watching import ROOT

SERVER = (sys.executable, "app.py")
PASSWORD = "seven quiet lanterns"
GIVEN = f"{PASSWORD}\n".encode()
ROWS, PEOPLE = 20_000, 10_000
# Milliseconds that anybody may wait for a lock.
MOST = 100
# Requests a second of each page, and seconds of rest that they are measured for.
RATE, REST = 10, 8
# In a process of its own, as from cron.
PURGE = """
import time
from datetime import timedelta
from netflix import clock, create_app
from netflix.upkeep import expiry
with create_app().app_context():
    pace, started = expiry.Pace(), time.perf_counter()
    gone = expiry.purge(pace, clock.now() - timedelta(days=365))
    print(pace.longest, time.perf_counter() - started, gone["expired session"], gone["old event"])
"""


def measure() -> Iterator[Figure]:
    yield from purged("SQLite")
    with postgresql.running() as server:
        yield from purged("PostgreSQL", NETFLIX_DATABASE_URL=server.fresh("purge"))


def purged(name: str, **settings: str) -> Iterator[Figure]:
    with ExitStack() as opened:
        port = machine.free_port()
        limits = {"NETFLIX_PORT": str(port), "NETFLIX_LOGIN_LIMIT": "1000000 per minute"}
        place = opened.enter_context(site(**settings, **limits, NETFLIX_BCRYPT_ROUNDS="10"))
        # Not here: who hashes is niced, and so would all be that is started from here.
        for person in ("user", "guest"):
            admin("users", "create", f"{person}@example.org", "--password-stdin", env=place.env, given=GIVEN)
        app = create_app(place.config)
        with app.app_context():
            fill()
            db.session.remove()
            db.engine.dispose()
        opened.enter_context(machine.serving(SERVER, port, "/login", place.env, ROOT))
        cookie = client.sign_in(port, "user@example.org", PASSWORD, client.entry(port))[1]
        sign_ins = opened.enter_context(people_signing_in(port))
        calm = waits(port, cookie, lambda since: time.perf_counter() - since > REST) | {"a sign-in": list(sign_ins)}
        sign_ins.clear()
        purge = subprocess.Popen(
            [sys.executable, "-c", PURGE], env=place.env, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        beside = waits(port, cookie, lambda _: purge.poll() is not None) | {"a sign-in": list(sign_ins)}
        assert purge.stdout
        assert purge.returncode == 0, "the purge failed"
        longest, took, gone, old = (float(word) for word in purge.stdout.read().split())
        purge.stdout.close()
        assert gone >= MANY
        assert old == MANY
        with app.app_context():
            assert not list(verification.faults())
            db.session.remove()
            db.engine.dispose()
    yield Figure(f"{name}: the longest transaction", longest * 1000, MOST, "ms")
    for page in calm:
        yield Figure(f"{name}: {page} p99 beside it ÷ at rest", p99(beside[page]) / p99(calm[page]))
    yield Figure(f"{name}: purged a second", 2 * MANY / took, unit="rows")


def p99(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.99) - 1]


def fill() -> None:
    """Sessions of last week, and a chain of events of two years ago."""
    then = datetime.now(UTC)
    with db.engine.begin() as connection:
        emails = [f"{number}@example.org" for number in range(PEOPLE)]
        rows = [{"email": email, "email_key": email, "is_admin": False, "created_at": then} for email in emails]
        connection.execute(insert(User), rows)
        sessions(connection, then - timedelta(days=8))
        events(connection, then - timedelta(days=730))
    if db.engine.dialect.name == "postgresql":
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))


def sessions(connection: Connection, at: datetime) -> None:
    row = {"created_at": at, "seen_at": at, "expires_at": at, "remembered": False, "address": ""}
    for start in range(0, MANY, ROWS):
        connection.execute(
            insert(Session),
            [
                row
                | {"digest": number.to_bytes(32, "big"), "idle_until": at + timedelta(microseconds=number)}
                | {"user_id": 3 + number % PEOPLE, "user_agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0"}
                for number in range(start, min(start + ROWS, MANY))
            ],
        )


def events(connection: Connection, at: datetime) -> None:
    length, digest = connection.execute(text("SELECT length, digest FROM event_chain")).one()
    assert length == 2
    connection.execute(text("DELETE FROM event"))
    length, digest = 0, bytes(32)
    for start in range(0, MANY, ROWS):
        rows = []
        for number in range(start + 1, min(start + ROWS, MANY) + 1):
            when = at + timedelta(seconds=number)
            values = [number, when, str(Kind.SIGNED_IN), 1, "user:1", "192.0.2.10", "{}"]
            digest = chain.link(digest, values)
            names = ("id", "at", "kind", "user_id", "by", "address", "detail")
            rows.append(dict(zip(names, values, strict=True)) | {"digest": digest})
        connection.execute(insert(Event), rows)
    seal = chain.sealed(b"written", MANY, digest)
    connection.execute(chain.ChainEnd.__table__.update().values(length=MANY, digest=digest, seal=seal))  # type: ignore[attr-defined]


@contextmanager
def people_signing_in(port: int) -> Iterator[list[float]]:
    """One after the other, without pause: what writes most. Yields the seconds of each, as they come."""
    over, took = threading.Event(), []

    def keep_signing_in() -> None:
        while not over.is_set():
            seen, started = client.entry(port), time.perf_counter()
            assert client.sign_in(port, "guest@example.org", PASSWORD, seen)[0] == 303
            took.append(time.perf_counter() - started)

    thread = threading.Thread(target=keep_signing_in)
    thread.start()
    try:
        yield took
    finally:
        over.set()
        thread.join()


def waits(port: int, cookie: str, is_over: Callable[[float], bool]) -> dict[str, list[float]]:
    """Seconds for each page, while something goes on."""
    pages = {"sign-in page": request("/login", keep=False), "dashboard": request("/dashboard", cookie, keep=False)}
    found: dict[str, list[float]] = {page: [] for page in pages}
    started = time.perf_counter()
    while not is_over(started):
        for page, sent in pages.items():
            found[page] += asyncio.run(client.arrivals(port, sent, RATE, 1))
    return found
