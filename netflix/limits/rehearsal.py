"""What counting an attempt would answer now, found out without counting it."""

import time
from typing import NamedTuple

from netflix.errors import CountersUnavailable
from netflix.limits.counter import counters
from netflix.limits.key import Key
from netflix.limits.policy import Limit


class Counter(NamedTuple):
    """One counter that an attempt would count in; `wait` is in seconds, and 0 while it lets one in."""

    key: Key
    amount: int
    used: int
    wait: float


class Rehearsal(NamedTuple):
    """`in_journal`: Redis does not answer, and the journal in the instance folder decides."""

    counters: list[Counter]
    in_journal: bool = False

    @property
    def decides(self) -> Counter | None:
        """The counter with the longest wait; None when all let in."""
        return max((one for one in self.counters if one.wait), key=lambda one: one.wait, default=None)


def rehearsed(*subjects: tuple[Limit, str]) -> Rehearsal:
    """As `counter.hit` for the same subjects."""
    site = counters()
    counted = [
        (Key(limit, rule.window, site.who(limit, subject)), rule)
        for limit, subject in subjects
        for rule in site.rules(limit, subject)
    ]
    rules = [rule for _, rule in counted]
    in_journal = False
    try:
        with site.patient() as redis:
            filled = site.store.look(rules, redis)
    except CountersUnavailable as away:
        # Under a key of another type Redis is there, and yet the journal counts.
        in_journal = not str(away.__cause__).startswith("WRONGTYPE")
        filled = site.store.fallback.read().filled(rules, time.time_ns() // 1000)
    found = [
        Counter(key, rule.amount, used, wait / 1_000_000)
        for (key, rule), (used, wait) in zip(counted, filled, strict=True)
    ]
    return Rehearsal(found, in_journal)
