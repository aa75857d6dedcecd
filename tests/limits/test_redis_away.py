"""What the site promises while its Redis is gone, and when it is back."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from redis.exceptions import ConnectionError as RedisGone
from redis.exceptions import ReadOnlyError, RedisError

from netflix.config import Config
from netflix.errors import ConfigError
from netflix.limits import counter, store
from netflix.limits.policy import Lane
from netflix.limits.store import CounterStore
from tests.conftest import Build
from tests.people import Browser
from tests.watching import hashes, log, round_trips, until

KEY = "netflix:limits:sign-in:address:60:192.0.2.10"


@dataclass
class Road:
    """The only way from the site to Redis."""

    path: Path
    redis: Path
    site: Flask | None = None

    def open(self) -> None:
        if not self.path.is_symlink():
            self.path.symlink_to(self.redis)

    def close(self) -> None:
        self.path.unlink(missing_ok=True)
        if self.site:
            self.store.redis.connection_pool.disconnect()

    @property
    def store(self) -> CounterStore:
        assert self.site
        return self.site.extensions["netflix-counters"].store  # type: ignore[no-any-return]


def probes() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "redis-probe"]


@pytest.fixture
def road(redis_url: str, short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Road]:
    monkeypatch.setattr(store, "PROBE_EVERY", 0.01)
    road = Road(short_folder / f"road{os.getpid()}.sock", Path(redis_url.removeprefix("unix://")))
    yield road
    road.open()
    until(lambda: not probes())
    road.path.unlink()


@pytest.fixture
def app(build: Build, road: Road) -> Flask:
    """A site whose Redis is away from the start."""
    road.site = build(redis_url=f"unix://{road.path}")
    return road.site


@pytest.fixture
def twin(app: Flask, build: Build, road: Road) -> Iterator[Browser]:
    """A browser of the same household that another process of the site answers."""
    site = build(redis_url=f"unix://{road.path}")
    yield Browser(site)
    road.open()
    until(lambda: not site.extensions["netflix-counters"].store.degraded)


def guesses(browser: Browser, times: int, email: str = "ada@example.org") -> list[int]:
    return [browser.sign_in(email, "a wrong guess").status_code for _ in range(times)]


def test_signing_in_works_and_is_still_limited(browser: Browser, ada: str) -> None:
    assert browser.sign_in(ada).status_code == 303
    with hashes() as done:
        assert guesses(browser, 7) == [401] * 5 + [429] * 2
    assert len(done) == 5


def test_several_processes_keep_one_limit(browser: Browser, twin: Browser, ada: str) -> None:
    assert guesses(browser, 2) + guesses(twin, 4) + guesses(browser, 1) == [401] * 5 + [429] * 2


def test_a_right_one_at_one_process_is_free_again_at_the_other(browser: Browser, twin: Browser, ada: str) -> None:
    assert guesses(browser, 4) == [401] * 4
    assert twin.sign_in(ada).status_code == 303
    assert guesses(browser, 2) == [401, 429]


def test_a_process_that_alone_misses_redis_lets_no_more_in(
    app: Flask, browser: Browser, road: Road, build: Build, redis_url: str, ada: str
) -> None:
    """The other one is answered by Redis, which has not heard of what was let in without it."""
    other = Browser(build(redis_url=redis_url))
    assert guesses(browser, 4) == [401] * 4
    assert guesses(other, 3) == [401, 429, 429]
    assert guesses(browser, 1) == [429]


def test_of_two_processes_the_first_to_return_lets_no_more_in(
    app: Flask, browser: Browser, road: Road, build: Build, redis_url: str, ada: str, redis: Redis
) -> None:
    other = Browser(build(redis_url=redis_url))
    assert guesses(browser, 3) == [401] * 3
    assert guesses(other, 1) == [401]
    road.open()
    until(lambda: not road.store.degraded)
    assert guesses(other, 2) == [401, 429]
    assert redis.llen(KEY) == 5


def test_what_redis_let_in_when_another_process_had_let_in_the_last_is_taken_back(
    app: Flask, browser: Browser, build: Build, redis_url: str, ada: str, redis: Redis
) -> None:
    other = Browser(build(redis_url=redis_url))
    assert guesses(browser, 5) == [401] * 5
    assert guesses(other, 2) == [429] * 2
    assert redis.llen(KEY) == 0


def test_what_redis_let_in_before_it_heard_of_the_others_is_taken_back(
    app: Flask,
    browser: Browser,
    road: Road,
    build: Build,
    redis_url: str,
    ada: str,
    redis: Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The one process has its answer, and is not yet done with it, when the other tells of five."""
    site = build(redis_url=redis_url)
    counting = site.extensions["netflix-counters"].store
    # It is to have its answer also on a machine that is busy with other tests.
    counting.redis.connection_pool.connection_kwargs["socket_timeout"] = 5
    true = counting._acquire

    def answer_then_hear(*given: Any) -> Any:
        answer = true(*given)
        road.open()
        until(lambda: not road.store.degraded)
        return answer

    assert guesses(browser, 5) == [401] * 5
    monkeypatch.setattr(counting, "_acquire", answer_then_hear)
    with hashes() as done:
        assert guesses(Browser(site), 1) == [429]
    assert not done
    assert redis.llen(KEY) == 5


