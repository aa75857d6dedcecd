"""Redis: whether it answers, keeps what it is given, and holds nothing under our names that is not ours."""

import shlex
from collections.abc import Iterator
from itertools import islice
from urllib.parse import parse_qs, unquote, urlsplit

from netflix.config import Config
from netflix.errors import CountersUnavailable
from netflix.health.finding import Finding, fault, ok, warning
from netflix.limits import counter
from netflix.limits.store import PROBE, CounterStore

# Of keys that are wrong, so many are counted.
MANY = 1000
# The share of Redis's memory from which on it is told.
FULL = 0.9
NOT_OURS = "not ours"
# In a command.
MOST_NAMED = 5


def findings(config: Config) -> Iterator[Finding]:
    try:
        with counter.counters().patient() as redis:
            known = redis.info("server") | redis.info("memory") | redis.info("persistence")
            CounterStore.probe(redis)
            redis.delete(PROBE)
    except CountersUnavailable as refusal:
        yield fault("redis", refusal.sentence, refusal.remedy)
        return
    yield ok("redis", f"It answers, version {known.get('valkey_version') or known.get('redis_version')}.")
    yield memory(config, known)
    yield persistence(config, known)
    yield from keys(config)


def client(config: Config) -> str:
    """How the site's Redis is reached from a shell; a password is asked for there."""
    url = urlsplit(config.redis_url)
    number = parse_qs(url.query).get("db", [url.path.strip("/") if url.scheme != "unix" else ""])[0]
    words = ["redis-cli", *(["-s", unquote(url.path)] if url.scheme == "unix" else [])]
    if url.scheme != "unix":
        words += ["-u", f"{url.scheme}://{url.netloc.rpartition('@')[2]}"]
    words += ["-n", number] if number.strip("0") else []
    words += ["--user", unquote(url.username)] if url.username else []
    words += ["--askpass"] if url.password else []
    return shlex.join(words)


def set_right(config: Config, name: str, value: str) -> str:
    """The remedy for a setting of Redis that is wrong."""
    now = f"`{client(config)} CONFIG SET {name} {value}` sets it until Redis is started anew"
    if config.keeps_own_redis:
        return f"{now}, by the site as it should be."
    return f"{now}; write `{name} {value}` into its configuration file too."


def memory(config: Config, known: dict[str, object]) -> Finding:
    policy, most, used = (known.get(name) for name in ("maxmemory_policy", "maxmemory", "used_memory"))
    if policy != "noeviction":
        return fault(
            "redis memory",
            f"When Redis is full it forgets attempts (maxmemory-policy is {policy}).",
            set_right(config, "maxmemory-policy", "noeviction"),
        )
    if isinstance(most, int) and isinstance(used, int) and most and used > FULL * most:
        return warning(
            "redis memory",
            f"{used / most:.0%} of its {most >> 20:,} MB are used.",
            "Give it more (`maxmemory`); `netflix-admin limits list --top 20` shows who fills it.",
        )
    return ok("redis memory", "When it is full, nothing is forgotten (noeviction).")


def persistence(config: Config, known: dict[str, object]) -> Finding:
    if "err" in (known.get("aof_last_write_status"), known.get("rdb_last_bgsave_status")):
        return fault("redis disk", "Redis cannot write its data to disk.", "Look at its log and free the disk.")
    if known.get("aof_enabled"):
        return ok("redis disk", "It writes every attempt to disk.")
    return warning(
        "redis disk",
        "Redis may lose attempts when it is started anew: it keeps no append-only file.",
        set_right(config, "appendonly", "yes"),
    )


def keys(config: Config) -> Iterator[Finding]:
    odd = list(islice(counter.oddities(), MANY))
    foreign = [name for name, what in odd if what == NOT_OURS]
    broken = [f"{name} ({what})" for name, what in odd if what != NOT_OURS]
    if foreign:
        yield fault(
            "foreign keys",
            f"{told(foreign)} under the site's prefix {'is' if len(foreign) == 1 else 'are'} not the site's.",
            of_others(config, foreign),
        )
    else:
        yield ok("foreign keys", "Nothing of others stands under the site's prefix.")
    if broken:
        yield fault(
            "counters",
            f"{told(broken)} {'is' if len(broken) == 1 else 'are'} not as the site makes counters.",
            "Somebody else wrote to this Redis. `netflix-admin limits clear --all` deletes them with all counters; "
            "of one address or e-mail, `limits clear --address` or `--account` does.",
        )
    else:
        yield ok("counters", "All count, and end by themselves.")


def of_others(config: Config, names: list[str]) -> str:
    named = shlex.join(names[:MOST_NAMED])
    rest = " These are the first; then look again." if len(names) > MOST_NAMED else ""
    command = f"`{client(config)} UNLINK {named}`.{rest}"
    if config.keeps_own_redis:
        return f"This Redis is the site's own. Delete them: {command}"
    return (
        f"Delete them: {command} If another program makes them, give the site a Redis database of its own, such as "
        "NETFLIX_REDIS_URL=redis://host:6379/1."
    )


def told(names: list[str]) -> str:
    if len(names) == 1:
        return f"The key {names[0]}"
    count = f"{MANY:,} or more" if len(names) == MANY else f"{len(names):,}"
    return f"{count} keys, such as {names[0]},"
