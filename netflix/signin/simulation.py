"""What a policy would have done to the attempts of a log: whom it would have stopped, and whom it would have hit.

Nothing is written, and what is held is bounded however long the log is.
"""

import gc
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from heapq import nlargest
from typing import NamedTuple

from netflix.config import Config
from netflix.limits import policy
from netflix.limits.policy import PolicyRule
from netflix.limits.windows import SECOND
from netflix.signin.logged import Logged
from netflix.signin.replay import Replay

# Addresses, and accounts as they were tried from one, that are held at a time.
MOST_ADDRESSES = 100_000
MOST_PARTIES = 50_000
# As many accounts as somebody mistypes or shares; who fails on more of them without ever being right is a guesser.
FEW = 5


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
