"""Counting without Redis: in one journal that all processes of an instance share."""

import errno
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from netflix.limits import fallback
from netflix.limits.fallback import Fallback
from netflix.limits.windows import RECORD, SECOND, Decision, Rule, Windows
from netflix.log import to_stderr
from tests.watching import ROOT, log

HOME = Rule("home", 5, 60)
ADA = Rule("ada", 10, 3600)
# As many attempts at once as are asked for, in a process of its own: it says how many were let in.
CROWD = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from netflix.limits.fallback import Fallback
from netflix.limits.windows import Rule
counting, rules, times = Fallback(Path(sys.argv[1])), (Rule("home", 5, 60), Rule("ada", 10, 3600)), int(sys.argv[2])
with ThreadPoolExecutor(times) as crowd:
    print("here", flush=True)
    sys.stdin.readline()
    print(sum(crowd.map(lambda _: counting.acquire(rules)[0] == 0, range(times))))
"""


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "limits.journal"


@pytest.fixture
def counting(journal: Path) -> Fallback:
    return Fallback(journal)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Its one item is the time in seconds."""
    now = [1_000_000.0]
    monkeypatch.setattr(time, "time_ns", lambda: int(now[0] * 10**9))
    return now


def let_in(counting: Fallback, times: int, *rules: Rule) -> int:
    return sum(counting.acquire(rules or (HOME,))[0] == 0 for _ in range(times))


def now() -> int:
    return time.time_ns() // 1000


def renewed(counting: Fallback, journal: Path) -> None:
    """Lets strangers come and go until the journal is begun anew."""
    before = journal.stat().st_ino, journal.stat().st_size
    while journal.stat().st_size >= before[1]:
        before = journal.stat().st_ino, journal.stat().st_size
        number, stamp, _ = counting.acquire((Rule("stranger", 5, 60),))
        if not number:
            counting.forget((Rule("stranger", 5, 60),), stamp)


def test_two_processes_keep_one_limit(journal: Path) -> None:
    one, two = Fallback(journal), Fallback(journal)
    assert [let_in(one, 2), let_in(two, 9), let_in(one, 9)] == [2, 3, 0]


def test_one_that_comes_later_knows_what_was(journal: Path) -> None:
    let_in(Fallback(journal), 4)
    assert let_in(Fallback(journal), 9) == 1


def test_200_at_once_are_exactly_five(counting: Fallback) -> None:
    with ThreadPoolExecutor(32) as crowd:
        assert sum(crowd.map(lambda _: counting.acquire((HOME, ADA))[0] == 0, range(200))) == 5


