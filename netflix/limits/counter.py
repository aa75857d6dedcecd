"""Counting attempts: hit, refund and clear, over the keys of `key` and the table of `policy`."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import NamedTuple, TypeVar, cast

from flask import Flask, current_app, g
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from netflix import config as settings
from netflix import embedded
from netflix.config import Config
from netflix.errors import TooManyAttempts
from netflix.limits import key, outage
from netflix.limits.address import counted_as
from netflix.limits.key import Key
from netflix.limits.policy import LIMITS, Lane, Limit
from netflix.limits.scripts import ODD
from netflix.limits.store import CounterStore
from netflix.limits.windows import Rule

# Keys that Redis is asked about at once: it answers nobody else for the millisecond that this takes.
BATCH = 500
# Where a request's own attempts are that used a limit up.
KEPT = "netflix_used_up"
T = TypeVar("T")


class UsedUp(NamedTuple):
    """A limit whose last attempt was let in, for whom, by which rule of it; `others` are whom it counted too."""

    limit: Limit
    subject: str
    rule: Rule
    others: tuple[tuple[Limit, str], ...]

    def of(self, lane: Lane) -> str:
        """Whom the attempt counted in that lane, or nothing."""
        return next((who for limit, who in ((self.limit, self.subject), *self.others) if limit.lane is lane), "")


class Attempt(NamedTuple):
    """One attempt that was let in, as it can be taken back."""

    rules: tuple[Rule, ...]
    stamp: int
    used_up: UsedUp | None = None


@dataclass(frozen=True, eq=False)
class Kind:
    """Counters of one limit over one window; each is itself alone, which is quickly looked up."""

    limit: Limit
    window: int
    amount: int


class Counters:
    """The counters of one site."""

    def __init__(self, app: Flask, config: Config) -> None:
        app.config["RATELIMIT_STORAGE_URI"] = f"netflix+{config.redis_url}"
        app.config["RATELIMIT_STORAGE_OPTIONS"] = {
            "journal": config.instance / "limits.journal",
            "revive": partial(embedded.revive, config) if config.keeps_own_redis else None,
        }
        app.config["RATELIMIT_STRATEGY"] = "moving-window"
        self.limiter = Limiter(get_remote_address)
        # Counting is an act's business. Known to the app beforehand, Flask-Limiter leaves out its own pass
        # before and after each request, which would find nothing to do and cost as much as the session check.
        app.extensions["limiter"] = {self.limiter}
        self.limiter.init_app(app)
        self._rules = {limit: limit.rules(config) for limit in LIMITS}
        self.kinds = [Kind(limit, window, amount) for rules in self._rules.values() for limit, amount, window in rules]
        self._secret = config.secret_key[0]
        self._redis_url = config.redis_url
        self._keeps_own = config.keeps_own_redis

    @property
    def store(self) -> CounterStore:
        storage = self.limiter.storage
        assert isinstance(storage, CounterStore)  # noqa: S101  (for mypy: Flask-Limiter knows it as a Storage)
        return storage

    @property
    def redis(self) -> Redis:
        return self.store.redis

    @contextmanager
    def patient(self) -> Iterator[Redis]:
        """Redis for somebody who reads or clears many counters and can wait longer than a sign-in.

        Raises CountersUnavailable for whatever goes wrong with it.
        """
        try:
            with Redis.from_url(
                self._redis_url, socket_timeout=1, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0)
            ) as redis:
                yield redis
        except RedisError as error:
            raise outage.refusal(error, self._keeps_own) from error

    def who(self, limit: Limit, subject: str) -> str:
        """Whom `limit` counts for an address, a device's digest, or a normalised e-mail or its digest."""
        if limit.lane is Lane.ADDRESS:
            return counted_as(subject)
        if limit.lane is Lane.SITE:
            return key.ALL
        # No e-mail looks like a digest, as a listing shows it.
        return subject if re.fullmatch("[0-9a-f]{32}", subject) else self.digest(subject)

    def digest(self, email_key: str) -> str:
        """Whom the account lane counts for a normalised e-mail."""
        return key.account(self._secret, email_key)

    def rules(self, limit: Limit, subject: str) -> list[Rule]:
        who = self.who(limit, subject)
        return [Rule(str(Key(limit, window, who)), amount, window) for _, amount, window in self._rules[limit]]

    def hit(self, *subjects: tuple[Limit, str]) -> Attempt:
        """As `hit` below, for who has no request yet."""
        limits = [(limit, subject, rule) for limit, subject in subjects for rule in self.rules(limit, subject)]
        rules = tuple(rule for *_, rule in limits)
        decision = self.store.acquire_together(rules)
        if decision.rule:
            raise TooManyAttempts(decision.value / 1_000_000)
        used_up = UsedUp(*limits[decision.used_up - 1], subjects) if decision.used_up else None
        return Attempt(rules, decision.value, used_up)

    def refund(self, attempt: Attempt, forgiven: Iterable[Rule] = ()) -> None:
        self.store.refund(attempt.rules, attempt.stamp, tuple(forgiven))

    def keys(self, lane: Lane, subject: str) -> list[Key]:
        """Every counter that may stand for one subject, computed, not searched."""
        return [
            Key(limit, window, self.who(limit, subject))
            for limit in LIMITS
            if limit.lane is lane
            for _, _, window in self._rules[limit]
        ]

    def amount(self, counter: Key) -> int | None:
        """What the policy of today allows under this counter; None when it is of an older policy."""
        return {window: amount for _, amount, window in self._rules[counter.limit]}.get(counter.window)


def counters() -> Counters:
    return current_app.extensions["netflix-counters"]


def hit(*subjects: tuple[Limit, str]) -> Attempt:
    """Counts one attempt under each limit for its subject (an address, a normalised e-mail, a device), or under none.

    Raises TooManyAttempts with the longest wait.
    """
    return kept(counters().hit(*subjects))


