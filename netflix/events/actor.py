"""Who does something to somebody's account, and from where: an administrator in a browser, or the operator."""

import os
import pwd
from typing import NamedTuple


class Actor(NamedTuple):
    """An administrator, by their number; without one, the operator at a terminal."""

    user_id: int | None = None
    address: str = ""

    @property
    def name(self) -> str:
        """As the record has it: `user:7`, or `operator:root` by the system's own word."""
        return f"operator:{process_owner()}" if self.user_id is None else f"user:{self.user_id}"

    @property
    def title(self) -> str:
        return "the operator" if self.user_id is None else "an administrator"

    def way(self, sentence: str, command: str) -> str:
        """A remedy: what to do, and at the terminal the command that does it."""
        return f"{sentence}: `netflix-admin {command}`." if self.user_id is None else f"{sentence}."


OPERATOR = Actor()


def process_owner() -> str:
    """The user of the operating system whose process this is, not whom an environment names.

    Who became root by sudo is told beside it: only root could make that up.
    """
    number = os.getuid()
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:
        name = str(number)
    sudoer = "" if number else os.environ.get("SUDO_USER", "")
    return f"{name} (sudo by {sudoer})" if sudoer else name