def test_200_at_once_over_four_processes_are_exactly_five(journal: Path) -> None:
    crowds = [
        subprocess.Popen(
            [sys.executable, "-c", CROWD, str(journal), "50"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for crowd in crowds:
        assert crowd.stdout
        crowd.stdout.readline()
    for crowd in crowds:
        assert crowd.stdin
        crowd.stdin.write("go\n")
        crowd.stdin.flush()
    assert sum(int(crowd.communicate(timeout=30)[0]) for crowd in crowds) == 5
    assert let_in(Fallback(journal), 9) == 0


def test_what_one_takes_back_another_may_use(journal: Path) -> None:
    one, two = Fallback(journal), Fallback(journal)
    let_in(one, 4)
    stamp = one.acquire((HOME, ADA)).value
    assert let_in(two, 1) == 0
    one.forget((HOME, ADA), stamp)
    assert let_in(two, 9) == 1


def test_what_redis_let_in_by_another_process_counts(journal: Path) -> None:
    one, two = Fallback(journal), Fallback(journal)
    for n in range(4):
        one.note((HOME,), now() + n)
    assert let_in(two, 9) == 1
    assert not one.unreported


def test_what_redis_knew_when_it_let_somebody_in_is_not_counted_against_them(journal: Path) -> None:
    """Its own windows may be wider by then, such as after `limits clear` from another machine."""
    one, two = Fallback(journal), Fallback(journal)
    stamps = [one.acquire((HOME,))[1] for _ in range(5)]
    for stamp in stamps:
        one.reported(HOME, stamp, heard=stamps[-1] + 10)
    assert two.note((HOME,), stamps[-1] + 10)[0] == 1
    assert two.note((HOME,), stamps[-1] + 11) == Decision(0, stamps[-1] + 11)


def test_what_was_taken_back_before_redis_heard_of_it_stays_so(counting: Fallback) -> None:
    stamp = counting.acquire((HOME,)).value
    counting.forget((HOME,), stamp)
    counting.reported(HOME, stamp, heard=stamp + 10)
    assert let_in(counting, 9) == 5


def test_the_window_moves(counting: Fallback, clock: list[float]) -> None:
    assert let_in(counting, 1) == 1
    clock[0] += 55
    assert let_in(counting, 9) == 4
    clock[0] += 6
    assert let_in(counting, 9) == 1


def test_the_wait_is_told(counting: Fallback, clock: list[float]) -> None:
    let_in(counting, 5)
    clock[0] += 10
    assert counting.acquire((HOME,)) == Decision(1, 50 * SECOND)


def test_of_two_limits_the_longer_wait_is_told(counting: Fallback, clock: list[float]) -> None:
    for n in range(10):
        counting.acquire((Rule(str(n), 5, 60), ADA))
    let_in(counting, 5)
    assert counting.acquire((HOME, ADA)) == Decision(2, 3600 * SECOND)


def test_counted_under_all_or_none(counting: Fallback) -> None:
    let_in(counting, 5)
    before = len(counting.unreported)
    assert let_in(counting, 20, HOME, ADA) == 0
    assert let_in(counting, 20, ADA) == 10
    assert len(counting.unreported) == before + 10


def test_losing_redis_forgives_nobody(counting: Fallback) -> None:
    for n in range(4):
        counting.note((HOME,), now() + n)
    assert let_in(counting, 5) == 1


def test_a_refund_takes_back_one_s_own_and_redis_never_hears_of_it(counting: Fallback, clock: list[float]) -> None:
    stamps = []
    for second in range(3):
        clock[0] += second
        stamps.append(counting.acquire((HOME, ADA))[1])
    counting.forget((HOME, ADA), stamps[1])
    assert {stamp for _, stamp in counting.unreported} == {stamps[0], stamps[2]}
    assert let_in(counting, 9) == 3


def test_a_refund_of_what_was_never_counted_does_no_harm(counting: Fallback) -> None:
    counting.forget((HOME, ADA), 5)
    assert let_in(counting, 9) == 5


def test_untold_attempts_are_taken_once_each(counting: Fallback) -> None:
    wide = Rule("wide", 1000, 60)
    let_in(counting, 500, wide)
    with ThreadPoolExecutor(8) as crowd:
        taken = list(crowd.map(lambda _: counting.take_unreported(), range(510)))
    assert sum(one is not None for one in taken) == 500
    assert counting.take_unreported() is None


def test_an_attempt_redis_did_not_hear_of_is_first_again(counting: Fallback) -> None:
    let_in(counting, 1)
    counting.acquire((ADA,))
    told = counting.take_unreported()
    assert told
    counting.put_back(told)
    assert counting.take_unreported() == told


def test_a_flood_of_strangers_is_bounded_and_forgets_nobody(
    counting: Fallback, monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    monkeypatch.setattr(Windows, "capacity", 50)
    let_in(counting, 5)
    flood = [counting.acquire((Rule(f"flood {n}", 5, 60),))[0] for n in range(200)]
    assert flood.count(0) == 49
    assert let_in(counting, 1) == 0
    clock[0] += 61
    assert let_in(counting, 1, Rule("newcomer", 5, 60)) == 1


def test_what_is_kept_is_bounded(counting: Fallback, journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Windows, "capacity", 300)
    monkeypatch.setattr(Windows, "most", 100)
    monkeypatch.setattr(fallback, "COMPACT_ABOVE", 1000 * RECORD.size)
    for n in range(2000):
        counting.acquire((Rule(str(n), 10_000_000, 3600),))
    for _ in range(2000):
        number, stamp, _ = counting.acquire((Rule("0", 10_000_000, 3600),))
        if not number:
            counting.forget((Rule("0", 10_000_000, 3600),), stamp)
    assert len(counting._windows.seen) == 300
    assert len(counting.unreported) <= 300
    assert journal.stat().st_size <= 1002 * RECORD.size


def test_while_redis_counts_no_address_is_held_and_all_are_known_once_it_is_lost(counting: Fallback) -> None:
    for number in range(100):
        rule = Rule(str(number), 5, 3600)
        for _ in range(4 + number % 2):
            counting.note((rule,), now())
    assert not counting._windows.seen
    assert let_in(counting, 3, Rule("6", 5, 3600)) == 1
    assert let_in(counting, 3, Rule("7", 5, 3600)) == 0
    # Back at Redis, the one that it has yet to hear of is held, and nobody else.
    counting.note((Rule("8", 5, 3600),), now())
    assert len(counting._windows.seen) == 1


def test_a_new_journal_has_what_still_counts_alone(
    counting: Fallback, journal: Path, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    over, home, gone = (Rule(name, 5, window) for name, window in (("over", 60), ("home", 3600), ("gone", 3600)))
    for rule in (over, home, gone):
        counting.note((rule,), now())
    clock[0] += 100
    counting.note((home,), now())
    counting.clear((gone,))
    counting.note((gone,), now())
    taken = now() + 1
    counting.note((home,), taken)
    counting.forget((home,), taken)
    monkeypatch.setattr(fallback, "COMPACT_ABOVE", 1)
    counting.note((Rule("last", 5, 60),), now())
    assert journal.stat().st_size == 5 * RECORD.size
    assert [counting.read().filled([rule], now())[0].used for rule in (over, home, gone)] == [0, 2, 1]


def test_a_limit_wider_than_is_kept_is_held_to_what_is_kept(
    counting: Fallback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Windows, "most", 100)
    assert let_in(counting, 110, Rule("wide", 10_000_000, 60)) == 100


def test_refunds_and_attempts_at_once_lose_nothing(journal: Path) -> None:
    countings, done = [Fallback(journal), Fallback(journal)], threading.Barrier(4)

    def come_and_go(counting: Fallback) -> None:
        done.wait()
        for _ in range(200):
            number, stamp, _ = counting.acquire((HOME,))
            if not number:
                counting.forget((HOME,), stamp)

    threads = [threading.Thread(target=come_and_go, args=(counting,)) for counting in countings * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert let_in(countings[0], 9) == 5


def test_the_book_is_for_its_owner_alone(
    counting: Fallback, journal: Path, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fallback, "COMPACT_ABOVE", 20 * RECORD.size)
    let_in(counting, 1)
    assert journal.stat().st_mode & 0o777 == 0o600
    renewed(counting, journal)
    assert journal.stat().st_mode & 0o777 == 0o600


def test_the_book_tells_nobody_s_name(counting: Fallback, journal: Path) -> None:
    let_in(counting, 3, Rule("netflix:limits:sign-in:address:60:192.0.2.10", 5, 60))
    assert b"192.0.2.10" not in journal.read_bytes()


@pytest.mark.parametrize("torn", [1, RECORD.size - 1])
def test_a_half_written_last_record_harms_nothing(journal: Path, torn: int) -> None:
    """A process was killed while it wrote."""
    one, two = Fallback(journal), Fallback(journal)
    let_in(one, 2)
    with journal.open("ab") as file:
        file.write(b"\xff" * torn)
    assert let_in(two, 1) == 1
    assert journal.stat().st_size % RECORD.size == 0
    assert let_in(one, 9) == 2
    assert let_in(Fallback(journal), 9) == 0


def test_a_thick_book_is_begun_anew_and_nothing_that_counts_is_forgotten(
    journal: Path, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fallback, "COMPACT_ABOVE", 20 * RECORD.size)
    one, two = Fallback(journal), Fallback(journal)
    let_in(two, 2, HOME, ADA)
    renewed(one, journal)
    assert journal.stat().st_size < 20 * RECORD.size
    assert [let_in(two, 1), let_in(one, 1), let_in(Fallback(journal), 9)] == [1, 1, 1]
    clock[0] += 61
    assert let_in(Fallback(journal), 20, ADA) == 8


def test_what_is_over_is_not_copied_into_a_new_book(
    counting: Fallback, journal: Path, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fallback, "COMPACT_ABOVE", 20 * RECORD.size)
    let_in(counting, 5)
    clock[0] += 61
    renewed(counting, journal)
    assert journal.stat().st_size <= 2 * RECORD.size


def test_what_was_taken_back_stays_so_in_a_new_book(
    counting: Fallback, journal: Path, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fallback, "COMPACT_ABOVE", 20 * RECORD.size)
    let_in(counting, 3)
    clock[0] += 1
    counting.forget((HOME,), counting.acquire((HOME,))[1])
    renewed(counting, journal)
    assert let_in(Fallback(journal), 9) == 2


@pytest.mark.parametrize("times", [1, 2, 3])
def test_one_that_did_not_look_for_long_notices_a_new_book(
    journal: Path, clock: list[float], monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """The second new journal may well be given the number of the first one's file."""
    monkeypatch.setattr(fallback, "COMPACT_ABOVE", 20 * RECORD.size)
    one, two = Fallback(journal), Fallback(journal)
    let_in(one, 1)
    let_in(one, 15, Rule("wide", 15, 60))
    assert let_in(two, 1, Rule("wide", 15, 60)) == 0
    let_in(one, 2)
    for _ in range(times):
        renewed(one, journal)
    assert let_in(two, 9) == 2


def test_a_book_that_somebody_threw_away_is_begun_anew(counting: Fallback, journal: Path) -> None:
    let_in(counting, 3)
    journal.unlink()
    assert let_in(counting, 9) == 5
    assert let_in(Fallback(journal), 9) == 0


def test_more_that_counts_than_a_book_should_hold_is_not_copied_each_time(
    counting: Fallback, journal: Path, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fallback, "COMPACT_ABOVE", 100 * RECORD.size)
    begun: list[int] = []
    begin: Callable[[int], None] = counting._compact

    def noted(opened: int) -> None:
        begun.append(1)
        begin(opened)

    monkeypatch.setattr(counting, "_compact", noted)
    for n in range(300):
        counting.note((Rule(str(n), 5, 3600),), now())
    assert len(begun) < 20
    assert let_in(counting, 9, Rule("0", 5, 3600)) == 4


@pytest.fixture
def full(journal: Path) -> None:
    """A disk on which nothing more can be written."""
    to_stderr()
    journal.symlink_to("/dev/full")


@pytest.mark.usefixtures("full")
def test_on_a_full_disk_this_process_remembers_and_says_so(counting: Fallback) -> None:
    with log() as written:
        counting.note((HOME,), now())
        assert let_in(counting, 9, HOME, ADA) == 4
    assert "the journal of the limits cannot be written (No space left on device)" in written.getvalue()


@pytest.mark.usefixtures("full")
def test_on_a_full_disk_what_is_taken_back_is_free_again(counting: Fallback) -> None:
    let_in(counting, 4)
    stamp = counting.acquire((HOME,)).value
    counting.forget((HOME,), stamp)
    assert let_in(counting, 9) == 1


def test_a_record_that_only_half_fits_is_remembered(
    counting: Fallback, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a disk does that fills up just then: it takes a part and complains the next time."""
    to_stderr()
    let_in(counting, 1)
    true = os.write
    monkeypatch.setattr(os, "write", lambda file, content: true(file, content[:20]))
    assert let_in(counting, 9) == 4
    monkeypatch.undo()
    assert let_in(counting, 9) == 0


def test_a_disk_too_full_for_a_new_book_counts_nothing_twice(
    counting: Fallback, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    to_stderr()
    monkeypatch.setattr(fallback, "COMPACT_ABOVE", 3 * RECORD.size)
    journal.with_suffix(".new").symlink_to("/dev/full")
    assert let_in(counting, 20, ADA) == 10
    assert let_in(Fallback(journal), 20, ADA) == 0


def test_a_folder_that_cannot_be_written_stops_nobody(
    counting: Fallback, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read-only, or no descriptor left: Redis, which is there, need not care."""
    to_stderr()

    def refused(*_: object, **__: object) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "open", refused)
    monkeypatch.setattr(Path, "open", refused)
    counting.note((HOME,), now())
    assert let_in(counting, 9) == 4


def test_what_is_cleared_is_cleared_for_all_processes(journal: Path) -> None:
    one, other = Fallback(journal), Fallback(journal)
    assert let_in(one, 9) == 5
    other.clear([HOME])
    assert let_in(one, 9) == 5
    assert let_in(other, 9) == 0
