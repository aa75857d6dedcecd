"""Lanes for hashing: in each process as many as cores, at a low priority, with a short queue.

A hash takes a third of a second of one core. Unbounded, a handful of sign-ins would starve every page
(ASVS 5.0 15.2.2).
"""

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from netflix.errors import Busy

T = TypeVar("T")

LANES = os.cpu_count() or 1
# Waiting at most about four hashes long in each lane.
QUEUE = 4 * LANES

_pool: ThreadPoolExecutor | None = None
_under_way = 0
_turn = threading.Lock()


def run(work: Callable[..., T], *args: Any) -> T:
    """What `work` answers, done in a lane. Raises Busy at once when lanes and queue are full."""
    global _under_way
    with _turn:
        if _under_way >= LANES + QUEUE:
            raise Busy
        _under_way += 1
    try:
        return pool().submit(work, *args).result()
    finally:
        with _turn:
            _under_way -= 1


def under_way() -> int:
    """How many are hashed or wait for it."""
    return _under_way


def has_room() -> bool:
    """Whether a lane is free, so that more work delays nobody."""
    return _under_way < LANES


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
