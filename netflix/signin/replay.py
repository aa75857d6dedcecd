"""One policy at work on the attempts of a log.

The windows are those that count while Redis is away, without their bounds; the time is the log's own.
"""

from collections import Counter, deque
from collections.abc import Sequence
from functools import lru_cache
from heapq import nsmallest
from typing import cast

from netflix.config import Config
from netflix.limits.key import Key
from netflix.limits.policy import Lane, Limit, PolicyRule
from netflix.limits.windows import SECOND, Counted, Rule, Windows
from netflix.signin import attempt
from netflix.signin.logged import Logged

MOST_COUNTERS = 100_000
# Counters whose names are at hand.
AT_HAND = 20_000


def limits() -> tuple[Limit, ...]:
    """All that an attempt to sign in may count in."""
    found = attempt.lanes("", "", "known") + attempt.lanes("", "")
    return tuple(limit for limit, _ in found)


class Few(list[int]):
    """Up to `most` stamps, newest first: as a deque with that bound, at a fifth of its memory."""

    __slots__ = ("most",)

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def appendleft(self, stamp: int) -> None:
        self.insert(0, stamp)
        del self[self.most :]


class Kept(Counted):
    """A counter that keeps as many attempts as its rule allows, as in Redis."""

    __slots__ = ()

    def __init__(self, rule: Rule) -> None:
        self.length = rule.window * SECOND
        self.stamps = deque(maxlen=rule.amount) if rule.amount > SHORT else cast(deque[int], Few(rule.amount))
        self.late = NONE

    def count(self, stamp: int) -> None:
        while self.stamps and self.stamps[-1] + self.length <= stamp:
            self.stamps.pop()
        self.stamps.appendleft(stamp)


# Inserting at the front of a longer list costs more than a deque does.
SHORT = 256
NONE: dict[int, int] = {}


class AllWindows(Windows):
    """Of any length and amount; when there are too many, those longest untouched are forgotten, and it is told."""

    capacity, most, longest = MOST_COUNTERS, 10**9, 10**12

    def __init__(self) -> None:
        super().__init__()
        self.forgotten = 0

    def count(self, rules: Sequence[Rule], stamp: int) -> None:
        """An attempt that is let in."""
        for rule in rules:
            counted = self.seen.get(rule.digest)
            if counted is None:
                counted = self.seen[rule.digest] = Kept(rule)
            cast(Kept, counted).count(stamp)

    def clear(self, rules: Sequence[Rule]) -> None:
        """Forgets whole counters."""
        for rule in rules:
            self.seen.pop(rule.digest, None)

    def make_room(self, now: int) -> None:
        super().make_room(now)
        over = len(self.seen) - self.capacity * 9 // 10
        if over > 0:
            for digest in nsmallest(over, self.seen, key=lambda digest: self.seen[digest].stamps[0]):
                del self.seen[digest]
            self.forgotten += over


class Replay:
    """One policy at work; `refused` tells how many attempts each rule decided against."""

    def __init__(self, config: Config) -> None:
        self.rules = [rule for limit in limits() for rule in limit.rules(config)]
        self._begun = {
            limit: [(str(Key(limit, rule.window, "")), rule) for rule in self.rules if rule.limit is limit]
            for limit in limits()
        }
        self.windows = AllWindows()
        self.refused: Counter[PolicyRule] = Counter()
        self._of = lru_cache(AT_HAND)(self._made)

    def _made(self, limit: Limit, who: str) -> list[tuple[PolicyRule, Rule]]:
        return [(rule, Rule(begun + who, rule.amount, rule.window)) for begun, rule in self._begun[limit]]

    def attempt(self, logged: Logged) -> int:
        """The wait in microseconds, or 0 when it is let in: counted when it was wrong, given back when it was right."""
        lanes = attempt.lanes(logged.account, logged.address, logged.known)
        # Where a log tells no account there is nothing to count for it.
        of = [one for limit, who in lanes if who or limit.lane is Lane.SITE for one in self._of(limit, who)]
        rules = [rule for _, rule in of]
        number, wait = self.windows.decided(rules, logged.at)
        if number:
            self.refused[of[number - 1][0]] += 1
            return wait
        if not logged.is_right:
            self.windows.count(rules, max(logged.at, self.windows.newest(rules) + 1))
        else:
            forgiven = attempt.in_a_row(logged.account, lanes)
            self.windows.clear([rule for limit, who in forgiven if who for _, rule in self._of(limit, who)])
        return 0
