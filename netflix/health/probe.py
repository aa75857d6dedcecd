"""A question that only the doctor can ask the served site: whom it takes a visitor for.

The doctor leaves the digest of 256 random bits in Redis for a minute, and shows the bits in a header. To whoever does
not, the page is not there.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import RedisError

from netflix import token
from netflix.limits import counter

HEADER = "X-Netflix-Probe"
PATH = "/healthz/visitor"
PREFIX = "netflix:probe:"
# Seconds.
LASTS = 60


@contextmanager
def opened() -> Iterator[str]:
    """What to show; it is worth something inside only. Raises CountersUnavailable."""
    carried = token.fresh()
    with counter.counters().patient() as redis:
        redis.set(named(carried), 1, ex=LASTS)
        try:
            yield carried
        finally:
            redis.delete(named(carried))


def is_open(carried: str) -> bool:
    """What cannot be one is not looked up."""
    if not re.fullmatch(r"[\w-]{43}", carried, re.ASCII):
        return False
    try:
        return bool(counter.counters().redis.exists(named(carried)))
    except RedisError:
        return False


def named(carried: str) -> str:
    return f"{PREFIX}{token.digest(carried).hex()}"
