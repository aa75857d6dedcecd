"""The one place where a counter's name is made and read, for the web and the terminal alike.

`netflix:limits:<limit>:<lane>:<window in seconds>:<who>`, where who is an address (IPv6 as its /64), for an
account a keyed digest of the e-mail, for a device a digest of its token, and for the site `all`: no personal data
beyond the address, no unbounded text.
"""

import hmac
from typing import NamedTuple

from netflix.limits.policy import LIMITS, Limit

PREFIX = "netflix:limits:"
# Whom the site's lane counts.
ALL = "all"


class Key(NamedTuple):
    """One counter: of which limit, over how many seconds, for whom."""

    limit: Limit
    window: int
    who: str

    def __str__(self) -> str:
        return f"{PREFIX}{self.limit.name}:{self.limit.lane}:{self.window}:{self.who}"

    @classmethod
    def read(cls, text: str) -> "Key | None":
        """The key that `text` names, or None when it is none of ours."""
        parts = text.removeprefix(PREFIX).split(":", 3)
        if not text.startswith(PREFIX) or len(parts) != 4 or not (parts[2].isascii() and parts[2].isdigit()):
            return None
        for limit in LIMITS:
            if (limit.name, limit.lane) == (parts[0], parts[1]):
                return cls(limit, int(parts[2]), parts[3])
        return None


def account(secret: str, email_key: str) -> str:
    """Whom the account lane counts: 32 hexadecimal digits that tell nothing without the secret key."""
    message = b"netflix account lane\0" + email_key.encode("utf-8", "surrogatepass")
    return hmac.digest(secret.encode(), message, "sha256")[:16].hex()
