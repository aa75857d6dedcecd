"""A simulated policy decides as the real counters do."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from netflix.errors import TooManyAttempts
from netflix.limits import counter
from netflix.limits.address import counted_as
from netflix.limits.policy import IN_A_ROW
from netflix.limits.windows import SECOND
from netflix.signin import attempt
from netflix.signin.logged import Logged
from netflix.signin.replay import Replay
from netflix.signin.simulation import Simulation
from netflix.values import rates
from tests.conftest import Build

BEGIN = 1_795_000_000 * SECOND
MINUTE = 60 * SECOND
ATTEMPTS = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 0, 1, 7, 59, 61, 300, 3599]),
        st.sampled_from(["ada@example.org", "bob@example.org"]),
        st.sampled_from(["192.0.2.1", "2001:db8::1", "2001:db8::2"]),
        st.sampled_from(["", "", "0" * 32]),
        st.sampled_from([False, False, False, True]),
    ),
    min_size=8,
    max_size=30,
)


@pytest.fixture
def site(build: Build) -> Flask:
    return build(
        login_limit=rates("3 per minute; 5 per hour"),
        account_limit=rates("4 per 10 minutes"),
        site_limit=rates("6 per 5 minutes"),
    )


@settings(max_examples=40, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(attempts=ATTEMPTS)
def test_it_agrees_with_redis(
    attempts: list[Any], site: Flask, redis: Redis, later: Callable[[timedelta], None]
) -> None:
    redis.flushall()
    passed, began = 0, time.monotonic_ns()
    with site.app_context():
        replay = Replay(site.extensions["netflix-config"])
        for gap, account, address, known, is_right in attempts:
            if gap:
                later(timedelta(seconds=gap))
            passed += gap * SECOND
            # What the attempts themselves take passes for Redis too.
            at = BEGIN + passed + (time.monotonic_ns() - began) // 1000
            wait = replay.attempt(Logged(at, counted_as(address), account, is_right, known))
            lanes = attempt.lanes(account, address, known)
            if wait:
                with pytest.raises(TooManyAttempts) as refusal:
                    counter.hit(*lanes)
                assert abs(wait / SECOND - (refusal.value.retry_after or 0)) <= 2
                continue
            counted = counter.hit(*lanes)
            if is_right:
                counter.refund(counted, *attempt.in_a_row(account, lanes))


def stranger(number: int, at: int, is_right: bool = False) -> Logged:
    return Logged(at, f"192.0.2.{number}", "ada@example.org", is_right)


def test_a_hundred_in_a_row_are_counted_for_weeks(app: Flask) -> None:
    replay = Replay(app.extensions["netflix-config"])
    waits = [replay.attempt(stranger(number, BEGIN + number * 7 * MINUTE)) for number in range(101)]
    assert [wait > 0 for wait in waits] == [False] * 100 + [True]
    assert {rule.limit for rule in replay.refused} == {IN_A_ROW}


def test_a_right_one_between_begins_the_row_anew(app: Flask) -> None:
    replay = Replay(app.extensions["netflix-config"])
    waits = [replay.attempt(stranger(n, BEGIN + n * 7 * MINUTE, is_right=n == 50)) for n in range(101)]
    assert not any(waits)


def test_a_wide_limit_is_not_held_to_what_the_journal_holds(build: Build) -> None:
    wide = build(site_limit=rates("3000 per 5 minutes"), login_limit=rates("9999 per hour")).extensions[
        "netflix-config"
    ]
    replay = Replay(wide)
    waits = [replay.attempt(Logged(BEGIN + n, f"10.0.{n // 9}.1", f"{n}@example.org", False)) for n in range(3001)]
    assert [wait > 0 for wait in waits] == [False] * 3000 + [True]


def test_who_fails_on_many_accounts_is_a_guesser_also_in_a_household(app: Flask) -> None:
    def judged(strangers: int) -> tuple[int, int, int]:
        simulation = Simulation([app.extensions["netflix-config"]], 10)
        tried = [Logged(BEGIN + n * MINUTE, "192.0.2.1", f"{n}@example.org", False) for n in range(strangers)]
        simulation.run([Logged(BEGIN, "192.0.2.1", "ada@example.org", True), *tried])
        return simulation.people.attempts, simulation.attackers.attempts, simulation.unclear.attempts

    assert judged(5) == (1, 0, 5)
    assert judged(6) == (1, 6, 0)
