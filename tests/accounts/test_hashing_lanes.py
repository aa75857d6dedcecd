import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from flask import Flask
from redis import Redis

from netflix.accounts import hashing
from netflix.accounts import password as passwords
from netflix.accounts.user import User
from netflix.errors import Busy
from tests.people import PASSWORD, Browser, link_for
from tests.watching import hashes, until

# Not what tests have in its place.
step_aside = hashing.step_aside


@pytest.fixture(autouse=True)
def _nobody_was_hashed_for_lately() -> None:
    hashing._lately.clear()


@pytest.fixture
def jam() -> Iterator[threading.Event]:
    """All lanes and all places of strangers are taken, until the event is set."""
    go = threading.Event()
    people = ThreadPoolExecutor(hashing.STRANGERS)
    waiting = [people.submit(hashing.run, go.wait, 30) for _ in range(hashing.STRANGERS)]
    until(lambda: hashing.under_way() == hashing.STRANGERS)
    yield go
    go.set()
    assert all(hash.result() for hash in waiting)
    people.shutdown()


def test_no_more_hashes_run_at_once_than_there_are_cores() -> None:
    running, go, most = [], threading.Event(), hashing.STRANGERS

    def work() -> None:
        running.append(1)
        go.wait(30)

    with ThreadPoolExecutor(most) as people:
        waiting = [people.submit(hashing.run, work) for _ in range(most)]
        until(lambda: len(running) == hashing.LANES and hashing.under_way() == most)
        assert len(running) == hashing.LANES == os.cpu_count()
        go.set()
    assert len([hash.result() for hash in waiting]) == len(running)


def test_past_the_queue_one_is_told_at_once(jam: threading.Event) -> None:
    with pytest.raises(Busy):
        hashing.run(print)


def known(user_id: int, work: Callable[..., object], *args: object) -> object:
    with hashing.known(user_id):
        return hashing.run(work, *args)


@contextmanager
def one_lane(people: ThreadPoolExecutor) -> Iterator[threading.Event]:
    """All others are taken; this one too, until the event is set."""
    one, others, taken = threading.Event(), threading.Event(), []

    def hold(until_set: threading.Event) -> None:
        taken.append(1)
        until_set.wait(30)

    people.submit(hashing.run, hold, one)
    for _ in range(hashing.LANES - 1):
        people.submit(hashing.run, hold, others)
    until(lambda: len(taken) == hashing.LANES)
    yield one
    others.set()


def order_of(*comers: int | None) -> list[int | None]:
    """In which order they are hashed for who come in this one, of whom None are strangers."""
    order: list[int | None] = []
    with ThreadPoolExecutor(hashing.LANES + len(comers)) as people, one_lane(people) as go:
        for number, whose in enumerate(comers, 1):
            people.submit(hashing.known(whose)(hashing.run), order.append, whose)
            until(lambda number=number: hashing.under_way() == hashing.LANES + number)  # type: ignore[misc]
        go.set()
        until(lambda: len(order) == len(comers))
    return order


def test_the_known_go_before_the_strangers_that_wait() -> None:
    assert order_of(None, 1) == [1, None]


def test_but_strangers_have_their_turn_too() -> None:
    assert order_of(None, None, 1, 2, 3, 4) == [1, 2, None, 3, 4, None]


def test_who_was_hashed_for_less_goes_first() -> None:
    for whose in (1, 1, 2):
        known(whose, int)
    assert order_of(1, 2, 3) == [3, 2, 1]


def test_one_account_alone_fills_no_queue(jam: threading.Event) -> None:
    with ThreadPoolExecutor(hashing.OF_ONE) as people:
        for _ in range(hashing.OF_ONE):
            people.submit(known, 1, jam.wait, 30)
        until(lambda: hashing.under_way() == hashing.STRANGERS + hashing.OF_ONE)
        with pytest.raises(Busy):
            known(1, lambda: None)
        jam.set()


def test_there_is_an_end_to_the_places_of_the_known_too(jam: threading.Event) -> None:
    most = hashing.PLACES - hashing.STRANGERS
    with ThreadPoolExecutor(most) as people:
        for number in range(most):
            people.submit(known, number, jam.wait, 30)
        until(lambda: hashing.under_way() == hashing.PLACES)
        with pytest.raises(Busy):
            known(most, lambda: None)
        jam.set()


