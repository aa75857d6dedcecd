"""The bans as a process knows them: a look-up for each length of prefix in use, however many bans there are."""

import math
import socket
import time
from datetime import datetime

from sqlalchemy import bindparam, or_, select

from netflix import clock
from netflix.bans.ban import Ban
from netflix.limits.address import parsed
from netflix.reading import Reading

# Seconds between two looks for what has ended.
SWEEP_EVERY = 600

Changed = tuple[str, datetime | None, datetime | None]


def changed(values: list[object]) -> Changed:
    network, until, revoked_at = values
    return network, until, revoked_at  # type: ignore[return-value]


COLUMNS = select(Ban.network, Ban.until, Ban.revoked_at)
IN_FORCE = Reading(
    COLUMNS.where(Ban.revoked_at.is_(None), or_(Ban.until.is_(None), Ban.until > bindparam("now"))), changed
)
# A network may have had several: the latest order holds.
CHANGED = Reading(COLUMNS.where(Ban.order_number > bindparam("after")).order_by(Ban.order_number, Ban.id), changed)


class Table:
    """Read by every request while one thread writes: a length's dictionary is changed in place, the lengths are not."""

    def __init__(self) -> None:
        # For each family, (how many bits are left off, the ends by what is left), in seconds since the epoch.
        self._lengths: dict[int, tuple[tuple[int, dict[int, float]], ...]] = {4: (), 6: ()}
        self._swept = time.monotonic()

    def read(self, after: int) -> None:
        """What changed after an order; after 0, all anew."""
        if after:
            for network, until, revoked_at in CHANGED(after=after):
                self.put(network, None if revoked_at else end(until))
            self.sweep()
        else:
            fresh = Table()
            for network, until, _ in IN_FORCE(now=clock.now()):
                fresh.put(network, end(until))
            self._lengths = fresh._lengths

    def put(self, network: str, until: float | None) -> None:
        """Shuts a network out until then, or lets it in with None."""
        family, left_off, bits = packed(network)
        ends = dict(self._lengths[family]).get(left_off)
        if until is None:
            if ends:
                ends.pop(bits, None)
        elif ends is None:
            self._lengths = self._lengths | {family: (*self._lengths[family], (left_off, {bits: until}))}
        else:
            ends[bits] = until

    def until(self, address: str) -> float | None:
        """When the last ban on an address ends, `inf` for never; None when it is let in."""
        known = parsed(address)
        if known is None or not (lengths := self._lengths[known.version]):
            return None
        number, last = int(known), 0.0
        for left_off, ends in lengths:
            found = ends.get(number >> left_off)
            if found is not None and found > last:
                last = found
        return last if last and last > clock.now().timestamp() else None

    def sweep(self) -> None:
        """Forgets what has ended by itself."""
        if time.monotonic() - self._swept < SWEEP_EVERY:
            return
        self._swept, now = time.monotonic(), clock.now().timestamp()
        for lengths in self._lengths.values():
            for _, ends in lengths:
                for bits in [bits for bits, until in ends.items() if until <= now]:
                    del ends[bits]


def end(until: datetime | None) -> float:
    return until.timestamp() if until else math.inf


def packed(network: str) -> tuple[int, int, int]:
    """The family, how many bits are left off, and the others. At a tenth of what `ipaddress` takes."""
    address, _, length = network.partition("/")
    if ":" in address:
        left_off = 128 - int(length)
        return 6, left_off, int.from_bytes(socket.inet_pton(socket.AF_INET6, address), "big") >> left_off
    left_off = 32 - int(length)
    return 4, left_off, int.from_bytes(socket.inet_pton(socket.AF_INET, address), "big") >> left_off