def kept(attempt: Attempt) -> Attempt:
    """The same; while it is not given back, `used_up` tells of it."""
    if attempt.used_up:
        g.setdefault(KEPT, []).append(attempt)
    return attempt


def used_up() -> list[UsedUp]:
    """The limits whose last attempts this request made."""
    return [attempt.used_up for attempt in g.pop(KEPT, ())]


def who(limit: Limit, subject: str) -> str:
    """Whom `limit` counts for an address or a normalised e-mail."""
    return counters().who(limit, subject)


def in_record(account: str) -> str:
    """A normalised e-mail, or its digest, as the record names it: twelve digits tell them apart."""
    return names_in_record(account)[0]


def names_in_record(account: str) -> list[str]:
    """The same, and as the record named it under each secret key that was the site's before and is still known."""
    known = re.fullmatch("[0-9a-f]{12,32}", account)
    digests = [account] if known else [key.account(secret, account) for secret in settings.current().secret_key]
    return [digest[:12] for digest in digests]


def is_for(attempt: Attempt, *subjects: tuple[Limit, str]) -> bool:
    """Whether the attempt was counted for just these."""
    wanted = [rule.key for limit, subject in subjects for rule in counters().rules(limit, subject)]
    return [rule.key for rule in attempt.rules] == wanted


def refund(attempt: Attempt, *forgiven: tuple[Limit, str]) -> None:
    """Gives one attempt back: it was right, or it never reached the check. The `forgiven` are counted anew."""
    site = counters()
    if attempt in g.get(KEPT, ()):
        g.get(KEPT).remove(attempt)
    site.refund(attempt, (rule for limit, subject in forgiven for rule in site.rules(limit, subject)))


def let_in_at(stamp: int, *subjects: tuple[Limit, str]) -> Attempt:
    """The attempt that was counted for these and got that stamp, for who did not keep it."""
    site = counters()
    return Attempt(tuple(rule for limit, subject in subjects for rule in site.rules(limit, subject)), stamp)


def forget(*forgiven: tuple[Limit, str]) -> None:
    """Whoever these count begins anew."""
    refund(Attempt((), 0), *forgiven)


@contextmanager
def refunding(attempt: Attempt, unless: type[Exception] | tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Gives the attempt back when what follows fails for another reason than `unless`."""
    try:
        yield
    except unless:
        raise
    except BaseException:
        refund(attempt)
        raise


def clear(wanted: Iterable[Key] | None = None, dry_run: bool = False) -> int:
    """Forgets the wanted counters, or all that bear a name of ours; answers how many there were.

    Raises CountersUnavailable. The journal comes first: what stands there no more is not told to Redis afterwards.
    """
    gone = 0
    with counters().patient() as redis:
        if wanted is None and not dry_run:
            clear_journal()
        for batch in batches(everything(redis) if wanted is None else ((str(one).encode(), one) for one in wanted)):
            names = [name for name, _ in batch]
            if not dry_run:
                clear_journal(counter for _, counter in batch)
            gone += redis.exists(*names) if dry_run else redis.unlink(*names)
    return gone


def clear_journal(wanted: Iterable[Key] | None = None) -> None:
    """Forgets the wanted counters, or all, where they stand beside Redis, or alone since Redis lost them."""
    fallback = counters().store.fallback
    if wanted is None:
        fallback.clear_all()
    else:
        fallback.clear([Rule(str(counter), 0, counter.window) for counter in wanted])


def everything(redis: Redis) -> Iterator[tuple[bytes, Key]]:
    """Every key that bears a counter's name, also of another type; SCAN may name one twice."""
    for name in redis.scan_iter(f"{key.PREFIX}*", count=BATCH):
        counter = Key.read(name.decode("utf-8", "replace"))
        if counter:
            yield name, counter


def digests(beginnings: Iterable[str]) -> dict[str, set[str]]:
    """Of e-mails that are counted now, those that begin so; they are searched. Raises CountersUnavailable."""
    found: dict[str, set[str]] = {beginning: set() for beginning in beginnings}
    with counters().patient() as redis:
        for names in named(redis, f"{key.PREFIX}*:{Lane.ACCOUNT}:*"):
            read = (Key.read(name.decode("utf-8", "replace")) for name in names)
            counted = {one.who for one in read if one and one.limit.lane is Lane.ACCOUNT}
            for beginning, begun in found.items():
                begun |= {who for who in counted if who.startswith(beginning)}
    return found


def oddities() -> Iterator[tuple[str, str]]:
    """Keys under our prefix that are not as we make them, each with its fault: `not ours`, `wrong type`, `no expiry`,
    `no times`.

    Raises CountersUnavailable.
    """
    with counters().patient() as redis:
        for names in named(redis):
            texts = [name.decode("utf-8", "backslashreplace") for name in names]
            yield from ((text, "not ours") for text in texts if not Key.read(text))
            for number, fault in redis.eval(ODD, len(names), *names):
                if Key.read(texts[number - 1]):
                    yield texts[number - 1], fault.decode()


def named(redis: Redis, pattern: str = f"{key.PREFIX}*") -> Iterator[list[bytes]]:
    """The names of all keys like that, some at a time and each of those once; SCAN may name one again later."""
    cursor = -1
    while cursor:
        cursor, found = redis.scan(max(cursor, 0), pattern, BATCH)
        if found:
            yield cast("list[bytes]", list(dict.fromkeys(found)))


def batches(source: Iterable[T]) -> Iterator[list[T]]:
    source = iter(source)
    while batch := list(dict.fromkeys(islice(source, BATCH))):
        yield batch


def is_answering() -> bool:
    """Whether Redis counts."""
    return counters().store.is_answering()
