import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from redis import Redis

from netflix.accounts import hashing
from netflix.accounts import password as passwords
from netflix.accounts.user import User
from netflix.errors import Busy
from tests.people import Browser
from tests.watching import hashes, until


@pytest.fixture
def jam() -> Iterator[threading.Event]:
    """All lanes and the queue are taken, until the event is set."""
    go = threading.Event()
    people = ThreadPoolExecutor(hashing.LANES + hashing.QUEUE)
    waiting = [people.submit(hashing.run, go.wait, 10) for _ in range(hashing.LANES + hashing.QUEUE)]
    until(lambda: hashing.under_way() == hashing.LANES + hashing.QUEUE)
    yield go
    go.set()
    assert all(hash.result() for hash in waiting)
    people.shutdown()


def test_no_more_hashes_run_at_once_than_there_are_cores() -> None:
    running, go, most = [], threading.Event(), hashing.LANES + hashing.QUEUE

    def work() -> None:
        running.append(1)
        go.wait(10)

    with ThreadPoolExecutor(most) as people:
        waiting = [people.submit(hashing.run, work) for _ in range(most)]
        until(lambda: len(running) == hashing.LANES and hashing.pool()._work_queue.qsize() == hashing.QUEUE)
        assert len(running) == hashing.LANES == os.cpu_count()
        go.set()
    assert len([hash.result() for hash in waiting]) == len(running)


def test_past_the_queue_one_is_told_at_once(jam: threading.Event) -> None:
    with pytest.raises(Busy):
        hashing.run(print)


def test_a_busy_site_says_when_to_come_back_and_keeps_what_was_typed(
    browser: Browser, ada: str, jam: threading.Event
) -> None:
    answer = browser.sign_in(ada)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert f'value="{ada}"' in answer.text
    assert "Many people are signing in" in answer.text


def test_an_attempt_that_never_reached_the_check_is_given_back(
    browser: Browser, ada: str, redis: Redis, jam: threading.Event
) -> None:
    assert [browser.sign_in(ada).status_code for _ in range(7)] == [503] * 7
    assert redis.dbsize() == 0
    jam.set()
    until(lambda: hashing.under_way() < hashing.LANES + hashing.QUEUE)
    assert browser.sign_in(ada).status_code == 303


def test_a_busy_registration_is_given_back_and_makes_nobody(
    browser: Browser, redis: Redis, jam: threading.Event
) -> None:
    assert browser.register("new@example.org").status_code == 503
    assert redis.dbsize() == 0
    jam.set()
    until(lambda: hashing.under_way() < hashing.LANES + hashing.QUEUE)
    assert browser.register("new@example.org").status_code == 303


def test_pages_answer_while_all_lanes_are_taken(app: Flask, browser: Browser, jam: threading.Event) -> None:
    assert [browser.get(path).status_code for path in ("/login", "/register", "/healthz")] == [200] * 3


def test_a_busy_site_computes_no_hash(browser: Browser, ada: str, jam: threading.Event) -> None:
    token = browser.token()
    with hashes() as done:
        browser.client.post("/login", data={"csrf_token": token, "email": ada, "password": "x"})
    assert done == []


def test_a_fault_while_hashing_frees_its_place(app: Flask) -> None:
    for _ in range(hashing.LANES + hashing.QUEUE + 1):
        with pytest.raises(ZeroDivisionError):
            hashing.run(lambda: 1 // 0)
    with app.app_context():
        assert passwords.stored("something")


@pytest.mark.skipif(not hasattr(os, "getpriority"), reason="no priorities here")
def test_hashing_steps_aside_for_pages() -> None:
    own = hashing.run(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
    assert own == 19
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) < 19


def test_a_hash_is_renewed_only_while_a_lane_is_free(
    app: Flask, build: Callable[..., Flask], ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dearer = build(bcrypt_rounds=5)
    monkeypatch.setattr(hashing, "has_room", lambda: False)
    assert Browser(dearer).sign_in(ada).status_code == 303
    with app.app_context():
        assert "$2b$04$" in (User.named(ada).password_hash or "")
    monkeypatch.undo()
    Browser(dearer).sign_in(ada)
    with app.app_context():
        assert "$2b$05$" in (User.named(ada).password_hash or "")
