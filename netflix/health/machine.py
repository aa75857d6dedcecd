"""This machine: its clock, room on its disks, the modes of the site's files, its keys, and the cost of a password."""

import math
import os
import shutil
import stat
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import bcrypt
from redis.exceptions import RedisError
from sqlalchemy import make_url, text
from sqlalchemy.exc import SQLAlchemyError

from netflix import clock
from netflix.config import SAFE_ROUNDS, Config
from netflix.errors import CountersUnavailable
from netflix.extensions import db
from netflix.health.finding import Finding, fault, ok, warning
from netflix.limits import counter

# Seconds. A code of an authenticator app lasts thirty, and attempts are counted by Redis's clock.
NOTICED, WRONG = 2, 5
# Bytes; and how often the database must have room once more, for its log, a migration or a backup.
LEAST_ROOM = 256 * 2**20
TIMES = 2
# Bits (ASVS 5.0 11.5.1).
STRONG = 128
# Seconds for one password.
SLOW = 1.0
# What stands in a key of zeros, whoever wrote it: the frame of a compressed text.
FRAME = 8


def findings(config: Config) -> Iterator[Finding]:
    yield from clocks()
    yield keys(config)
    yield cost(config)
    yield room(config)
    yield modes(config)


def clocks() -> Iterator[Finding]:
    off = {
        name: difference
        for name, ask in (("Redis", redis_time), ("the database", database_time))
        for difference in ask()
    }
    far = {name: seconds for name, seconds in off.items() if abs(seconds) > NOTICED}
    if not far:
        yield ok("clocks", f"This machine's agrees with {' and '.join(off) or 'itself'}.")
        return
    said = " and ".join(f"{abs(s):.0f} seconds {'behind' if s > 0 else 'ahead of'} {name}'s" for name, s in far.items())
    kind = fault if max(map(abs, far.values())) > WRONG else warning
    yield kind("clocks", f"This machine's clock is {said}.", "Set them by NTP, on each machine.")


def redis_time() -> Iterator[float]:
    """How far it is ahead, if it can be asked."""
    try:
        with counter.counters().patient() as redis:
            before = clock.now().timestamp()
            seconds, micro = redis.time()
            yield seconds + micro / 1e6 - (before + clock.now().timestamp()) / 2
    except (CountersUnavailable, RedisError):
        return


def database_time() -> Iterator[float]:
    """Of a database with a clock of its own."""
    if db.engine.dialect.name != "postgresql":
        return
    try:
        before = clock.now().timestamp()
        there = db.session.scalar(text("SELECT extract(epoch FROM clock_timestamp())"))
        yield float(there or 0) - (before + clock.now().timestamp()) / 2
    except SQLAlchemyError:
        return
    finally:
        db.session.rollback()


def keys(config: Config) -> Finding:
    named = {"NETFLIX_SECRET_KEY": config.secret_key[0], "NETFLIX_PASSWORD_KEY": config.password_key}
    weak = [name for name, key in named.items() if strength(key) < STRONG]
    if weak:
        return fault(
            "keys",
            f"So regular that it can be guessed: {' and '.join(weak)}.",
            "Take what `python -c 'import secrets; print(secrets.token_urlsafe(48))'` prints; with a new password key "
            "everybody needs a new link.",
        )
    if len(set(named.values())) == 1:
        return warning("keys", "Both keys are the same.", "Change NETFLIX_SECRET_KEY: nobody is signed out by NEW,OLD.")
    return ok("keys", "Both have bits enough.")


def strength(key: str) -> float:
    """Bits at most: what its letters allow, and what is left of it when repetitions are taken out."""
    counts = Counter(key)
    letters = -sum(count * math.log2(count / len(key)) for count in counts.values())
    return min(letters, 8 * (len(zlib.compress(key.encode(), 9)) - FRAME))


def cost(config: Config) -> Finding:
    # Of the processor, since a machine that is busy just now says nothing about the cost.
    started = time.thread_time()
    bcrypt.hashpw(b"how long", bcrypt.gensalt(config.bcrypt_rounds))
    took = time.thread_time() - started
    told = f"Checking a password takes {took * 1000:.0f} ms (cost {config.bcrypt_rounds})"
    if config.bcrypt_rounds < SAFE_ROUNDS:
        return warning("password cost", f"{told}: too cheap.", f"Set NETFLIX_BCRYPT_ROUNDS to {SAFE_ROUNDS} or more.")
    if took > SLOW:
        return warning("password cost", f"{told}: few can sign in at once.", "Lower NETFLIX_BCRYPT_ROUNDS by one.")
    return ok("password cost", f"{told}.")


def database_file(config: Config) -> Path | None:
    url = make_url(config.database_url)
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


def room(config: Config) -> Finding:
    file = database_file(config)
    size = file.stat().st_size if file and file.exists() else 0
    needed = max(LEAST_ROOM, TIMES * size)
    for folder in dict.fromkeys([config.instance, *([file.parent] if file else [])]):
        free = shutil.disk_usage(folder).free
        if free < needed:
            return fault(
                "disk room",
                f"{folder} has {free >> 20:,} MB left, and should have {needed >> 20:,}.",
                "Free the disk, or move the site to a larger one.",
            )
    return ok("disk room", f"There are {shutil.disk_usage(config.instance).free >> 20:,} MB left.")


def modes(config: Config) -> Finding:
    """What others of this machine can read or write."""
    file = database_file(config)
    own = [config.instance / name for name in ("secret.key", "password.key", "limits.journal", "redis.sock")]
    own += [file.with_name(file.name + end) for end in ("", "-wal", "-shm")] if file else []
    opened = [path for path in own if path.exists() and path.stat().st_mode & 0o077]
    strangers = [path for path in own if path.exists() and path.stat().st_uid != os.geteuid()]
    if opened:
        return fault(
            "file modes",
            f"Others can read {' and '.join(str(path) for path in opened)}.",
            f"`chmod 600 {' '.join(str(path) for path in opened)}`; a key that others may have read needs changing.",
        )
    if strangers:
        return fault(
            "file modes",
            f"{' and '.join(str(path) for path in strangers)} is not this user's.",
            "Give it to the user who runs the site (`chown`).",
        )
    if stat.S_IMODE(config.instance.stat().st_mode) & 0o077:
        return warning("file modes", f"Others can look into {config.instance}.", f"`chmod 700 {config.instance}`.")
    return ok("file modes", "The site's files are for its user alone.")
