"""Being told to end: Ctrl-C beside what is written a batch at a time, and SIGTERM, as a timer sends."""

import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")
# As a shell tells of who was ended by it.
TERMINATED = 128 + signal.SIGTERM


@contextmanager
def ended_whole() -> Iterator[None]:
    """A command that is told to end (SIGTERM) takes its drafts away first, as it does at Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class Interrupts:
    """Ctrl-C is heard while the next batch is read, and kept until then.

    A KeyboardInterrupt inside a commit would leave it open whether that was done.
    """

    def __init__(self) -> None:
        self._is_reading = True
        self._was_asked = False

    @contextmanager
    def heard(self) -> Iterator[None]:
        before = signal.signal(signal.SIGINT, self._hear)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def between(self, source: Iterable[T]) -> Iterator[T]:
        """What is read; raises KeyboardInterrupt here alone."""
        reading = iter(source)
        while True:
            self._is_reading = True
            if self._was_asked:
                raise KeyboardInterrupt
            try:
                item = next(reading)
            except StopIteration:
                return
            finally:
                self._is_reading = False
            yield item

    def _hear(self, *_: Any) -> None:
        self._was_asked = True
        if self._is_reading:
            raise KeyboardInterrupt
