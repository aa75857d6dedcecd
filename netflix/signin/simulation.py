"""What a policy would have done to the attempts of a log: whom it would have stopped, and whom it would have hit.

The windows are those that count while Redis is away, without their bounds; the time is the log's own. Nothing is
written, and what is held is bounded however long the log is.
"""

import gc
from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from heapq import nlargest, nsmallest
from typing import NamedTuple, cast

from netflix.config import Config
from netflix.limits import policy
from netflix.limits.key import Key
from netflix.limits.policy import Lane, Limit
from netflix.limits.windows import SECOND, Counted, Rule, Windows
from netflix.signin import signin
from netflix.signin.logged import Logged

# Counters of one policy, addresses, and accounts as they were tried from one, that are held at a time.
MOST_COUNTERS = 100_000
MOST_ADDRESSES = 100_000
MOST_PARTIES = 50_000
# As many accounts as somebody mistypes or shares; who fails on more of them without ever being right is a guesser.
FEW = 5
# Counters whose names are at hand.
AT_HAND = 20_000


def limits() -> tuple[Limit, ...]:
    """All that an attempt to sign in may count in."""
    found = signin.lanes("", "", "known") + signin.lanes("", "")
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


class PolicyRule(NamedTuple):
    """One line of a policy, as a report names it."""

    limit: Limit
    amount: int
    window: int


class Replay:
    """One policy at work; `refused` tells how many attempts each rule decided against."""

    def __init__(self, config: Config) -> None:
        self.rules = [
            PolicyRule(limit, rate.amount, rate.get_expiry()) for limit in limits() for rate in limit.rates(config)
        ]
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
        lanes = signin.lanes(logged.account, logged.address, logged.known)
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
            forgiven = signin.in_a_row(logged.account, lanes)
            self.windows.clear([rule for limit, who in forgiven if who for _, rule in self._of(limit, who)])
        return 0


class Tally:
    """What happened to some attempts: how many there were, and of each policy how many it refused."""

    __slots__ = ("attempts", "refused")

    def __init__(self, policies: int) -> None:
        self.attempts = 0
        self.refused = [0] * policies

    def add(self, other: "Tally") -> None:
        self.attempts += other.attempts
        self.refused = [mine + more for mine, more in zip(self.refused, other.refused, strict=True)]


def total(tallies: Sequence[Tally]) -> Tally:
    whole = Tally(len(tallies[0].refused))
    for tally in tallies:
        whole.add(tally)
    return whole


class Party(Tally):
    """One account as it was tried from one address; waits are the longest, in microseconds."""

    __slots__ = ("is_right", "right_refused", "waits")

    def __init__(self, policies: int) -> None:
        super().__init__(policies)
        self.is_right = False
        self.right_refused = [0] * policies
        self.waits = [0] * policies

    def note(self, is_right: bool, waits: Sequence[int]) -> None:
        self.attempts += 1
        self.is_right |= is_right
        for number, wait in enumerate(waits):
            if wait:
                self.refused[number] += 1
                self.right_refused[number] += is_right
                self.waits[number] = max(wait, self.waits[number])


class Address:
    """Who was tried from one address; `others` are accounts that there was no room to keep apart, `more` how many."""

    __slots__ = ("more", "others", "parties")

    def __init__(self) -> None:
        self.parties: dict[str, Party] = {}
        self.others: Tally | None = None
        self.more = 0

    def gather(self) -> Tally | None:
        """All accounts that nobody signed in to so far, in one; None when there are none."""
        strangers = [party for party in self.parties.values() if not party.is_right]
        if strangers:
            self.parties, self.more = self.people, self.more + len(strangers)
            self.others = total([*strangers, *([self.others] if self.others else [])])
        return self.others

    @property
    def people(self) -> dict[str, Party]:
        return {account: party for account, party in self.parties.items() if party.is_right}

    @property
    def is_attackers(self) -> bool:
        strangers = len(self.parties) - len(self.people) + self.more
        return not self.people or strangers > FEW


class Hit(NamedTuple):
    """Somebody real who would have had to wait: for so many seconds at most, under each policy."""

    account: str
    address: str
    waits: tuple[int, ...]


