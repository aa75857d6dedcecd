"""E-mail addresses: one spelling for each, so that the database's own constraint settles who has it."""

import re
import unicodedata

# RFC 5321 4.5.3.1.3: a path is at most 256 octets with its angle brackets.
LONGEST = 254
# Deliberately loose: whether an address exists is proved by mail, not by its shape.
SHAPE = re.compile(r"[^\s@\x00-\x1f\x7f<>\"\ud800-\udfff]+@[^\s@\x00-\x1f\x7f<>\"\ud800-\udfff]+")


def normalised(text: str) -> str:
    """NFKC and casefold: what is compared, counted and unique. Bounded, so that nobody makes us fold a book."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text.strip()[:1024]).casefold())


def faults(text: str) -> list[str]:
    """The sentences that stand at the field; none when the address can be taken."""
    text = text.strip()
    if not text:
        return ["Type your e-mail address."]
    if len(text) > LONGEST or len(normalised(text)) > LONGEST:
        return [f"That address is too long. It can have up to {LONGEST} characters."]
    # In its one spelling too: NFKC makes a space and an accent of some signs.
    if not text.isprintable():
        return ["That address has characters that cannot be seen. Type it anew."]
    if not SHAPE.fullmatch(text) or not SHAPE.fullmatch(normalised(text)):
        return ["That does not look like an e-mail address. It should be like you@example.org."]
    return []
