"""E-mail addresses: one spelling for each, so that the database's own constraint settles who has it."""

import re
import unicodedata

# RFC 5321 4.5.3.1.3: a path is at most 256 octets with its angle brackets.
LONGEST = 254
# Deliberately loose: whether an address exists is proved by mail, not by its shape.
SHAPE = re.compile(r"[^\s@\x00-\x1f\x7f<>\"\ud800-\udfff]+@[^\s@\x00-\x1f\x7f<>\"\ud800-\udfff]+")


# What RFC 5322 3.2.3 keeps for other ends in a name that is not quoted, and no name of a host has. Where one is left,
# an address can look like a link in a mail that names it.
SPECIALS = frozenset('()<>[]:;@\\,"')
NOT_OF_A_HOST = SPECIALS | frozenset("!#$%&'*+/=?^`{|}~")


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


def new_faults(text: str) -> list[str]:
    """The same for one that an account is to have; whose account has another already goes on with it."""
    if found := faults(text):
        return found
    for spelling in (text.strip(), normalised(text)):
        name, _, host = spelling.partition("@")
        for sign in [*(SPECIALS & set(name)), *(NOT_OF_A_HOST & set(host))]:
            return [f"An e-mail address has no “{sign}” there. Check it for a slip."]
    return []
