"""Moving windows in memory: which attempts were let in, and whether one more may be."""

import struct
from collections import deque
from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

SECOND = 1_000_000
# Under a flood of addresses new ones are refused rather than old ones forgotten.
CAPACITY = 20_000
# Of one counter; a wider limit is held to this while Redis is away.
MOST = 1000
# Longer windows are Redis's alone: kept for weeks, a stranger's every e-mail would fill journal and memory.
LONGEST = 86_400
# A record of the journal: the counter's digest, the attempt's stamp (negative when it is taken back, 0 when the whole
# counter is cleared), the window's seconds, and when Redis heard of the attempt, in microseconds of its own clock:
# the stamp itself when Redis let it in, 0 for as long as it has not heard.
# The first record: the generation, nothing, the bytes it began with, nothing.
RECORD = struct.Struct("<16sqqq")


class Decision(NamedTuple):
    """Let in when `rule` is 0, with the attempt's stamp as `value`; else the deciding rule's number, and µs to wait.

    `used_up` is the number of a rule whose last attempt this was, or 0. Rules are numbered from 1.
    """

    rule: int
    value: int
    used_up: int = 0


class Filled(NamedTuple):
    """How full a rule is: the attempts that count, and µs until one more would be let in."""

    used: int
    wait: int


class Rule:
    """`amount` attempts in any `window` seconds under the Redis key `key`."""

    __slots__ = ("_digest", "amount", "key", "window")

    def __init__(self, key: str, amount: int, window: int) -> None:
        self.key, self.amount, self.window = key, amount, window
        self._digest = b""

    @property
    def is_kept_here(self) -> bool:
        return self.window <= LONGEST

    def record(self, stamp: int, heard: int) -> bytes:
        return RECORD.pack(self.digest, stamp, self.window, heard)

    @property
    def digest(self) -> bytes:
        self._digest = self._digest or blake2b(self.key.encode(), digest_size=16).digest()
        return self._digest


class Counted:
    """One counter: its window in microseconds, and its attempts, newest first.

    `late` are those that were let in without Redis, with the time at which it heard of them (0: not yet).
    """

    __slots__ = ("late", "length", "stamps")

    def __init__(self, window: int, most: int) -> None:
        self.length = window * SECOND
        self.stamps: deque[int] = deque(maxlen=most)
        self.late: dict[int, int] = {}


class Windows:
    """The counters of one process, of which none is forgotten while it counts."""

    capacity, most, longest = CAPACITY, MOST, LONGEST

    def __init__(self) -> None:
        self.seen: dict[bytes, Counted] = {}

    def newest(self, rules: Sequence[Rule]) -> int:
        """The latest stamp under any of the rules, or 0."""
        return max((seen.stamps[0] for r in rules if (seen := self.seen.get(r.digest)) and seen.stamps), default=0)

    def has(self, rule: Rule, stamp: int) -> bool:
        counted = self.seen.get(rule.digest)
        return counted is not None and stamp in counted.stamps

    def decided(self, rules: Sequence[Rule], now: int) -> tuple[int, int]:
        """The number of the rule with the longest wait, and that wait; (0, 0) when all let in."""
        # The first of those that wait as long, as in Redis.
        wait, number = max(((self._wait(rule, now), -n) for n, rule in enumerate(rules, 1)), default=(0, 0))
        return (-number, wait) if wait > 0 else (0, 0)

    def filled(self, rules: Sequence[Rule], now: int) -> list[Filled]:
        """How full each rule is."""
        return [Filled(self._used(rule, now), max(0, self._wait(rule, now))) for rule in rules]

    def _used(self, rule: Rule, now: int) -> int:
        counted = self.seen.get(rule.digest)
        return sum(stamp + counted.length > now for stamp in counted.stamps) if counted else 0

    def was_ahead(self, rule: Rule, stamp: int, now: int) -> bool:
        """Whether there is an attempt that counts and that Redis had not heard of when it gave out `stamp`."""
        counted = self.seen.get(rule.digest)
        return counted is not None and any(
            late + counted.length > now and not 0 < heard < stamp for late, heard in counted.late.items()
        )

    def _wait(self, rule: Rule, now: int) -> int:
        if rule.window > self.longest:
            return 0
        length = rule.window * SECOND
        counted = self.seen.get(rule.digest)
        if counted is None:
            if len(self.seen) >= self.capacity:
                self.make_room(now)
            return length if len(self.seen) >= self.capacity else 0
        stamps, amount = counted.stamps, min(rule.amount, self.most)
        return stamps[amount - 1] + length - now if len(stamps) >= amount else 0

    def note(self, digest: bytes, stamp: int, window: int, heard: int) -> None:
        """The same record twice is one attempt."""
        counted = self.seen.get(digest)
        if counted is None:
            counted = self.seen[digest] = Counted(window, self.most)
        if stamp == 0:
            del self.seen[digest]
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

    def is_late(self, digest: bytes, stamp: int, window: int, heard: int) -> bool:
        """Whether a record is of an attempt that Redis had not heard of at once, or of a counter with such."""
        return digest in self.seen or (stamp > 0 and heard != stamp)

    def keep_late(self) -> None:
        """Forgets the counters without such an attempt."""
        self.seen = {digest: counted for digest, counted in self.seen.items() if counted.late}

    def add(self, other: "Windows") -> None:
        """What another knows besides."""
        for digest, theirs in other.seen.items():
            ours = self.seen.setdefault(digest, theirs)
            stamps = sorted({*ours.stamps, *theirs.stamps}, reverse=True)[: self.most]
            ours.stamps, ours.late = deque(stamps, maxlen=self.most), ours.late | theirs.late

    def make_room(self, now: int) -> None:
        for digest in [d for d, c in self.seen.items() if not c.stamps or c.stamps[0] + c.length <= now]:
            del self.seen[digest]
