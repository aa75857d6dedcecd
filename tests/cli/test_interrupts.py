"""Ctrl-C never comes between a commit and its count."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.interrupts import Interrupts
from netflix.config import Config
from tests.cli.terminal import COMMAND, environment
from tests.watching import ROOT


@pytest.mark.parametrize(("number", "end"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)])
def test_while_something_is_written_it_waits_until_that_is_whole(
    number: signal.Signals, end: type[BaseException]
) -> None:
    interrupts, written = Interrupts(), []

    def write(item: int) -> None:
        signal.raise_signal(number)
        written.append(item)

    with interrupts.heard(), pytest.raises(end):
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


def test_also_while_the_terminal_is_being_loaded_it_ends_without_a_word(config: Config, tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("raise KeyboardInterrupt")
    env = environment(config) | {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
    done = subprocess.run([*COMMAND, "users", "list"], env=env, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
