"""Ctrl-C never comes between a commit and its count."""

import signal
from collections.abc import Iterator

import pytest

from cli.interrupts import Interrupts


def test_while_something_is_written_it_waits_until_that_is_whole() -> None:
    interrupts, written = Interrupts(), []

    def write(item: int) -> None:
        signal.raise_signal(signal.SIGINT)
        written.append(item)

    with interrupts.heard(), pytest.raises(KeyboardInterrupt):
        list(map(write, interrupts.between([1, 2, 3])))
    assert written == [1]


def test_while_something_is_read_it_is_heard_at_once() -> None:
    def waiting() -> Iterator[int]:
        yield 1
        signal.raise_signal(signal.SIGINT)
        yield 2

    interrupts = Interrupts()
    before = signal.getsignal(signal.SIGINT)
    with interrupts.heard(), pytest.raises(KeyboardInterrupt):
        list(interrupts.between(waiting()))
    assert signal.getsignal(signal.SIGINT) is before