def test_the_account_is_still_limited(app: Flask, ada: str) -> None:
    answers = [Browser(app, f"203.0.113.{n}").sign_in(ada, "wrong").status_code for n in range(11)]
    assert answers == [401] * 10 + [429]


def test_a_closed_port_is_no_different(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CounterStore, "_await_return", lambda self: None)
    site = build(redis_url="redis://127.0.0.1:1/0")
    assert guesses(Browser(site), 6) == [401] * 5 + [429]


def test_a_monitor_and_the_log_are_told_once(browser: Browser, road: Road) -> None:
    with log() as written:
        guesses(browser, 3)
        answer = browser.get("/healthz")
        assert answer.status_code == 503
        assert answer.json == {"status": "degraded", "database": "ok", "redis": "degraded"}
        road.open()
        until(lambda: not probes())
    assert browser.get("/healthz").json == {"status": "ok", "database": "ok", "redis": "ok"}
    told = "degraded: redis does not answer (ConnectionError); limits are counted in the instance folder"
    assert written.getvalue().count(told) == 1
    assert written.getvalue().count("recovered: redis answers again") == 1


def test_a_monitor_s_question_alone_begins_to_look_for_it(app: Flask, browser: Browser, road: Road) -> None:
    assert not probes()
    assert browser.get("/healthz").status_code == 503
    assert len(probes()) == 1
    road.open()
    until(lambda: not probes())
    assert browser.get("/healthz").status_code == 200


def test_a_monitor_s_question_holds_for_the_attempts_to_come(browser: Browser, ada: str) -> None:
    token = browser.token()
    browser.get("/healthz")
    with round_trips() as trips:
        fields = {"csrf_token": token, "email": ada, "password": "x"}
        assert browser.client.post("/login", data=fields, environ_base=browser.environ).status_code == 401
        # What the probe sends meanwhile is no attempt.
        assert not [trip for trip in trips if b"EVALSHA" in b"".join(trip)]


@pytest.mark.parametrize("path", ["/dashboard", "/register", "/login", "/password", "/", "/nowhere"])
def test_pages_never_ask_redis(browser: Browser, road: Road, ada: str, path: str) -> None:
    browser.sign_in(ada)
    road.open()
    until(lambda: not probes())
    with round_trips() as trips:
        browser.get(path)
    assert trips == []


def test_what_was_let_in_without_redis_is_told_on_its_return(
    browser: Browser, road: Road, redis: Redis, ada: str
) -> None:
    assert guesses(browser, 3) == [401] * 3
    assert redis.dbsize() == 0
    road.open()
    until(lambda: not road.store.degraded)
    assert redis.llen(KEY) == 3
    assert 0 < redis.pttl(KEY) <= 60_000
    assert guesses(browser, 3) == [401, 401, 429]


def test_a_right_one_is_not_told(browser: Browser, road: Road, redis: Redis, ada: str) -> None:
    assert browser.sign_in(ada).status_code == 303
    road.open()
    until(lambda: not road.store.degraded)
    assert not redis.keys("netflix:limits:*")