@contextmanager
def uncollected() -> Iterator[None]:
    """What is held has no cycles, and looking for some in it is half the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class Simulation:
    """The attempts of a log under one policy or several at once.

    Somebody is *real* when their account was signed in to from their address, at any time in the log. An address is
    an *attacker's* when nobody was, or when it failed on more than FEW accounts that nobody ever signed in to from
    there. All else is unclear: such as a mistyped e-mail in a household.
    """

    def __init__(self, configs: Sequence[Config], worst: int) -> None:
        self.replays = [Replay(config) for config in configs]
        self.attackers, self.people, self.unclear = (Tally(len(configs)) for _ in range(3))
        self.attacking_addresses = 0
        self.persons = 0
        self.hit = [0] * len(configs)
        self.right_refused = [0] * len(configs)
        self.worst: list[Hit] = []
        self._most_worst = worst
        # Those that are longest unseen come first; `_loose` are those with parties that could be gathered.
        self._addresses: OrderedDict[str, Address] = OrderedDict()
        self._loose: OrderedDict[str, Address] = OrderedDict()
        self._held = 0

    def run(self, attempts: Iterable[Logged]) -> None:
        with uncollected():
            self._run(attempts)

    def _run(self, attempts: Iterable[Logged]) -> None:
        for logged in attempts:
            waits = [replay.attempt(logged) for replay in self.replays]
            self._party(logged).note(logged.is_right, waits)
            while self._held > MOST_PARTIES or len(self._addresses) > MOST_ADDRESSES:
                self._make_room()
        while self._addresses:
            self._settle()

    def _party(self, logged: Logged) -> Party:
        address = self._addresses.get(logged.address)
        if address is None:
            address = self._addresses[logged.address] = Address()
        else:
            self._addresses.move_to_end(logged.address)
        party = address.parties.get(logged.account)
        if party is None:
            party = address.parties[logged.account] = Party(len(self.replays))
            self._held += 1
            self._loose[logged.address] = address
            self._loose.move_to_end(logged.address)
        return party

    def _make_room(self) -> None:
        if self._held > MOST_PARTIES and self._loose:
            _, address = self._loose.popitem(last=False)
            self._held -= len(address.parties)
            address.gather()
            self._held += len(address.parties)
        else:
            self._settle()

    def _settle(self) -> None:
        """Judges the address that is longest unseen."""
        name, address = self._addresses.popitem(last=False)
        self._loose.pop(name, None)
        self._held -= len(address.parties)
        self.attacking_addresses += address.is_attackers
        for account, party in address.people.items():
            self._note_person(account, name, party)
        strangers = self.attackers if address.is_attackers else self.unclear
        if tried := address.gather():
            strangers.add(tried)

    def _note_person(self, account: str, address: str, party: Party) -> None:
        self.people.add(party)
        self.persons += 1
        self.hit = [hit + bool(wait) for hit, wait in zip(self.hit, party.waits, strict=True)]
        self.right_refused = [a + b for a, b in zip(self.right_refused, party.right_refused, strict=True)]
        if any(party.waits):
            self.worst.append(Hit(account, address, tuple(-(-wait // SECOND) for wait in party.waits)))
            if len(self.worst) > 100 * (1 + self._most_worst):
                self.worst = self.most_hit()

    def most_hit(self) -> list[Hit]:
        """The longest wait first."""
        return nlargest(self._most_worst, self.worst, key=lambda hit: (max(hit.waits), hit.account, hit.address))

    def rules(self) -> Iterator[tuple[PolicyRule, list[int | None]]]:
        """Each rule of each policy, and the attempts that it decided against; None where a policy has it not."""
        of_each = [{rule: replay.refused[rule] for rule in replay.rules} for replay in self.replays]
        for rule in sorted({rule for rules in of_each for rule in rules}, key=in_order):
            yield rule, [rules.get(rule) for rules in of_each]

    @property
    def everybody(self) -> Tally:
        return total([self.attackers, self.people, self.unclear])

    @property
    def forgotten(self) -> int:
        """Counters that were let go for want of room."""
        return max(replay.windows.forgotten for replay in self.replays)


def in_order(rule: PolicyRule) -> tuple[int, int, int]:
    return policy.LIMITS.index(rule.limit), rule.window, rule.amount
