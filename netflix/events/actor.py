"""Who does something to somebody's account, and from where: an administrator in a browser, or the operator."""

import os
from getpass import getuser
from typing import NamedTuple


class Actor(NamedTuple):
    """An administrator, by their number; without one, the operator at a terminal."""

    user_id: int | None = None
    address: str = ""

    @property
    def name(self) -> str:
        """As the record has it: `user:7`, or `operator:root` by the system's own word."""
        if self.user_id is not None:
            return f"user:{self.user_id}"
        return f"operator:{os.environ.get('SUDO_USER') or getuser()}"

    @property
    def title(self) -> str:
        return "the operator" if self.user_id is None else "an administrator"

    def way(self, sentence: str, command: str) -> str:
        """A remedy: what to do, and at the terminal the command that does it."""
        return f"{sentence}: `netflix-admin {command}`." if self.user_id is None else f"{sentence}."


OPERATOR = Actor()