def test_the_known_fill_no_place_of_strangers() -> None:
    most, go = hashing.PLACES - hashing.STRANGERS, threading.Event()
    with ThreadPoolExecutor(most + 1) as people:
        for number in range(most):
            people.submit(known, number, go.wait, 30)
        until(lambda: hashing.under_way() == most)
        with pytest.raises(Busy):
            known(most, int)
        stranger = people.submit(hashing.run, int)
        until(lambda: hashing.under_way() == most + 1)
        go.set()
        assert stranger.result() == 0


def test_who_was_hashed_for_long_ago_is_as_who_never_was(monkeypatch: pytest.MonkeyPatch) -> None:
    known(1, int)
    assert hashing.times_lately()[1] == 1
    monkeypatch.setattr(hashing, "LATELY", 0)
    assert hashing.times_lately()[1] == 0


def test_who_signs_in_without_end_makes_room_for_who_does_not(request: pytest.FixtureRequest) -> None:
    most, owner = hashing.PLACES - hashing.STRANGERS, 99
    for number in range(most):
        known(number, int)
    jam: threading.Event = request.getfixturevalue("jam")
    with ThreadPoolExecutor(most + 1) as people:
        busy = [people.submit(known, number, int) for number in range(most)]
        until(lambda: hashing.under_way() == hashing.PLACES)
        home = people.submit(known, owner, int)
        until(lambda: any(one.done() for one in busy))
        jam.set()
        assert home.result() == 0
    assert [type(one.exception()) for one in busy].count(Busy) == 1


def signs_in(browser: Browser, ada: str) -> int:
    return browser.sign_in(ada).status_code


def proves_it(browser: Browser, ada: str) -> int:
    return browser.post("/prove", {"password": PASSWORD}, page="/prove").status_code


def changes_the_password(browser: Browser, ada: str) -> int:
    form = {"current_password": PASSWORD, "password": "eleven patient otters"}
    return browser.post("/password", form, page="/password").status_code


def opens_a_link(browser: Browser, ada: str) -> int:
    with browser.client.application.app_context():
        link = link_for(ada)
    return browser.post("/recover/", {"password": "eleven patient otters"}, page=link).status_code


@pytest.mark.parametrize("act", [signs_in, proves_it, changes_the_password, opens_a_link])
def test_no_crowd_of_strangers_keeps_anybody_out_whom_the_site_knows(
    app: Flask, ada: str, act: Callable[[Browser, str], int], request: pytest.FixtureRequest
) -> None:
    browser = Browser(app)
    browser.sign_in(ada)
    if act is signs_in:
        browser.sign_out()
    jam: threading.Event = request.getfixturevalue("jam")
    assert Browser(app, "203.0.113.9").sign_in(ada).status_code == 503
    with ThreadPoolExecutor(1) as people:
        answer = people.submit(act, browser, ada)
        until(lambda: hashing.under_way() > hashing.STRANGERS or answer.done())
        jam.set()
    assert answer.result() == 303


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
    until(lambda: hashing.under_way() < hashing.STRANGERS)
    assert browser.sign_in(ada).status_code == 303


def test_a_busy_registration_is_given_back_and_makes_nobody(
    browser: Browser, redis: Redis, jam: threading.Event
) -> None:
    assert browser.register("new@example.org").status_code == 503
    assert redis.dbsize() == 0
    jam.set()
    until(lambda: hashing.under_way() < hashing.STRANGERS)
    assert browser.register("new@example.org").status_code == 303


def test_pages_answer_while_all_lanes_are_taken(app: Flask, browser: Browser, jam: threading.Event) -> None:
    assert [browser.get(path).status_code for path in ("/login", "/register", "/healthz")] == [200] * 3


def test_a_busy_site_computes_no_hash(browser: Browser, ada: str, jam: threading.Event) -> None:
    token = browser.token()
    with hashes() as done:
        browser.client.post("/login", data={"csrf_token": token, "email": ada, "password": "x"})
    assert done == []


def test_a_fault_while_hashing_frees_its_place(app: Flask) -> None:
    for _ in range(hashing.STRANGERS + 1):
        with pytest.raises(ZeroDivisionError):
            hashing.run(lambda: 1 // 0)
    with app.app_context():
        assert passwords.stored("something")


@pytest.mark.skipif(not hasattr(os, "getpriority"), reason="no priorities here")
def test_hashing_steps_aside_for_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "step_aside", step_aside)
    monkeypatch.setattr(hashing, "_pool", None)
    own = hashing.run(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
    hashing.pool().shutdown()
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
