"""Which passwords a guesser would soon try: those on lists, those near the site or the person, those easily built.

NIST SP 800-63B-4 3.1.1.2: the whole password is compared with lists of common, expected and breached ones, and with
words of its context. ASVS 5.0 6.2.4, 6.2.11, 6.2.12. No rule says of which characters it is made (6.2.5).
"""

import logging
import re
from functools import lru_cache
from hashlib import sha1
from importlib import import_module, metadata, util
from math import prod
from pathlib import Path
from runpy import run_path
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from netflix.accounts import blocklist
from netflix.accounts import email as addresses
from netflix.accounts.blocklist import Blocklist, Broken
from netflix.config import current

log = logging.getLogger("netflix.accounts")

SITE = "netflix"
# Whoever guesses through the door has ten attempts an hour, 87,600 a year: not one in a thousand of these.
# And it is what zxcvbn gives to eight characters of which it can make nothing, the shortest that is taken.
ENOUGH = 10**8
# Of a longer one the two ends are estimated: the time grows with the square of the length.
ESTIMATED = 40
# zxcvbn tries every reading of `4`, `@`, `1`, `!`… together; of more than these, one for each letter is enough.
READINGS = 8
SHORTEST_WORD = 3
YEAR = 4
# Signs that stand for letters.
LETTERS = str.maketrans("4@8361!|0$57", "aabegiilosst")

BETTER = "A few unrelated words make a better one."
COMMON = f"That is one of the most common passwords, which are guessed first. {BETTER}"
KNOWN = f"That password is on a list of known ones, which guessers have too. {BETTER}"
NEAR = f"That is too close to this site's name or to your e-mail address. {BETTER}"
WEAK = {
    "dictionary": f"A name or word is quickly guessed, with a number or changed letters too. {BETTER}",
    "spatial": f"Neighbouring keys are quickly guessed. {BETTER}",
    "repeat": f"What is repeated is quickly guessed. {BETTER}",
    "sequence": f"A run such as abc or 321 is quickly guessed. {BETTER}",
    "date": f"A date or year is quickly guessed. {BETTER}",
    "regex": f"A date or year is quickly guessed. {BETTER}",
    "bruteforce": f"That is quickly guessed. {BETTER}",
}

# zxcvbn keeps what is told of a person in its one table of words.
_estimating = Lock()


def faults(text: str, email: str) -> list[str]:
    """The sentence that stands at the field; none when the password, as it is compared, can be taken."""
    if is_on(common(), text):
        return [COMMON]
    if is_on(imported(), text):
        return [KNOWN]
    return [sentence] if (sentence := weakness(text, context(email))) else []


def is_known(text: str) -> bool:
    """Whether it is on a list: two reads of a file for each, and no estimate."""
    return is_on(common(), text) or is_on(imported(), text)


def is_on(known: Blocklist | None, text: str) -> bool:
    """As it is, or in small letters. A list that cannot be read keeps nobody out."""
    try:
        return known is not None and any(known.has(hashed(form)) for form in {text, text.lower()})
    except (Broken, OSError) as error:
        log.error("a list of passwords cannot be read (%s); see `netflix-admin passwords status`", error)
        return False


