"""Being told to end, by Ctrl-C or by SIGTERM, as a timer sends: also beside what is written a batch at a time."""

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
    """Ctrl-C and SIGTERM are heard while the next batch is read, and kept until then.

    What ends a commit half way would leave it open whether that was done.
    """

    def __init__(self) -> None:
        self._is_reading = True
        self._end: BaseException | None = None

    @contextmanager
    def heard(self) -> Iterator[None]:
        before = {number: signal.signal(number, self._hear) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def between(self, source: Iterable[T]) -> Iterator[T]:
        """What is read; raises KeyboardInterrupt or SystemExit here alone."""
        reading = iter(source)
        while True:
            self._is_reading = True
            if self._end:
                raise self._end
            try:
                item = next(reading)
            except StopIteration:
                return
            finally:
                self._is_reading = False
            yield item

    def _hear(self, number: int, _: Any) -> None:
        self._end = KeyboardInterrupt() if number == signal.SIGINT else SystemExit(TERMINATED)
        if self._is_reading:
            raise self._end
