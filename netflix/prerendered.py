"""A page rendered once, with marks where a visitor's words go: rendering it anew would cost a third of its answer.

For the two answers that strangers make us give most: the sign-in page, and its refusal.
"""

import secrets
from collections.abc import Callable

from markupsafe import escape


class Prerendered:
    """`render` is given the marks by their names; nobody can guess one and send it as their own word."""

    def __init__(self, render: Callable[[dict[str, str]], str], *names: str) -> None:
        self.marks = {name: secrets.token_hex(16) for name in names}
        self.text = render(self.marks)

    def filled(self, **words: str) -> str:
        """The page with these words, escaped, at their marks."""
        text = self.text
        for name, word in words.items():
            text = text.replace(self.marks[name], escape(word))
        return text
