"""Where an attempt comes from, as the request tells it."""

from typing import NamedTuple


class Visitor(NamedTuple):
    """`devices` is the cookie by which a browser is known to accounts; see `device`."""

    address: str
    user_agent: str = ""
    devices: str = ""
