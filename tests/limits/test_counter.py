import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from netflix.errors import TooManyAttempts
from netflix.limits import counter, key, standing
from netflix.limits.counter import Attempt
from netflix.limits.key import Key
from netflix.limits.policy import LIMITS, REGISTRATION_FROM_ADDRESS, SIGN_IN_FROM_ADDRESS, SIGN_IN_TO_ACCOUNT, Lane
from netflix.values import rates
from tests.conftest import Build
from tests.watching import round_trips

HOME = (SIGN_IN_FROM_ADDRESS, "192.0.2.1")
ADA = (SIGN_IN_TO_ACCOUNT, "ada@example.org")
Later = Callable[[timedelta], None]


@pytest.fixture(autouse=True)
def _in_the_site(build: Build) -> Iterator[None]:
    with build(login_limit=rates("5 per minute")).app_context():
        yield


def is_let_in(*subjects: tuple[counter.Limit, str]) -> bool:
    try:
        counter.hit(*subjects)
    except TooManyAttempts:
        return False
    return True


def test_200_at_once_are_exactly_five(app: Flask) -> None:
    def hit(_: int) -> bool:
        with app.app_context():
            return is_let_in(HOME, ADA)

    with ThreadPoolExecutor(32) as crowd:
        assert sum(crowd.map(hit, range(200))) == 5


def test_in_no_window_of_a_steady_stream_are_more_than_five(later: Later) -> None:
    """An attempt every 7 seconds for 6 minutes."""
    let_in = []
    for second in range(0, 360, 7):
        if is_let_in(HOME):
            let_in.append(second)
        later(timedelta(seconds=7))
    assert all(sum(begin <= at < begin + 60 for at in let_in) <= 5 for begin in range(360))
    assert len(let_in) >= 26


def test_the_wait_is_until_the_oldest_leaves(later: Later) -> None:
    counter.hit(HOME)
    later(timedelta(seconds=20))
    for _ in range(4):
        counter.hit(HOME)
    with pytest.raises(TooManyAttempts) as refusal:
        counter.hit(HOME)
    assert 35 <= (refusal.value.retry_after or 0) <= 40


def test_after_the_told_wait_one_is_let_in(later: Later) -> None:
    for _ in range(5):
        counter.hit(HOME)
    with pytest.raises(TooManyAttempts) as refusal:
        counter.hit(HOME)
    later(timedelta(seconds=refusal.value.retry_after or 0))
    assert is_let_in(HOME)


def test_of_two_limits_the_longer_wait_is_told() -> None:
    for n in range(10):
        counter.hit((SIGN_IN_FROM_ADDRESS, f"203.0.113.{n}"), ADA)
    for _ in range(5):
        counter.hit(HOME)
    with pytest.raises(TooManyAttempts) as refusal:
        counter.hit(HOME, ADA)
    assert 3590 <= (refusal.value.retry_after or 0) <= 3600


def test_an_attempt_is_counted_under_all_its_limits_or_none(redis: Redis) -> None:
    for _ in range(5):
        counter.hit(HOME)
    before = {name: redis.lrange(name, 0, -1) for name in redis.keys("*")}
    assert not is_let_in(HOME, ADA)
    assert {name: redis.lrange(name, 0, -1) for name in redis.keys("*")} == before


def test_an_attempt_is_one_round_trip_and_its_refund_another() -> None:
    counter.refund(counter.hit(HOME, ADA))
    with round_trips() as trips:
        attempt = counter.hit(HOME, ADA)
    assert len(trips) == 1
    with round_trips() as trips:
        counter.refund(attempt)
    assert len(trips) == 1


def test_a_refund_takes_back_one_s_own_attempt_only(redis: Redis) -> None:
    first, second, third = counter.hit(HOME, ADA), counter.hit(HOME, ADA), counter.hit(HOME)
    counter.refund(second)
    stamps = [int(stamp) for stamp in redis.lrange("netflix:limits:sign-in:address:60:192.0.2.1", 0, -1)]
    assert stamps == [third.stamp, first.stamp]


def test_a_refund_twice_takes_back_one(redis: Redis) -> None:
    counter.hit(HOME)
    attempt = counter.hit(HOME)
    for _ in range(3):
        counter.refund(attempt)
    assert redis.llen("netflix:limits:sign-in:address:60:192.0.2.1") == 1


