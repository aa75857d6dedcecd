"""Passwords: what is accepted, and how they are stored and checked.

Stored: `<scheme>.<key id><bcrypt hash>`, where the scheme `hs384` is
bcrypt(base64(HMAC-SHA-384(password, under NETFLIX_PASSWORD_KEY))) (OWASP Password Storage Cheat Sheet):
any length counts whole, and a stolen table is worth nothing without the key. A bare bcrypt hash, as other
systems export it, is verified too and replaced at the next sign-in.
"""

import base64
import hmac
import logging
import re
import secrets
import time
import unicodedata
from functools import lru_cache

from netflix.accounts import hashing, screening
from netflix.config import Config, current
from netflix.errors import NotAccepted
from netflix.extensions import bcrypt

log = logging.getLogger("netflix.accounts")

# NIST SP 800-63B-4 3.1.1.2: far beyond 64. How short it may be is a setting.
LONGEST = 1024
SCHEME = "hs384"
VERSIONS = ("2a", "2b", "2y")
BASE64 = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
# With its cost, and the last signs of its salt and of its digest.
BARE = re.compile(r"\$2[aby]\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{21}([./A-Za-z0-9])[./A-Za-z0-9]{30}([./A-Za-z0-9])")
KEYED = re.compile(rf"{SCHEME}\.[0-9a-f]{{8}}")
# Of a generated one: no letter or digit that is taken for another when read out.
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


def normalised(text: str) -> str:
    """NFKC, once, so that the same keys pressed on two devices are the same password (NIST 800-63B-4 3.1.1.2)."""
    return unicodedata.normalize("NFKC", text)


def faults(text: str, email: str) -> list[str]:
    """The sentences that stand at the field; none when the password can be taken by whom the e-mail is of.

    Told without a look at any account: its time says nothing of who has one.
    """
    if len(text) > LONGEST:
        return [f"That password is too long. It can have up to {LONGEST} characters."]
    compared, shortest = normalised(text), current().password_minimum
    if len(compared) < shortest:
        return [f"Use at least {shortest} characters. A few unrelated words make a good password."]
    return screening.faults(compared, email)


def is_known(text: str) -> bool:
    """Whether it stands on a list of common or breached ones."""
    return screening.is_known(normalised(text))


def generated() -> str:
    """Thirty letters and digits in groups that can be read out: 148 bits (ASVS 5.0 11.5.1 asks for 128)."""
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(5)) for _ in range(6))


def stored(text: str) -> str:
    """The password as it is kept. Hashes in a lane: raises Busy when all are taken."""
    config = current()
    secret = prehashed(text, config.password_key)
    return scheme_id(config) + hashing.run(bcrypt.generate_password_hash, secret, config.bcrypt_rounds).decode()


def matches(text: str, kept: str | None, whose: int | None = None) -> bool:
    """Whether the password is the kept one; without a kept one it costs the same and is False. Raises Busy.

    `whose` is for the log: the user's number.
    """
    config = current()
    hashed, secret = dummy_hash(config.bcrypt_rounds), prehashed(text, config.password_key)
    if kept and len(text) <= LONGEST:
        scheme, _, bare = kept.partition("$")
        if scheme == scheme_id(config):
            hashed = "$" + bare
        # bcrypt itself looks at 72 bytes and ends at a NUL: what another system hashed. But nothing is no password.
        elif scheme == "" and (seen := text.encode("utf-8", "surrogatepass")[:72].partition(b"\0")[0]):
            hashed, secret = kept, seen
    try:
        return hashing.run(check, hashed, secret, config.bcrypt_rounds)
    except ValueError:
        log.error("the kept password of user %s cannot be read; give them a new one with reset-password", whose)
        return hashing.run(check, dummy_hash(config.bcrypt_rounds), secret, config.bcrypt_rounds)


def check(hashed: str, secret: bytes, rounds: int) -> bool:
    """Costs the same for a hash of an older, lower cost: its time would tell who has one (ASVS 5.0 6.3.8).

    2^c + 2^c + 2^(c+1) + … + 2^(r-1) = 2^r. A dearer one cannot be hidden. Raises ValueError.
    """
    right = bcrypt.check_password_hash(hashed, secret)
    for cost in range(int(hashed[4:6]), rounds):
        bcrypt.check_password_hash(dummy_hash(cost), secret)
    return right


def is_outdated(kept: str) -> bool:
    """Whether it should be stored anew: another scheme, key or cost than today's."""
    config = current()
    return not kept.startswith(f"{scheme_id(config)}$2b${config.bcrypt_rounds:02}$")


def adopted(text: str) -> str:
    """A hash that was kept elsewhere, as it is kept here: bare bcrypt, or one of this site's own key.

    None that is dearer than ours: its time would tell who has it, and the dearest hold a lane for days.
    Raises NotAccepted.
    """
    config, (scheme, mark, bare) = current(), text.partition("$")
    found = BARE.fullmatch(mark + bare)
    if found is None or (scheme and not KEYED.fullmatch(scheme)):
        fault = "Its password_hash is not bcrypt's ($2a$, $2b$ or $2y$). Leave it out, and give them a link."
    elif scheme and scheme != scheme_id(config):
        fault = (
            f"Its password_hash was made under the NETFLIX_PASSWORD_KEY of another site ({scheme}; this one's is "
            f"{scheme_id(config)}), so nobody could sign in with it. Give this site that key, or leave the hash out."
        )
    elif int(found[1]) > config.bcrypt_rounds:
        fault = (
            f"Its password_hash costs {int(found[1])}, more than this site's {config.bcrypt_rounds}, and would tell "
            f"who is here. Set NETFLIX_BCRYPT_ROUNDS to {int(found[1])} (16 at most), or leave the hash out."
        )
    else:
        # Some write bits that do not count, which our bcrypt refuses to read.
        salt_end, end = (BASE64[BASE64.index(found[n]) & spared] for n, spared in ((2, 0b110000), (3, 0b111100)))
        return f"{scheme}{mark}{bare[: found.start(2) - 1]}{salt_end}{bare[found.end(2) - 1 : -1]}{end}"
    raise NotAccepted({"password_hash": [fault]})


def seconds_of(rounds: int) -> float:
    """How long one hash of a cost takes here."""
    started = time.perf_counter()
    bcrypt.generate_password_hash(b"x" * 64, rounds)
    return time.perf_counter() - started


def prehashed(text: str, secret: str) -> bytes:
    message = normalised(text[: LONGEST + 1]).encode("utf-8", "surrogatepass")
    return base64.b64encode(hmac.digest(secret.encode(), message, "sha384"))


def scheme_id(config: Config) -> str:
    return f"{SCHEME}.{hmac.digest(config.password_key.encode(), b'key id', 'sha256')[:4].hex()}"


@lru_cache
def dummy_hash(rounds: int) -> str:
    """A hash of the current cost that nobody's password has: its salt and digest are constants."""
    return f"$2b${rounds:02}$" + "W" * 21 + "e" + "N" * 30 + "o"
