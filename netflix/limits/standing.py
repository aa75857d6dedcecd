"""How counters stand, one or all, as Redis is read some at a time."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple, Self, TypeVar

from redis import Redis

from netflix.limits import key
from netflix.limits.counter import Counters, Kind, batches, counters, named
from netflix.limits.key import Key
from netflix.limits.policy import Limit
from netflix.limits.scripts import READ
from netflix.limits.windows import SECOND

T = TypeVar("T")


class Standing(NamedTuple):
    """How one counter stands. Times are in seconds since the epoch; `free_in` is 0 while attempts are left."""

    key: Key
    amount: int
    used: int
    free_in: float
    first: float
    last: float

    @classmethod
    def of(cls, row: "Row") -> Self:
        kind, who, used, first, last, wait = row
        return cls(Key(kind.limit, kind.window, who), kind.amount, used, wait / SECOND, first / SECOND, last / SECOND)

    @property
    def left(self) -> int:
        return max(0, self.amount - self.used)

    @property
    def is_blocked(self) -> bool:
        return self.left == 0


class Wanted(NamedTuple):
    """Which counters: of one limit, of one lane, of whoever `who` takes, or those that refuse."""

    limit: str = ""
    lane: str = ""
    who: Callable[[str], bool] | None = None
    blocked: bool = False

    @property
    def pattern(self) -> str:
        """As Redis chooses them; the rest is chosen here."""
        chosen = f"{self.limit or '*'}:{self.lane or '*'}:" if self.limit or self.lane else ""
        return f"{key.PREFIX}{chosen}*"

    def takes(self, limit: Limit) -> bool:
        return self.limit in ("", limit.name) and self.lane in ("", limit.lane)


ALL = Wanted()


# Limit, lane and window as they stand in a name.
Head = tuple[str, str, str]
# One counter as it was read: whom it counts, how many attempts, and in microseconds the first, the last, and the wait.
Row = tuple[Kind, str, int, int, int, int]
# What Redis is asked about at once: keys, the numbers of their kinds, and whom they count.
Asked = tuple[Sequence[str | bytes], list[int], list[str]]


@dataclass
class Others:
    """How many keys were met that are not as the site makes them, while counters were read."""

    met: int = 0


def read(keys: Iterable[Key] | None = None, wanted: Wanted = ALL, others: Others | None = None) -> Iterator[Standing]:
    """How the counters of these keys stand, or all that are wanted, as they are read. Raises CountersUnavailable."""
    return (Standing.of(row) for batch in rows(keys, wanted, others) for row in batch)


def rows(keys: Iterable[Key] | None = None, wanted: Wanted = ALL, others: Others | None = None) -> Iterator[list[Row]]:
    """The same some at a time and bare: of a million, to make each a Standing would take as long as to read it.

    Of all, one may come twice: Redis, when it makes room for more keys meanwhile, names some again, and to remember a
    million would take the memory that reading on saves.
    """
    return ahead(looked_up(counters(), keys, wanted, others or Others()))


def looked_up(site: Counters, keys: Iterable[Key] | None, wanted: Wanted, others: Others) -> Iterator[list[Row]]:
    kinds, known = dict(enumerate(site.kinds, 1)), numbered(site.kinds, wanted)
    rules = [n for kind in site.kinds for n in (kind.amount, kind.window * SECOND)]
    with site.patient() as redis:
        for names, numbers, subjects in scanned(redis, known, wanted, others) if keys is None else given(keys, known):
            answer = redis.eval(READ, len(names), *names, bytes(numbers), int(wanted.blocked), *rules)
            others.met += answer.pop()
            told = iter(answer)
            yield [
                (kinds[numbers[n - 1]], subjects[n - 1], used, first, last, wait)
                for n, used, first, last, wait in zip(told, told, told, told, told, strict=True)
            ]


def ahead(source: Iterator[T]) -> Iterator[T]:
    """Each of them while the next is being read: Redis works while what it said is printed."""
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, source, None)
        while (here := coming.result()) is not None:
            coming = reader.submit(next, source, None)
            yield here


def numbered(kinds: Iterable[Kind], wanted: Wanted) -> dict[Head, int]:
    """The kinds of the wanted counters, from 1."""
    return {
        (kind.limit.name, kind.limit.lane, str(kind.window)): number
        for number, kind in enumerate(kinds, 1)
        if wanted.takes(kind.limit)
    }


def given(keys: Iterable[Key], known: Mapping[Head, int]) -> Iterator[Asked]:
    """Those of a known kind."""
    for batch in batches(keys):
        found = [(one, known.get((one.limit.name, one.limit.lane, str(one.window)), 0)) for one in batch]
        ours = [(one, number) for one, number in found if number]
        if ours:
            yield [str(one) for one, _ in ours], [number for _, number in ours], [one.who for one, _ in ours]


def scanned(redis: Redis, known: Mapping[Head, int], wanted: Wanted, others: Others) -> Iterator[Asked]:
    """As `given`, of all in Redis."""
    takes = wanted.who
    for found in named(redis, wanted.pattern):
        names, numbers, subjects = [], [], []
        for name in found:
            parts = name.decode("utf-8", "replace").split(":", 5)
            number = known.get((parts[2], parts[3], parts[4])) if len(parts) == 6 else None
            if number and (takes is None or takes(parts[5])):
                names.append(name)
                numbers.append(number)
                subjects.append(parts[5])
            elif number is None and not Key.read(name.decode("utf-8", "replace")):
                others.met += 1
        if names:
            yield names, numbers, subjects
