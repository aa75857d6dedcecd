"""How people wait while the terminal lists a million: pages and sign-ins beside it and at rest."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack

from redis import Redis

from tests.bench import client, machine
from tests.bench.million.child import admin
from tests.bench.million.figure import Figure
from tests.bench.million.limits import fill, users
from tests.bench.million.place import site
from tests.bench.million.purge import GIVEN, PASSWORD, REST, SERVER, p99, people_signing_in, waits
from tests.watching import ROOT

COMMANDS = ("limits list --format jsonl", "users list --format jsonl", "users export - --format csv")
AGAIN = """
import subprocess, sys
for _ in range(3):
    subprocess.run([sys.executable, "-m", "cli", *sys.argv[1:]], stdout=subprocess.DEVNULL, check=True)
"""


def measure() -> Iterator[Figure]:
    with ExitStack() as opened:
        port = machine.free_port()
        settings = {"NETFLIX_PORT": str(port), "NETFLIX_LOGIN_LIMIT": "1000000 per minute"}
        place = opened.enter_context(site(**settings, NETFLIX_BCRYPT_ROUNDS="10"))
        for person in ("user", "guest"):
            admin("users", "create", f"{person}@example.org", "--password-stdin", env=place.env, given=GIVEN)
        users(place)
        with Redis.from_url(place.config.redis_url) as redis:
            fill(place, redis)
        opened.enter_context(machine.serving(SERVER, port, "/login", place.env, ROOT))
        cookie = client.sign_in(port, "user@example.org", PASSWORD, client.entry(port))[1]
        sign_ins = opened.enter_context(people_signing_in(port))
        calm = waits(port, cookie, lambda since: time.perf_counter() - since > REST) | {"a sign-in": list(sign_ins)}
        for words in COMMANDS:
            sign_ins.clear()
            listing = subprocess.Popen([sys.executable, "-c", AGAIN, *words.split()], env=place.env, cwd=ROOT)
            beside = waits(port, cookie, lambda _, listing=listing: listing.poll() is not None)  # type: ignore[misc]
            assert listing.returncode == 0
            for page, times in (beside | {"a sign-in": list(sign_ins)}).items():
                yield Figure(f"{words}: {page} p99 beside it ÷ at rest", p99(times) / p99(calm[page]))
                yield Figure("  p99 beside it", p99(times) * 1000, unit="ms")