def hashed(text: str) -> bytes:
    """As breached passwords are published: no secret is kept so."""
    return sha1(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()


def context(email: str) -> list[str]:
    """What a guesser knows of the site and the person (ASVS 5.0 6.1.2)."""
    host = urlsplit(current().url).hostname or ""
    local, _, domain = addresses.normalised(email).partition("@")
    names = [SITE, host, f"{local}@{domain}", local, re.sub(r"[\W_]", "", local), domain]
    # Not `org`: what ends a domain is nobody's.
    parts = [*host.split(".")[:-1], *re.split(r"[\W\d_]+", local), *re.split(r"[\W_]+", domain)[:-1]]
    return [word for word in dict.fromkeys(names + parts) if len(word) >= SHORTEST_WORD]


def weakness(text: str, words: list[str]) -> str:
    """Why fewer than `ENOUGH` guesses would do, as a sentence; empty when they would not."""
    parts = estimated(text, words)
    if is_made_of(words, text) or any(part.get("dictionary_name") == "user_inputs" for part in parts):
        return NEAR
    return WEAK[max(parts, key=lambda match: len(match["token"]))["pattern"]] if parts else ""


def estimated(text: str, words: list[str]) -> list[dict[str, Any]]:
    """The parts that zxcvbn sees in a text for which fewer than `ENOUGH` guesses would do; none in any other."""
    zxcvbn = import_module("zxcvbn")
    with _estimating:
        found = zxcvbn.zxcvbn(to_be_estimated(text, zxcvbn.matching.L33T_TABLE), words)
    return found["sequence"] if found["guesses"] < ENOUGH else []


def is_made_of(words: list[str], text: str) -> bool:
    """Whether beside these words there is hardly more than a year; of three such parts zxcvbn thinks too well."""
    for signs in ({}, LETTERS, LETTERS | {ord("1"): ord("l")}):
        read = left = text.lower().translate(signs)
        for word in sorted(words, key=len, reverse=True):
            left = left.replace(word, "").replace(word[::-1], "")
        if left != read and len(re.sub(r"[\W_]", "", left)) <= YEAR:
            return True
    return False


def to_be_estimated(text: str, signs: dict[str, list[str]]) -> str:
    """As much of it as is estimated within a few hundredths of a second, whatever it is."""
    if len(text) > ESTIMATED:
        text = text[: ESTIMATED // 2] + text[-ESTIMATED // 2 :]
    standing = [[sign for sign in some if sign in text] for some in signs.values()]
    if prod(len(some) or 1 for some in standing) > READINGS:
        for first, *others in filter(None, standing):
            for other in others:
                text = text.replace(other, first)
    return text


def common() -> Blocklist | None:
    """zxcvbn's list of passwords, made into a file at the first need: in memory it is as much as a fifth of a worker.

    None when that cannot be written or read.
    """
    path = common_path()
    return kept(path) or (kept(path) if made(path) else None)


def imported() -> Blocklist | None:
    """The operator's own list; None when there is none, or it cannot be read."""
    return kept(imported_path())


def common_path() -> Path:
    return current().instance / f"common-{zxcvbn_version()}.passwords"


def imported_path() -> Path:
    return current().instance / "imported.passwords"


@lru_cache
def zxcvbn_version() -> str:
    return metadata.version("zxcvbn")


@lru_cache(maxsize=8)
def made(path: Path) -> bool:
    """Whether zxcvbn's list could be written there, tried once in a process; two at once write the same."""
    try:
        blocklist.write(path, map(hashed, common_passwords()), f"zxcvbn {zxcvbn_version()}")
    except OSError as error:
        log.error("the list of common passwords cannot be written: %s", error)
        return False
    return True


def common_passwords() -> list[str]:
    """The most common first. Read beside the library: loaded, it would stay."""
    where = util.find_spec("zxcvbn").origin  # type: ignore[union-attr]
    lists = run_path(str(Path(str(where)).with_name("frequency_lists.py")))["FREQUENCY_LISTS"]
    return lists["passwords"]  # type: ignore[no-any-return]


def kept(path: Path) -> Blocklist | None:
    """The file as it is now, so that a new one counts at once."""
    try:
        found = path.stat()
    except OSError:
        return None
    return opened(path, (found.st_ino, found.st_mtime_ns, found.st_size))


@lru_cache(maxsize=8)
def opened(path: Path, _: tuple[int, int, int]) -> Blocklist | None:
    """None for one that is broken: told in the log, once in a process for each file."""
    try:
        return Blocklist(path)
    except (Broken, OSError) as error:
        log.error("the list of passwords in %s cannot be used: %s; see `netflix-admin passwords status`", path, error)
        return None
