"""`limits list` and `limits clear` at a million counters and as many users.

The reference is a bare redis-py client that walks the same keys by SCAN and reads the TTL and value of each thousand
in a pipeline; it prints nothing.
"""

import sqlite3
import statistics
from collections.abc import Callable, Iterator
from typing import NamedTuple

from redis import Redis

from netflix.limits import key
from netflix.limits.key import Key
from netflix.limits.policy import IN_A_ROW, REGISTRATION_FROM_ADDRESS, SIGN_IN_FROM_ADDRESS, SIGN_IN_TO_ACCOUNT
from tests.bench.machine import used
from tests.bench.million.child import Ran, admin, run
from tests.bench.million.figure import MANY, Figure
from tests.bench.million.place import Place, site

ROUNDS = 3
BARE = """
import sys
from redis import Redis
redis, cursor, seen = Redis.from_url(sys.argv[1]), -1, 0
while cursor:
    cursor, names = redis.scan(max(cursor, 0), "netflix:limits:*", 1000)
    pipe = redis.pipeline(transaction=False)
    for name in names:
        pipe.ttl(name)
        pipe.lrange(name, 0, -1)
    seen += len(pipe.execute()) // 2
assert seen >= int(sys.argv[2])
"""
# KEYS: counters. ARGV: seconds of the window, then how many attempts each has.
FILL = """
local t = redis.call('TIME')
for number, key in ipairs(KEYS) do
  for ago = tonumber(ARGV[number + 1]), 1, -1 do
    redis.call('LPUSH', key, string.format('%.0f', (t[1] - ago) * 1000000 + t[2]))
  end
  redis.call('EXPIRE', key, ARGV[1])
end
"""
HOUR, MONTH = 3600, 30 * 86400
# One in a hundred has used up what it has.
FULL = {SIGN_IN_FROM_ADDRESS: 20, REGISTRATION_FROM_ADDRESS: 10, SIGN_IN_TO_ACCOUNT: 10, IN_A_ROW: 100}


def measure() -> Iterator[Figure]:
    with site() as place, Redis.from_url(place.config.redis_url) as redis:
        users(place)
        fill(place, redis)
        redis.config_set("slowlog-max-len", 100_000)
        yield from listing(place, redis, "limits list --format jsonl", MANY)
        yield from listing(place, redis, "limits list --blocked --top 20", 20)
        yield from clearing(place, redis)


def users(place: Place) -> None:
    path = place.config.database_url.removeprefix("sqlite:///")
    with sqlite3.connect(path) as database:
        database.execute(
            'INSERT INTO "user" (email, email_key, is_admin, created_at) WITH RECURSIVE count (n) AS '
            "(SELECT 0 UNION ALL SELECT n + 1 FROM count WHERE n + 1 < ?) "
            "SELECT 'user' || n || '@example.org', 'user' || n || '@example.org', 0, '2026-01-01 00:00:00.000000' "
            "FROM count",
            (MANY,),
        )
    database.close()


def fill(place: Place, redis: Redis) -> None:
    """For each of a quarter of them an address with two counters, and an account with two, of which half are users."""
    secret = place.config.secret_key[0]
    of_addresses = ((SIGN_IN_FROM_ADDRESS, HOUR), (REGISTRATION_FROM_ADDRESS, HOUR))
    of_accounts = ((SIGN_IN_TO_ACCOUNT, HOUR), (IN_A_ROW, MONTH))
    for begin in range(0, MANY // 4, 1000):
        numbers = range(begin, min(begin + 1000, MANY // 4))
        addresses = [f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in numbers]
        digests = [key.account(secret, f"user{n}@example.org" if n % 2 else f"{n}@example.net") for n in numbers]
        for subjects, kinds in ((addresses, of_addresses), (digests, of_accounts)):
            for limit, window in kinds:
                names = [str(Key(limit, window, who)) for who in subjects]
                lengths = [FULL[limit] if n % 100 == 0 else 1 + n % 5 for n in numbers]
                redis.eval(FILL, len(names), *names, window, *lengths)


class Took(NamedTuple):
    """Seconds, and those of the processor: the command's and Redis's together."""

    seconds: float
    processor: float


def timed(redis: Redis, command: Callable[[], Ran]) -> tuple[Took, Ran]:
    server = int(redis.info("server")["process_id"])
    before = used(server)
    ran = command()
    return Took(ran.seconds, ran.processor + used(server) - before), ran


def listing(place: Place, redis: Redis, words: str, least: int) -> Iterator[Figure]:
    first = admin(*words.split(), env=place.env)
    assert first.lines >= least
    times, processor, ours, held = [], [], [first], list[float]()
    for _ in range(ROUNDS):
        # Long before: what was logged takes milliseconds to be freed, and the first calls after it wait for that.
        redis.slowlog_reset()
        before, _ = timed(redis, lambda: bare(place))
        redis.config_set("slowlog-log-slower-than", 500)
        took, ran = timed(redis, lambda: admin(*words.split(), env=place.env, counted=False))
        calls = redis.slowlog_get(100_000)
        redis.config_set("slowlog-log-slower-than", -1)
        after, _ = timed(redis, lambda: bare(place))
        held += [call["duration"] / 1000 for call in calls if call["command"].startswith((b"EVAL", b"SCAN"))]
        times.append(took.seconds / statistics.mean((before.seconds, after.seconds)))
        processor.append(took.processor / statistics.mean((before.processor, after.processor)))
        ours.append(ran)
    yield Figure(f"{words} ÷ bare SCAN, TTL and LRANGE", statistics.median(times), 0.7)
    yield Figure("  the same in processor time, Redis's too", statistics.median(processor))
    yield Figure("  its time", statistics.median(one.seconds for one in ours[1:]), unit="s")
    yield Figure("  its first line", first.first, unit="s")
    yield Figure("  its memory", max(one.peak for one in ours), 100, "MB")
    yield Figure("  Redis held by its longest call", max(held, default=0.0), 5, "ms")
    yield Figure("  by 999 of 1,000 calls at most", sorted(held)[int(len(held) * 0.999) - 1] if held else 0.0, 5, "ms")


def bare(place: Place) -> Ran:
    return run("-c", BARE, place.config.redis_url, str(MANY // 4 * 4), env=place.env)


def clearing(place: Place, redis: Redis) -> Iterator[Figure]:
    redis.config_resetstat()
    took = admin("limits", "clear", "--address", "10.0.0.1", env=place.env).seconds
    calls = redis.info("commandstats")
    yield Figure("limits clear --address", took, unit="s")
    yield Figure("  its SCANs", sum(calls[name]["calls"] for name in calls if "scan" in name or "keys" in name), 0)