def test_stamps_at_once_are_all_different(app: Flask) -> None:
    def hit(n: int) -> Attempt:
        with app.app_context():
            return counter.hit((REGISTRATION_FROM_ADDRESS, "192.0.2.1"))

    with ThreadPoolExecutor(10) as crowd:
        attempts = list(crowd.map(hit, range(10)))
    assert len({attempt.stamp for attempt in attempts}) == 10


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["hit", "refund", "wait"]), max_size=40))
def test_whatever_happens_the_limit_holds(redis: Redis, later: Later, acts: list[str]) -> None:
    """Against a model in three lines."""
    redis.flushall()
    now, let_in, given_out = 0.0, list[float](), list[Attempt]()
    for act in acts:
        if act == "wait":
            later(timedelta(seconds=13))
            now += 13
            given_out.clear()
        elif act == "refund" and given_out:
            counter.refund(given_out.pop())
            let_in.pop()
        elif act == "hit":
            recent = [at for at in let_in if at > now - 60]
            try:
                given_out.append(counter.hit(HOME))
                let_in.append(now)
            except TooManyAttempts:
                assert len(recent) == 5
            else:
                assert len(recent) < 5


def test_a_counter_ends_with_its_window_and_is_no_longer_than_its_limit(redis: Redis) -> None:
    for _ in range(9):
        is_let_in(HOME, ADA)
    for name, window, amount in ((b"address:60", 60, 5), (b"account:3600", 3600, 10)):
        (found,) = [found for found in redis.keys("*") if name in found]
        assert window - 5 < redis.ttl(found) <= window
        assert redis.llen(found) <= amount


def test_a_steady_stream_makes_no_long_counter(redis: Redis, later: Later) -> None:
    for _ in range(12):
        assert is_let_in(HOME)
        later(timedelta(seconds=13))
    assert redis.llen("netflix:limits:sign-in:address:60:192.0.2.1") == 5


def test_the_worker_s_clock_decides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        counter.hit(HOME)
    true, true_ns = time.time, time.time_ns
    for ahead in (61, -61, 86_400):
        monkeypatch.setattr(time, "time", lambda ahead=ahead: true() + ahead)
        monkeypatch.setattr(time, "time_ns", lambda ahead=ahead: true_ns() + ahead * 10**9)
        assert not is_let_in(HOME)


def test_a_redis_that_lost_its_scripts_still_counts(redis: Redis) -> None:
    counter.hit(HOME)
    redis.script_flush()
    assert [is_let_in(HOME) for _ in range(5)] == [True] * 4 + [False]
    assert not counter.counters().store.degraded


def test_stamps_from_a_clock_that_was_ahead_let_nobody_through(redis: Redis) -> None:
    """A restored Redis, or a clock set back: strict, and over when the counter ends."""
    ahead = int((time.time() + 30) * 1_000_000)
    redis.rpush("netflix:limits:sign-in:address:60:192.0.2.1", *[ahead - n for n in range(4)])
    assert [is_let_in(HOME), is_let_in(HOME)] == [True, False]


@given(st.text(st.characters(), max_size=400), st.sampled_from(LIMITS))
def test_a_key_is_short_plain_and_tells_no_e_mail(subject: str, limit: counter.Limit) -> None:
    who = key.account("secret", subject) if limit.lane is Lane.ACCOUNT else counter.counted_as(subject)
    assert re.fullmatch(
        r"netflix:limits:[a-z-]+:(address|account):60:[0-9a-f:./]{2,45}|.*:unknown", str(Key(limit, 60, who))
    )


@given(st.sampled_from(LIMITS), st.integers(1, 10**9), st.text(min_size=1))
def test_a_key_that_is_written_is_read_again(limit: counter.Limit, window: int, who: str) -> None:
    assert Key.read(str(Key(limit, window, who))) == Key(limit, window, who)


STRANGE_KEYS = [
    "",
    "x",
    "netflix:limits:",
    "netflix:limits:sign-in",
    "netflix:limits:sign-in:address:x:1",
    "LIMITS:LIMITER/x",
]
STRANGE_KEYS += [
    "netflix:limits:other:address:60:1",
    "netflix:limits:sign-in:other:60:1",
    "xnetflix:limits:sign-in:address:60:1",
]
STRANGE_KEYS += [
    "netflix:limits:sign-in:address:-1:1",
    "netflix:limits:sign-in:address::1",
    "netflix:limits:sign-in:address:²:1",
]


