"""Lanes for hashing: in each process as many as cores, at a low priority, with a short queue.

A hash takes a third of a second of one core. Unbounded, a handful of sign-ins would starve every page
(ASVS 5.0 15.2.2). Strangers fill no more than their part of the queue, and whoever is known goes before most of them: a
flood of sign-ins and registrations keeps nobody out of a browser that they have used before. Nor do those who are known
and sign in without end: who was hashed for least often lately goes first, and strangers have every third turn.
"""

import os
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, NamedTuple, TypeVar

from netflix.errors import Busy

T = TypeVar("T")

LANES = os.cpu_count() or 1
# Of the places, those of strangers and those of the known: neither fills the other's.
STRANGERS = 5 * LANES
PLACES = 9 * LANES
# Of one of the known so many at once; beyond, they are like a stranger.
OF_ONE = 2
# While strangers wait, one of them has a turn after so many of the known.
TURNS = 2
# Seconds: who was hashed for more often within them goes after who was less.
LATELY = 60


class Waiting(NamedTuple):
    """One that is to be hashed for a user, or with None for a stranger; `done` gets the answer."""

    done: Future[Any]
    work: Callable[[], Any]
    whose: int | None


_known: ContextVar[int | None] = ContextVar("netflix_hashing_known", default=None)
_pool: ThreadPoolExecutor | None = None
# How many of whom are under way, and those that still wait, in the order in which they came.
_taken: Counter[int | None] = Counter()
_waiting: list[Waiting] = []
_lately: deque[tuple[float, int]] = deque()
_turns = 0
_turn = threading.Lock()


@contextmanager
def known(user_id: int | None) -> Iterator[None]:
    """What is hashed within is for a user who is signed in, or at a browser that their account knows, or holds a link
    of theirs: they go before strangers. None is for a stranger.
    """
    token = _known.set(user_id)
    try:
        yield
    finally:
        _known.reset(token)


def run(work: Callable[..., T], *args: Any) -> T:
    """What `work` answers, done in a lane. Raises Busy when lanes and queue are full: at once, or, for who was hashed
    for often lately, when somebody comes who was not.
    """
    done: Future[T] = Future()
    with _turn:
        whose = _known.get()
        if whose is not None and _taken[whose] >= OF_ONE:
            whose = None
        if whose is None and _taken[None] >= STRANGERS:
            raise Busy
        if whose is not None and under_way() - _taken[None] >= PLACES - STRANGERS:
            make_room(whose)
        _taken[whose] += 1
        _waiting.append(Waiting(done, partial(work, *args), whose))
    try:
        pool().submit(take_turn)
        return done.result()
    finally:
        with _turn:
            _taken[whose] -= 1
            if not _taken[whose]:
                del _taken[whose]


def make_room(whose: int) -> None:
    """Sends away one of the known who was hashed for more often lately. Raises Busy when there is none."""
    often = times_lately()
    latest = (one for one in reversed(_waiting) if one.whose is not None)
    last = max(latest, key=lambda one: often[one.whose], default=None)
    if last is None or often[last.whose] <= often[whose]:
        raise Busy
    _waiting.remove(last)
    last.done.set_exception(Busy())


def take_turn() -> None:
    """Does one that waits. It is called once for each, of whom some may have been sent away."""
    with _turn:
        if (one := next_in_turn()) is None:
            return
        _waiting.remove(one)
    try:
        one.done.set_result(one.work())
    except BaseException as error:
        one.done.set_exception(error)


def next_in_turn() -> Waiting | None:
    """The known before strangers, who have their turn too; of the known who was hashed for least often lately."""
    global _turns
    strangers = (one for one in _waiting if one.whose is None)
    stranger, often = next(strangers, None), times_lately()
    known = min((one for one in _waiting if one.whose is not None), key=lambda one: often[one.whose], default=None)
    if known is None or (stranger and _turns >= TURNS):
        _turns = 0
        return stranger
    _turns = _turns + 1 if stranger else 0
    if known.whose is not None:
        _lately.append((time.monotonic(), known.whose))
    return known


def times_lately() -> Counter[int | None]:
    """How often each of the known was hashed for."""
    while _lately and time.monotonic() - _lately[0][0] > LATELY:
        _lately.popleft()
    return Counter(whose for _, whose in _lately)


def under_way() -> int:
    """How many are hashed or wait for it."""
    return _taken.total()


def has_room() -> bool:
    """Whether a lane is free, so that more work delays nobody."""
    return under_way() < LANES


def pool() -> ThreadPoolExecutor:
    """Made at the first use, so after a server has forked its workers."""
    global _pool
    with _turn:
        if _pool is None:
            _pool = ThreadPoolExecutor(LANES, "hash", step_aside)
        return _pool


def step_aside() -> None:
    """Pages go first: on Linux a thread has a priority of its own."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
