"""Where an attempt comes from, as the request tells it."""

from typing import NamedTuple, Self


class Visitor(NamedTuple):
    """`devices` is the cookie by which a browser is known to accounts; see `device`."""

    address: str
    user_agent: str = ""
    devices: str = ""

    @property
    def stranger(self) -> Self:
        """The same on a browser that is known to no account."""
        return self._replace(devices="")
