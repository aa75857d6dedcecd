"""Counting without Redis, for as long as it does not answer: in a journal that all processes of an instance share.

What Redis lets in is written there too, so that losing Redis, or hearing from it late, forgives nobody.
"""

import fcntl
import logging
import os
import secrets
import struct
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

log = logging.getLogger("netflix.limits")

SECOND = 1_000_000
# Under a flood of addresses new ones are refused rather than old ones forgotten.
CAPACITY = 20_000
# Of one counter; a wider limit is held to this while Redis is away.
MOST = 1000
# A record of the journal: the counter's digest, the attempt's stamp (negative when it is taken back, 0 when the whole
# counter is cleared), the window's seconds, and when Redis heard of the attempt, in microseconds of its own clock:
# the stamp itself when Redis let it in, 0 for as long as it has not heard.
# The first record: the generation, nothing, the bytes it began with, nothing.
RECORD = struct.Struct("<16sqqq")
COMPACT_ABOVE = 2 << 20


class Decision(NamedTuple):
    """Let in when `rule` is 0, with the attempt's stamp as `value`; else the deciding rule's number, and µs to wait.

    `used_up` is the number of a rule whose last attempt this was, or 0. Rules are numbered from 1.
    """

    rule: int
    value: int
    used_up: int = 0


class Rule:
    """`amount` attempts in any `window` seconds under the Redis key `key`."""

    __slots__ = ("amount", "key", "window")

    def __init__(self, key: str, amount: int, window: int) -> None:
        self.key, self.amount, self.window = key, amount, window

    def record(self, stamp: int, heard: int) -> bytes:
        return RECORD.pack(self.digest, stamp, self.window, heard)

    @property
    def digest(self) -> bytes:
        return blake2b(self.key.encode(), digest_size=16).digest()


class Counted:
    """One counter: its window in microseconds, and its attempts, newest first.

    `late` are those that were let in without Redis, with the time at which it heard of them (0: not yet).
    """

    __slots__ = ("late", "length", "stamps")

    def __init__(self, window: int) -> None:
        self.length = window * SECOND
        self.stamps: deque[int] = deque(maxlen=MOST)
        self.late: dict[int, int] = {}