def test_losing_redis_in_between_forgives_nobody(browser: Browser, road: Road, redis: Redis, ada: str) -> None:
    road.open()
    assert guesses(browser, 3) == [401] * 3
    assert redis.llen(KEY) == 3
    road.close()
    assert guesses(browser, 3) == [401, 401, 429]


def test_coming_and_going_lets_no_more_in(browser: Browser, road: Road, ada: str) -> None:
    answers = []
    for _ in range(4):
        road.open()
        until(lambda: not road.store.degraded)
        answers += guesses(browser, 1)
        road.close()
        answers += guesses(browser, 1)
    assert answers.count(401) == 5


def test_a_restarted_and_empty_redis_lets_one_household_no_more_than_twice(
    browser: Browser, road: Road, redis: Redis, ada: str
) -> None:
    """Its memory is gone; what this process let in without it is told."""
    assert guesses(browser, 5) == [401] * 5
    redis.flushall()
    road.open()
    until(lambda: not road.store.degraded)
    assert guesses(browser, 2) == [429] * 2


def test_a_refund_meanwhile_does_not_stop_the_return(
    app: Flask, road: Road, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A right one is given back in the very moment in which Redis hears of it."""
    with app.app_context():
        attempt = counter.hit((counter.LIMITS[0], "192.0.2.10"))
        tell: Callable[..., Any] = road.store._report

        def overtaken(*args: object) -> Any:
            heard = tell(*args)
            with app.app_context():
                counter.refund(attempt)
            return heard

        monkeypatch.setattr(road.store, "_report", overtaken)
        road.open()
        until(lambda: not road.store.degraded)
    assert redis.llen(KEY) <= 1


def test_redis_that_goes_again_while_it_is_told_hears_the_rest_later(
    app: Flask, browser: Browser, road: Road, redis: Redis, monkeypatch: pytest.MonkeyPatch, ada: str
) -> None:
    guesses(browser, 4)
    tell, told = road.store._report, []

    def falters(*args: Any) -> Any:
        told.append(args)
        if len(told) == 3:
            raise RedisGone
        return tell(*args)

    monkeypatch.setattr(road.store, "_report", falters)
    road.open()
    until(lambda: not road.store.degraded)
    assert redis.llen(KEY) == 4


def test_what_is_over_by_then_is_not_told(
    app: Flask, road: Road, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netflix.limits.fallback.time.time_ns", lambda: 1_000_000_000 * 10**9)
    with app.app_context():
        counter.hit((counter.LIMITS[0], "192.0.2.10"))
    monkeypatch.undo()
    road.open()
    until(lambda: not road.store.degraded)
    assert not redis.keys("netflix:limits:*")


def test_a_key_of_another_type_does_not_stop_the_return(app: Flask, browser: Browser, road: Road, redis: Redis) -> None:
    guesses(browser, 2)
    redis.set(KEY, "a string")
    road.open()
    until(lambda: not road.store.degraded)
    assert len(redis.keys("*sign-in:account*")) == 1


def test_a_key_of_another_type_opens_no_gate(build: Build, redis: Redis, ada: str) -> None:
    browser = Browser(build())
    redis.set(KEY, "a string")
    assert browser.sign_in(ada).status_code == 303
    assert guesses(browser, 6) == [401] * 5 + [429]
    assert redis.get(KEY) == b"a string"
    assert browser.get("/healthz").status_code == 200


def test_a_key_of_another_type_is_one_key_s_fault(build: Build, redis: Redis, ada: str) -> None:
    site = build()
    redis.set(KEY, "a string")
    with log() as written:
        guesses(Browser(site), 1)
    assert "a counter has a key of another type" in written.getvalue()
    assert not site.extensions["netflix-counters"].store.degraded
    guesses(Browser(site, "203.0.113.1"), 1)
    assert redis.llen(KEY.replace("192.0.2.10", "203.0.113.1")) == 1


def full(redis: Redis) -> Callable[[], object]:
    redis.config_set("maxmemory", 1)
    return lambda: redis.config_set("maxmemory", "512mb")


def replica(redis: Redis) -> Callable[[], object]:
    redis.replicaof("127.0.0.1", 1)
    return lambda: redis.replicaof("NO", "ONE")


@pytest.mark.parametrize("made", [full, replica])
def test_a_monitor_hears_of_it_before_anybody_tries_to_sign_in(
    build: Build, redis: Redis, monkeypatch: pytest.MonkeyPatch, made: Callable[[Redis], Callable[[], object]]
) -> None:
    monkeypatch.setattr(CounterStore, "_await_return", lambda self: None)
    mended = made(redis)
    try:
        assert Browser(build()).get("/healthz").status_code == 503
    finally:
        mended()


@pytest.mark.parametrize("made", [full, replica])
def test_a_redis_that_refuses_to_write_is_away_until_it_does(
    app: Flask, road: Road, browser: Browser, redis: Redis, ada: str, made: Callable[[Redis], Callable[[], object]]
) -> None:
    road.open()
    mended = made(redis)
    try:
        with log() as written:
            assert guesses(browser, 6) == [401] * 5 + [429]
            assert browser.get("/healthz").status_code == 503
            # It answers a ping all the time.
            time.sleep(0.1)
            assert road.store.degraded
        assert written.getvalue().count("degraded: redis does not answer") == 1
        assert "recovered" not in written.getvalue()
    finally:
        mended()
    until(lambda: not road.store.degraded)
    assert redis.llen(KEY) == 5
    assert redis.pttl(store.PROBE) <= 1000


def test_a_redis_that_stops_to_write_while_it_is_told_hears_the_rest_later(
    app: Flask, browser: Browser, road: Road, redis: Redis, monkeypatch: pytest.MonkeyPatch, ada: str
) -> None:
    guesses(browser, 4)
    tell, told = road.store._report, []

    def refuses(*args: Any) -> Any:
        told.append(args)
        if len(told) == 3:
            raise ReadOnlyError("You can't write against a read only replica.")
        return tell(*args)

    monkeypatch.setattr(road.store, "_report", refuses)
    road.open()
    until(lambda: not road.store.degraded)
    assert redis.llen(KEY) == 4


def test_what_is_let_in_while_the_rest_is_told_is_told_too(
    app: Flask, browser: Browser, road: Road, redis: Redis, monkeypatch: pytest.MonkeyPatch, ada: str
) -> None:
    """After the last was told, and before attempts go to Redis again."""
    guesses(browser, 1)
    tell_all: Callable[[], None] = road.store._report_all
    turns: list[int] = []

    def overtaken() -> None:
        tell_all()
        if not turns:
            with app.app_context():
                counter.hit((counter.LIMITS[0], "192.0.2.10"))
        turns.append(1)

    monkeypatch.setattr(road.store, "_report_all", overtaken)
    road.open()
    until(lambda: not probes())
    assert len(turns) == 2
    assert redis.llen(KEY) == 2


def test_one_probe_looks_for_it(app: Flask, browser: Browser, road: Road) -> None:
    guesses(browser, 5)
    assert len(probes()) == 1


def test_redis_that_comes_and_goes_leaves_one_probe(
    app: Flask, browser: Browser, road: Road, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lost in the very turn of its return, time and again."""
    turns: list[int] = []

    def lost_again() -> None:
        if len(turns) < 40 and not road.store.degraded:
            turns.append(len(probes()))
            road.store._lost(RedisError())

    monkeypatch.setattr(road.store, "_report_all", lost_again)
    browser.sign_in(ada, "a wrong guess")
    road.open()
    until(lambda: len(turns) == 40 and not probes())
    # The one that goes, and the one that takes its place.
    assert max(turns) <= 3


def test_redis_that_goes_again_in_the_last_turn_hears_the_rest_later(
    app: Flask, browser: Browser, road: Road, redis: Redis, monkeypatch: pytest.MonkeyPatch, ada: str
) -> None:
    guesses(browser, 1)
    tell_all: Callable[[], None] = road.store._report_all
    turns: list[int] = []

    def overtaken() -> None:
        turns.append(1)
        if len(turns) == 2:
            with app.app_context():
                road.store.fallback.acquire(counter.counters().rules(counter.LIMITS[0], "192.0.2.10"))
            raise RedisGone
        tell_all()

    monkeypatch.setattr(road.store, "_report_all", overtaken)
    road.open()
    until(lambda: len(turns) > 2 and not road.store.degraded)
    assert redis.llen(KEY) == 2


@pytest.fixture
def own(config: Config, build: Build, monkeypatch: pytest.MonkeyPatch, road: Road) -> Iterator[Flask]:
    """A site with a server of its own that is not there; it seems to be back when `_revive` does not complain."""
    site = build(redis_url=f"unix://{config.instance / 'redis.sock'}")
    assert site.extensions["netflix-config"].keeps_own_redis
    own = site.extensions["netflix-counters"].store
    monkeypatch.setattr(own, "_report_all", lambda: None)
    monkeypatch.setattr(own.redis, "set", lambda *_, **__: True)
    yield site
    monkeypatch.setattr(own, "_revive", lambda: None)
    until(lambda: not probes())


def test_one_s_own_server_is_started_again(own: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(own.extensions["netflix-counters"].store, "_revive", lambda: asked.append(1))
    guesses(Browser(own), 1)
    until(lambda: not probes())
    assert asked == [1]


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), ConfigError(["NETFLIX_REDIS_URL: x"])])
def test_a_server_that_cannot_be_started_is_told_once_and_tried_on(
    own: Flask, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    asked: list[int] = []

    def fails() -> None:
        asked.append(1)
        if len(asked) < 5:
            raise fault

    monkeypatch.setattr(own.extensions["netflix-counters"].store, "_revive", fails)
    with log() as written:
        guesses(Browser(own), 1)
        until(lambda: not probes())
    assert len(asked) == 5
    assert written.getvalue().count("redis cannot be returned to") == 1
    assert not own.extensions["netflix-counters"].store.degraded


def test_another_fault_of_the_start_is_told_too(own: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    faults: list[Exception] = [OSError("one"), OSError("one"), OSError("two"), OSError("two")]

    def fails() -> None:
        if faults:
            raise faults.pop(0)

    monkeypatch.setattr(own.extensions["netflix-counters"].store, "_revive", fails)
    with log() as written:
        guesses(Browser(own), 1)
        until(lambda: not probes())
    assert written.getvalue().count("OSError: one") == 1
    assert written.getvalue().count("OSError: two") == 1


def test_no_fault_ends_the_search(own: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the thread that looks for Redis the site would stay without it for ever."""
    counting = own.extensions["netflix-counters"].store
    faults: list[Exception] = [MemoryError(), ValueError("odd")]
    true = counting._try_return

    def try_return() -> None:
        if faults:
            raise faults.pop()
        true()

    monkeypatch.setattr(counting, "_try_return", try_return)
    counting._lost(RedisGone())
    until(lambda: not counting.degraded)
    assert not faults


def test_where_no_thread_is_to_be_had_the_next_attempt_begins_anew(
    app: Flask, road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_thread(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with app.app_context():
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", no_thread)
            counter.hit((counter.LIMITS[0], "192.0.2.10"))
        assert not road.store.degraded
        counter.hit((counter.LIMITS[0], "192.0.2.10"))
        assert road.store.degraded
        assert len(road.store.fallback.unreported) == 2 * len(
            counter.counters().rules(*(counter.LIMITS[0], "192.0.2.10"))
        )


@pytest.mark.parametrize("everything", [True, False])
def test_what_the_terminal_clears_stays_cleared_without_redis(
    app: Flask, browser: Browser, build: Build, redis_url: str, ada: str, road: Road, redis: Redis, everything: bool
) -> None:
    """Also what stands in the journal alone."""
    assert guesses(browser, 6) == [401] * 5 + [429]
    with build(redis_url=redis_url).app_context():
        counter.clear(None if everything else counter.counters().keys(Lane.ADDRESS, "192.0.2.10"))
    assert guesses(browser, 1) == [401]
    # Nor does its return bring back what Redis had yet to hear of.
    road.open()
    until(lambda: not road.store.degraded)
    assert redis.llen(KEY) == 1
    assert guesses(browser, 5) == [401] * 4 + [429]