@pytest.mark.parametrize("text", STRANGE_KEYS)
def test_a_key_that_is_not_ours_is_none(text: str) -> None:
    assert Key.read(text) is None


def test_an_account_s_key_needs_the_secret() -> None:
    assert key.account("one", "ada@example.org") != key.account("two", "ada@example.org")
    assert key.account("one", "ada@example.org") != key.account("one", "eve@example.org")


def test_limits_of_one_name_are_told_apart_by_lane() -> None:
    assert len({(limit.name, limit.lane) for limit in LIMITS}) == len(LIMITS)


def test_how_a_counter_stands(redis: Redis) -> None:
    for _ in range(5):
        counter.hit(HOME, ADA)
    address, account = sorted(standing.read(), key=lambda standing: standing.amount)
    assert (address.used, address.left, address.is_blocked) == (5, 0, True)
    assert 55 < address.free_in <= 60
    assert (account.used, account.left, account.is_blocked, account.free_in) == (5, 5, False, 0)


def test_what_has_left_the_window_is_not_told(later: Later) -> None:
    counter.hit(HOME)
    later(timedelta(seconds=61))
    assert list(standing.read()) == []


def test_a_cleared_counter_is_free_and_nothing_else_is_touched(redis: Redis) -> None:
    redis.set("somebody else's", "x")
    redis.rpush("netflix:limits:other:address:60:1", 1)
    for _ in range(5):
        counter.hit(HOME, ADA)
    assert counter.clear(counter.counters().keys(Lane.ADDRESS, "192.0.2.1")) == 1
    assert is_let_in(HOME)
    assert counter.clear() == 2
    assert sorted(redis.keys("*")) == [b"netflix:limits:other:address:60:1", b"somebody else's"]


def test_a_dry_run_clears_nothing(redis: Redis) -> None:
    counter.hit(HOME, ADA)
    assert counter.clear(dry_run=True) == 2
    assert redis.dbsize() == 2


def test_what_is_wrong_with_keys_under_our_prefix_is_told(redis: Redis) -> None:
    counter.hit(HOME, ADA)
    assert list(counter.oddities()) == []
    redis.set("somebody else's", "x")
    redis.persist("netflix:limits:sign-in:address:60:192.0.2.1")
    redis.set("netflix:limits:sign-in:address:60:192.0.2.2", 1, ex=60)
    redis.set("netflix:limits:sign-in:village:60:192.0.2.3", 1)
    redis.set(b"netflix:limits:\xff", 1)
    redis.lpush("netflix:limits:sign-in:address:60:192.0.2.4", "1764000000000000", "a text")
    redis.expire("netflix:limits:sign-in:address:60:192.0.2.4", 60)
    assert sorted(counter.oddities()) == [
        ("netflix:limits:\\xff", "not ours"),
        ("netflix:limits:sign-in:address:60:192.0.2.1", "no expiry"),
        ("netflix:limits:sign-in:address:60:192.0.2.2", "wrong type"),
        ("netflix:limits:sign-in:address:60:192.0.2.4", "no times"),
        ("netflix:limits:sign-in:village:60:192.0.2.3", "not ours"),
    ]


def test_what_is_wrong_is_looked_for_many_keys_at_a_time(redis: Redis) -> None:
    for n in range(2500):
        redis.rpush(f"netflix:limits:sign-in:address:60:10.0.{n >> 8}.{n & 255}", 1)
    with round_trips() as trips:
        assert {fault for _, fault in counter.oddities()} == {"no expiry"}
    assert len(trips) <= 14


def test_several_rates_are_several_counters(build: Build, redis: Redis, later: Later) -> None:
    with build(login_limit=rates("2 per minute; 3 per hour")).app_context():
        assert [is_let_in(HOME) for _ in range(3)] == [True, True, False]
        keys = counter.counters().keys(Lane.ADDRESS, "192.0.2.1")
        assert [key.window for key in keys if key.limit.name == "sign-in"] == [60, 3600]
        later(timedelta(seconds=61))
        assert [is_let_in(HOME) for _ in range(2)] == [True, False]


def test_flask_limiter_s_own_way_in_counts_the_same() -> None:
    store = counter.counters().store
    assert [store.acquire_entry("shared", 3, 60) for _ in range(4)] == [True] * 3 + [False]