class Fallback:
    """The journal, read and written under a lock; `unreported` is what Redis has to hear of when it is back."""

    def __init__(self, journal: Path) -> None:
        self.journal = journal
        self.unreported: deque[tuple[Rule, int]] = deque(maxlen=CAPACITY)
        self._seen: dict[bytes, Counted] = {}
        self._generation, self._read = b"", 0
        self._complaint = ""
        self._lock = threading.Lock()

    def acquire(self, rules: Sequence[Rule]) -> Decision:
        """Lets an attempt in under all rules or under none."""
        with self._opened() as journal:
            now = time.time_ns() // 1000
            self._catch_up(journal)
            number, wait = self._decided(rules, now)
            if number:
                return Decision(number, wait)
            # No two of a counter have the same: it is by its stamp that one is taken back.
            newest = (seen.stamps[0] for r in rules if (seen := self._seen.get(r.digest)) and seen.stamps)
            stamp = max(now, max(newest, default=0) + 1)
            self._write(journal, [rule.record(stamp, 0) for rule in rules])
            self.unreported.extend((rule, stamp) for rule in rules)
            self._catch_up(journal)
            return Decision(0, stamp, self._decided(rules, now)[0])

    def note(self, rules: Sequence[Rule], stamp: int) -> Decision:
        """Writes down what Redis let in.

        Under a counter of which the journal has an attempt that Redis had not heard of by then, the journal decides.
        """
        with self._opened() as journal:
            now = time.time_ns() // 1000
            self._catch_up(journal)
            if any(self._was_ahead(rule, stamp, now) for rule in rules):
                number, wait = self._decided(rules, now)
                if number:
                    return Decision(number, wait)
            self._write(journal, [rule.record(stamp, stamp) for rule in rules])
            return Decision(0, stamp)

    def reported(self, rule: Rule, stamp: int, heard: int) -> None:
        """Redis has heard of it, at `heard` by its own clock; one that was taken back meanwhile stays so."""
        with self._opened() as journal:
            self._catch_up(journal)
            counted = self._seen.get(rule.digest)
            if counted is not None and stamp in counted.stamps:
                self._write(journal, [rule.record(stamp, heard)])

    def forget(self, rules: Sequence[Rule], stamp: int) -> None:
        """Takes one attempt back, in the journal and from what Redis has yet to hear."""
        keys = {rule.key for rule in rules}
        with self._opened() as journal:
            self._write(journal, [rule.record(-stamp, 0) for rule in rules])
            kept = [(rule, at) for rule, at in self.unreported if at != stamp or rule.key not in keys]
            self.unreported.clear()
            self.unreported.extend(kept)

    def clear(self, rules: Sequence[Rule]) -> None:
        """Forgets whole counters, in the journal too, so that losing Redis does not bring them back."""
        keys = {rule.key for rule in rules}
        with self._opened() as journal:
            self._write(journal, [rule.record(0, 0) for rule in rules])
            kept = [(rule, at) for rule, at in self.unreported if rule.key not in keys]
            self.unreported.clear()
            self.unreported.extend(kept)

    def clear_all(self) -> None:
        """Forgets every counter: a new journal with nothing in it."""
        with self._opened() as journal:
            self._seen = {}
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

    def _catch_up(self, journal: int | None) -> None:
        """Reads what was written since, by whichever process."""
        if journal is None:
            return
        size = os.fstat(journal).st_size
        generation = os.pread(journal, RECORD.size, 0)
        if self._generation != generation or size < self._read:
            # Another process began a new journal with what still counts.
            if self._generation:
                self._seen = {}
            self._generation, self._read = generation, min(size, RECORD.size)
        whole = size - size % RECORD.size
        for record in RECORD.iter_unpack(os.pread(journal, max(0, whole - self._read), self._read)):
            self._note(*record)
        self._read = max(self._read, whole)

    def _write(self, journal: int | None, records: list[bytes]) -> None:
        try:
            if journal is not None:
                size = os.fstat(journal).st_size
                if size % RECORD.size:
                    # A process was killed, or the disk was full, half-way through a record.
                    os.ftruncate(journal, size - size % RECORD.size)
                if size < RECORD.size:
                    write_whole(journal, generation(0))
                write_whole(journal, b"".join(records))
                began = RECORD.unpack(os.pread(journal, RECORD.size, 0))[2]
                if size > max(COMPACT_ABOVE, 2 * began):
                    self._compact(journal)
                self._complaint = ""
                return
        except OSError as error:
            self._complain(error)
        self._catch_up(journal)
        for record in records:
            self._note(*RECORD.unpack(record))

    def _complain(self, error: OSError) -> None:
        if self._complaint != str(error.strerror):
            self._complaint = str(error.strerror)
            log.error("the journal of the limits cannot be written (%s); this process alone remembers", self._complaint)

    def _compact(self, journal: int) -> None:
        """A new journal with what still counts."""
        self._catch_up(journal)
        self._make_room(time.time_ns() // 1000)
        records = [
            RECORD.pack(digest, stamp, counted.length // SECOND, counted.late.get(stamp, stamp))
            for digest, counted in self._seen.items()
            for stamp in reversed(counted.stamps)
        ]
        self._replace(records)

    def _replace(self, records: list[bytes]) -> None:
        """The old journal is replaced at once and whole."""
        draft = self.journal.with_suffix(".new")
        draft.touch(0o600)
        draft.write_bytes(generation(len(records) * RECORD.size) + b"".join(records))
        draft.replace(self.journal)

    def _decided(self, rules: Sequence[Rule], now: int) -> tuple[int, int]:
        """The number of the rule with the longest wait, and that wait; (0, 0) when all let in."""
        wait, number = max(((self._wait(rule, now), n) for n, rule in enumerate(rules, 1)), default=(0, 0))
        return (number, wait) if wait > 0 else (0, 0)

    def _was_ahead(self, rule: Rule, stamp: int, now: int) -> bool:
        """Whether the journal has an attempt that counts and that Redis had not heard of when it gave out `stamp`."""
        counted = self._seen.get(rule.digest)
        return counted is not None and any(
            late + counted.length > now and not 0 < heard < stamp for late, heard in counted.late.items()
        )

    def _wait(self, rule: Rule, now: int) -> int:
        length = rule.window * SECOND
        counted = self._seen.get(rule.digest)
        if counted is None:
            if len(self._seen) >= CAPACITY:
                self._make_room(now)
            return length if len(self._seen) >= CAPACITY else 0
        stamps, amount = counted.stamps, min(rule.amount, MOST)
        return stamps[amount - 1] + length - now if len(stamps) >= amount else 0

    def _note(self, digest: bytes, stamp: int, window: int, heard: int) -> None:
        """The same record twice is one attempt."""
        counted = self._seen.get(digest)
        if counted is None:
            counted = self._seen[digest] = Counted(window)
        if stamp == 0:
            del self._seen[digest]
            return
        if stamp < 0:
            counted.late.pop(-stamp, None)
            if -stamp in counted.stamps:
                counted.stamps.remove(-stamp)
            return
        if stamp not in counted.stamps:
            counted.stamps.appendleft(stamp)
        if heard != stamp:
            counted.late[stamp] = heard
            over = [late for late in counted.late if late + counted.length <= stamp]
            for late in over:
                del counted.late[late]

    def _make_room(self, now: int) -> None:
        for digest in [d for d, c in self._seen.items() if not c.stamps or c.stamps[0] + c.length <= now]:
            del self._seen[digest]


def generation(began: int) -> bytes:
    """A journal's first record: a new journal is told from another by it, whatever number its file has."""
    return RECORD.pack(secrets.token_bytes(16), 0, began, 0)


def write_whole(journal: int, content: bytes) -> None:
    """A disk that fills up takes a part without a word."""
    while content:
        content = content[os.write(journal, content) :]
