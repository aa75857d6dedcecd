"""Lanes for hashing: in each process as many as cores, at a low priority, with a short queue.

A hash takes a third of a second of one core. Unbounded, a handful of sign-ins would starve every page
(ASVS 5.0 15.2.2). Strangers fill no more than their part of the queue, and whoever is known goes before them: a flood
of sign-ins and registrations keeps nobody out of a browser that they have used before.
"""

import os
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, TypeVar

from netflix.errors import Busy

T = TypeVar("T")

LANES = os.cpu_count() or 1
# A stranger waits at most about four hashes long; as many places again are for the known,
STRANGERS = 5 * LANES
PLACES = 9 * LANES
# of whom each is known for so many at once; beyond, they are like a stranger.
OF_ONE = 2

_known: ContextVar[int | None] = ContextVar("netflix_hashing_known", default=None)
_pool: ThreadPoolExecutor | None = None
_taken: Counter[int | None] = Counter()
_first: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
_then: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
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
    """What `work` answers, done in a lane. Raises Busy at once when lanes and queue are full."""
    done: Future[T] = Future()
    with _turn:
        whose = _known.get()
        if whose is not None and _taken[whose] >= OF_ONE:
            whose = None
        if under_way() >= PLACES or (whose is None and _taken[None] >= STRANGERS):
            raise Busy
        _taken[whose] += 1
        (_then if whose is None else _first).append((done, partial(work, *args)))
    try:
        pool().submit(take_turn)
        return done.result()
    finally:
        with _turn:
            _taken[whose] -= 1
            if not _taken[whose]:
                del _taken[whose]


def take_turn() -> None:
    """Does one that waits; there is one, since it is called once for each."""
    with _turn:
        done, work = (_first or _then).popleft()
    try:
        done.set_result(work())
    except BaseException as error:
        done.set_exception(error)


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
