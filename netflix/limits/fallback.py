"""Counting without Redis, for as long as it does not answer: in a journal that all processes of an instance share.

What Redis lets in is written there too, so that losing Redis, or hearing from it late, forgives nobody.
"""

import fcntl
import logging
import os
import secrets
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from netflix.limits.windows import CAPACITY, RECORD, SECOND, Decision, Rule, Windows

log = logging.getLogger("netflix.limits")

COMPACT_ABOVE = 2 << 20


class Fallback:
    """The journal, read and written under a lock; `unreported` is what Redis has to hear of when it is back.

    While Redis counts, only what it had not heard of is held in memory: all the rest would grow with every address.
    """

    def __init__(self, journal: Path) -> None:
        self.journal = journal
        self.unreported: deque[tuple[Rule, int]] = deque(maxlen=CAPACITY)
        self._windows = Windows()
        self._is_whole = False
        self._generation, self._read = b"", 0
        self._complaint = ""
        self._lock = threading.Lock()

    def acquire(self, rules: Sequence[Rule]) -> Decision:
        """Lets an attempt in under all rules or under none."""
        with self._opened() as journal:
            now = time.time_ns() // 1000
            self._catch_up(journal, whole=True)
            number, wait = self._windows.decided(rules, now)
            if number:
                return Decision(number, wait)
            # No two of a counter have the same: it is by its stamp that one is taken back.
            stamp = max(now, self._windows.newest(rules) + 1)
            self._write(journal, records(rules, stamp, 0))
            self.unreported.extend((rule, stamp) for rule in rules)
            self._catch_up(journal, whole=True)
            return Decision(0, stamp, self._windows.decided(rules, now)[0])

    def note(self, rules: Sequence[Rule], stamp: int) -> Decision:
        """Writes down what Redis let in.

        Under a counter of which the journal has an attempt that Redis had not heard of by then, the journal decides.
        """
        with self._opened() as journal:
            now = time.time_ns() // 1000
            self._catch_up(journal, whole=False)
            if any(self._windows.was_ahead(rule, stamp, now) for rule in rules):
                self._catch_up(journal, whole=True)
                number, wait = self._windows.decided(rules, now)
                if number:
                    return Decision(number, wait)
            self._write(journal, records(rules, stamp, stamp))
            return Decision(0, stamp)

    def read(self) -> Windows:
        """What the journal says, for who counts nothing: neither the file nor what is known here is changed."""
        with ExitStack() as closing:
            try:
                lock = os.open(self.journal.with_suffix(".lock"), os.O_RDONLY)
                closing.callback(os.close, lock)
                fcntl.flock(lock, fcntl.LOCK_SH)
                content = self.journal.read_bytes()
            except OSError:
                content = b""
        return noted(content)

    def still_counts(self, rule: Rule, stamp: int) -> bool:
        """Whether an attempt that Redis has yet to hear of was not taken back meanwhile, by whichever process."""
        with self._opened() as journal:
            self._catch_up(journal)
            return not rule.is_kept_here or self._windows.has(rule, stamp)

    def reported(self, rule: Rule, stamp: int, heard: int) -> None:
        """Redis has heard of it, at `heard` by its own clock; one that was taken back meanwhile stays so."""
        with self._opened() as journal:
            self._catch_up(journal)
            if self._windows.has(rule, stamp):
                self._write(journal, records([rule], stamp, heard))

    def forget(self, rules: Sequence[Rule], stamp: int, forgiven: Sequence[Rule] = ()) -> None:
        """Takes one attempt back, and forgets whole counters, in the journal and from what Redis has yet to hear."""
        taken, gone = {rule.key for rule in rules}, {rule.key for rule in forgiven}
        with self._opened() as journal:
            self._write(journal, records(rules, -stamp, 0) + records(forgiven, 0, 0))
            kept = [
                (rule, at)
                for rule, at in self.unreported
                if rule.key not in gone and (at != stamp or rule.key not in taken)
            ]
            self.unreported.clear()
            self.unreported.extend(kept)

    def clear(self, rules: Sequence[Rule]) -> None:
        """Forgets whole counters, in the journal too, so that losing Redis does not bring them back."""
        self.forget((), 0, rules)

    def clear_all(self) -> None:
        """Forgets every counter: a new journal with nothing in it."""
        with self._opened() as journal:
            self._windows, self._is_whole = Windows(), False
            self.unreported.clear()
            if journal is not None:
                self._replace([])

    def take_unreported(self) -> tuple[Rule, int] | None:
        """The oldest attempt that Redis has yet to hear of; told here, so that nobody tells it twice."""
        with self._lock:
            return self.unreported.popleft() if self.unreported else None

    def put_back(self, told: tuple[Rule, int]) -> None:
        """Redis went again before it heard."""
        with self._lock:
            self.unreported.appendleft(told)

    @contextmanager
    def _opened(self) -> Iterator[int | None]:
        """The journal's descriptor, for this thread of this process alone; None when it cannot be opened."""
        with self._lock, ExitStack() as closing:
            journal = None
            try:
                lock = os.open(self.journal.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
                closing.callback(os.close, lock)
                fcntl.flock(lock, fcntl.LOCK_EX)
                journal = os.open(self.journal, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
                closing.callback(os.close, journal)
            except OSError as error:
                self._complain(error)
            yield journal

    def _catch_up(self, journal: int | None, whole: bool | None = None) -> None:
        """Reads what whichever process wrote since: all, or what Redis had not heard of; None is as it did last."""
        if journal is None:
            return
        whole = self._is_whole if whole is None else whole
        size = os.fstat(journal).st_size
        generation = os.pread(journal, RECORD.size, 0)
        if self._generation != generation or size < self._read:
            # Another process began a new journal with what still counts.
            if self._generation:
                self._windows, self._is_whole = Windows(), False
            self._generation, self._read = generation, min(size, RECORD.size)
        if whole and not self._is_whole:
            here, self._windows = self._windows, noted(os.pread(journal, self._read, 0))
            # What could not be written stands here alone.
            self._windows.add(here)
        elif self._is_whole and not whole:
            self._windows.keep_late()
        self._is_whole = whole
        end = size - size % RECORD.size
        for record in RECORD.iter_unpack(os.pread(journal, max(0, end - self._read), self._read)):
            if whole or self._windows.is_late(*record):
                self._windows.note(*record)
        self._read = max(self._read, end)

    def _write(self, journal: int | None, written: list[bytes]) -> None:
        try:
            if journal is not None and written:
                size = os.fstat(journal).st_size
                if size % RECORD.size:
                    # A process was killed, or the disk was full, half-way through a record.
                    os.ftruncate(journal, size - size % RECORD.size)
                if size < RECORD.size:
                    write_whole(journal, generation(0))
                write_whole(journal, b"".join(written))
                began = RECORD.unpack(os.pread(journal, RECORD.size, 0))[2]
                if size > max(COMPACT_ABOVE, 2 * began):
                    self._compact(journal)
                self._complaint = ""
                return
        except OSError as error:
            self._complain(error)
        self._catch_up(journal)
        for record in written:
            self._windows.note(*RECORD.unpack(record))

    def _complain(self, error: OSError) -> None:
        if self._complaint != str(error.strerror):
            self._complaint = str(error.strerror)
            log.error("the journal of the limits cannot be written (%s); this process alone remembers", self._complaint)

    def _compact(self, journal: int) -> None:
        """A new journal with what still counts."""
        content = os.pread(journal, os.fstat(journal).st_size, 0)
        self._replace(list(still_counting(content, time.time_ns() // 1000)))

    def _replace(self, written: list[bytes]) -> None:
        """The old journal is replaced at once and whole."""
        draft = self.journal.with_suffix(".new")
        draft.touch(0o600)
        draft.write_bytes(generation(len(written) * RECORD.size) + b"".join(written))
        draft.replace(self.journal)


def unpacked(content: bytes) -> Iterator[tuple[bytes, int, int, int]]:
    """The records of a journal, whole ones, after its first."""
    return RECORD.iter_unpack(content[RECORD.size : len(content) - len(content) % RECORD.size])


def noted(content: bytes) -> Windows:
    windows = Windows()
    for record in unpacked(content):
        windows.note(*record)
    return windows


def still_counting(content: bytes, now: int) -> Iterator[bytes]:
    """The records that are neither over nor taken back; read twice, so that nothing is held of those that stay."""
    cleared: dict[bytes, int] = {}
    taken: dict[tuple[bytes, int], int] = {}
    for place, (digest, stamp, _, _) in enumerate(unpacked(content)):
        if stamp == 0:
            cleared[digest] = place
        elif stamp < 0:
            taken[digest, -stamp] = place
    for place, record in enumerate(unpacked(content)):
        digest, stamp, window, _ = record
        is_gone = place < cleared.get(digest, 0) or place < taken.get((digest, stamp), 0)
        if stamp > 0 and not is_gone and stamp + window * SECOND > now:
            yield RECORD.pack(*record)


def records(rules: Sequence[Rule], stamp: int, heard: int) -> list[bytes]:
    """Of those rules that are kept here."""
    return [rule.record(stamp, heard) for rule in rules if rule.is_kept_here]


def generation(began: int) -> bytes:
    """A journal's first record: a new journal is told from another by it, whatever number its file has."""
    return RECORD.pack(secrets.token_bytes(16), 0, began, 0)


def write_whole(journal: int, content: bytes) -> None:
    """A disk that fills up takes a part without a word."""
    while content:
        content = content[os.write(journal, content) :]
