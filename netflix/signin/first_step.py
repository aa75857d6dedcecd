"""The first of two steps: what a browser carries, signed, from the right password to the code."""

import hmac
from datetime import timedelta
from typing import NamedTuple

from netflix import clock
from netflix import config as settings
from netflix.accounts.user import User
from netflix.errors import FirstStepRequired
from netflix.extensions import db


class FirstStep(NamedTuple):
    """Good for ten minutes, and for the password that was right; `at` is in seconds since the epoch.

    `stamp` is that of the attempt, which was made from `address` and counts until the second step is right.
    """

    user_id: int
    state: str
    remembered: bool
    at: int
    stamp: int = 0
    address: str = ""

    @classmethod
    def of(cls, user: User, remembered: bool, stamp: int, address: str) -> "FirstStep":
        return cls(user.id, state(user), remembered, int(clock.now().timestamp()), stamp, address)

    @property
    def is_over(self) -> bool:
        return clock.now().timestamp() - self.at >= LASTS.total_seconds()

    def user(self) -> User:
        """Raises FirstStepRequired when the account is not as it was."""
        user = db.session.get(User, self.user_id)
        if self.is_over or user is None or user.is_disabled or not user.has_second_factor:
            raise FirstStepRequired
        if not hmac.compare_digest(self.state, state(user)):
            raise FirstStepRequired
        return user


LASTS = timedelta(minutes=10)


def state(user: User) -> str:
    """Tells one password of a user from the next, and nothing else."""
    key = settings.current().password_key.encode()
    return hmac.digest(key, f"netflix first step\0{user.password_hash}".encode(), "sha256")[:16].hex()
