"""Texts that others take for more than their signs: a terminal, a log, a spreadsheet."""

import re

# A spreadsheet takes a cell that begins so for a formula (OWASP, CSV Injection).
FORMULA = re.compile(r"'*[=+\-@\t\r\uff0b\uff0d\uff1d\uff20]")


def printable(text: str, keep: str = "") -> str:
    """What would move a cursor, end a line, colour, ring, hide itself or turn the reading direction is spelt out."""
    return "".join(c if c.isprintable() or c in keep else c.encode("unicode_escape").decode() for c in text)


def faults(text: str, what: str, most: int) -> list[str]:
    """The sentence that stands at a line of somebody's own words, such as a note."""
    if len(text) > most:
        return [f"That {what} is too long. Use up to {most} characters."]
    return [] if text.isprintable() else [f"That {what} has characters that cannot be seen. Type it anew, on one line."]


def covered(text: str) -> str:
    """With an apostrophe before what a spreadsheet would compute; `uncovered` takes it off again."""
    return f"'{text}" if FORMULA.match(text) else text


def uncovered(text: str) -> str:
    return text[1:] if text.startswith("'") and FORMULA.match(text) else text
