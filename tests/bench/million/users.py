"""All users as JSON lines, beside SQLAlchemy's Core and `json.dumps`; and people who come in from a file."""

import random
import shutil
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from glob import glob
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import psycopg
from sqlalchemy import create_engine, insert

from netflix.accounts.user import User
from tests.bench.million.child import admin, run
from tests.bench.million.figure import MANY, Figure
from tests.bench.million.place import Place, site
from tests.served import postgresql

T = TypeVar("T")
ROUNDS = 3
IMPORTED = max(MANY // 10, 1000)
BCRYPT = "$2y$10$" + "W" * 21 + "e" + "N" * 30 + "o"
START = datetime(2024, 1, 1, tzinfo=UTC)
REFERENCE = """
import json, sys
from sqlalchemy import create_engine, select
from netflix.accounts.user import User

def iso(at):
    return at and f"{at:%Y-%m-%dT%H:%M:%SZ}"

of = User.__table__.c
chosen = select(
    of.email,
    of.id,
    of.is_admin.label("admin"),
    of.disabled_at.is_not(None).label("disabled"),
    of.password_hash.is_not(None).label("has_password"),
    of.verified_at.is_not(None).label("verified"),
    of.deleting_at,
    of.signed_in_at,
    of.created_at,
).order_by(of.email_key)
with create_engine(sys.argv[1]).connect() as connection:
    for row in connection.execution_options(yield_per=1000).execute(chosen):
        told = dict(row._mapping)
        for name in ("deleting_at", "signed_in_at", "created_at"):
            told[name] = iso(told[name])
        sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\\n")
"""


def measure() -> Iterator[Figure]:
    with site() as place:
        yield from on("SQLite", place)
    if shutil.which("initdb") or glob("/usr/lib/postgresql/*/bin/initdb"):
        with postgresql.running() as server, site(NETFLIX_DATABASE_URL=server.url("postgres")) as place:
            yield from on("PostgreSQL", place)


def on(name: str, place: Place) -> Iterator[Figure]:
    yield from importing(name, place)
    apart(fill, place, IMPORTED)
    ratios, firsts, peaks = [], [], []
    for _ in range(ROUNDS):
        bare = run("-c", REFERENCE, url(place), env=place.env)
        ours = admin("users", "list", "--format", "jsonl", env=place.env)
        assert ours.lines == bare.lines == MANY
        # What a server does for them is in no processor time of theirs.
        alone = name == "SQLite"
        ratios.append(ours.processor / bare.processor if alone else ours.seconds / bare.seconds)
        firsts.append(ours.first * 1000)
        peaks.append(ours.peak)
    yield Figure(f"users list, {name} ÷ Core with yield_per and json.dumps", statistics.median(ratios), 1 / 3)
    yield Figure(f"until its first row, {name}", statistics.median(firsts), 500, "ms")
    yield Figure(f"its memory, {name}", statistics.median(peaks), 100, "MB")
    for options in ("--admin", "--disabled", "--created-since 1d", "--sort -signed-in --limit 100"):
        took = admin("users", "list", *options.split(), "--format", "jsonl", env=place.env)
        yield Figure(f"users list {options}, {name}, {took.lines:,} rows", took.seconds * 1000, unit="ms")


def url(place: Place) -> str:
    return place.config.database_url.replace("postgresql://", "postgresql+psycopg://")


def fill(place: Place, there: int) -> None:
    """Users in no order, as people come."""
    drawn, engine, now = random.Random(1), create_engine(url(place)), datetime.now(UTC)  # noqa: S311
    for first in range(there, MANY, 10_000):
        rows = []
        for n in range(first, min(first + 10_000, MANY)):
            email = f"{drawn.getrandbits(32):08x}.{n}@example.org"
            seen = START + timedelta(seconds=drawn.randrange(60_000_000))
            rows.append(
                {
                    "email": email,
                    "email_key": email,
                    "password_hash": BCRYPT,
                    "is_admin": n % (MANY // 10) == 7,
                    "created_at": now - timedelta(minutes=n),
                    "verified_at": seen,
                    "disabled_at": None if n % 5000 else seen,
                    "signed_in_at": seen if n % 3 else None,
                }
            )
        with engine.begin() as connection:
            connection.execute(insert(User.__table__), rows)  # type: ignore[arg-type]
    engine.dispose()


def importing(name: str, place: Place) -> Iterator[Figure]:
    path = place.config.instance / "people.csv"
    bare = IMPORTED / apart(inserting, place, path)
    ran = admin("users", "import", str(path), env=place.env)
    ours = IMPORTED / ran.seconds
    yield Figure(f"users import, {name}", ours, unit="rows/s", least=10_000 if name == "SQLite" else None)
    yield Figure(f"for each second of its processor time, {name}", IMPORTED / ran.processor, unit="rows")
    yield Figure(f"the same by executemany alone, {name}", bare, unit="rows/s")
    yield Figure(f"users import ÷ executemany, {name}", ours / bare)


def apart(work: Callable[..., T], *args: object) -> T:
    """In a process of its own: what is run later is told to weigh as much as who started it."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(work, *args).result()


def inserting(place: Place, path: Path) -> float:
    """Seconds of the least that could be done: the rows alone, unchecked and without events. They go again.

    A file of them is left at `path`.
    """
    drawn = random.Random(2)  # noqa: S311
    emails = [f"{drawn.getrandbits(32):08x}.new{n}@example.org" for n in range(IMPORTED)]
    path.write_text("email,admin,password_hash\n" + "".join(f"{email},no,{BCRYPT}\n" for email in emails))
    rows = [(email, email, BCRYPT, False, START.isoformat(" ")) for email in emails]
    with opened(place) as (connection, mark):
        started = time.perf_counter()
        values = ", ".join([mark] * 5)
        cursor = connection.cursor()
        cursor.executemany(
            f'INSERT INTO "user" (email, email_key, password_hash, is_admin, created_at) VALUES ({values})',  # noqa: S608
            rows,
        )
        connection.commit()
        took = time.perf_counter() - started
        cursor.execute('DELETE FROM "user"')
        connection.commit()
    return took


@contextmanager
def opened(place: Place) -> Iterator[tuple[sqlite3.Connection | psycopg.Connection, str]]:
    given = place.config.database_url
    if given.startswith("sqlite"):
        connection: sqlite3.Connection | psycopg.Connection = sqlite3.connect(place.config.instance / "netflix.db")
        connection.execute("PRAGMA synchronous = NORMAL")
    else:
        connection = psycopg.connect(given)
    yield connection, "?" if given.startswith("sqlite") else "%s"
    connection.close()
