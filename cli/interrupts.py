"""Ctrl-C beside what is written a batch at a time: heard while the next is read, and kept until then."""

import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")


class Interrupts:
    """A KeyboardInterrupt inside a commit would leave it open whether that was done."""

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
