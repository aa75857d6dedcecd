"""What is said between this site and a browser about passkeys (W3C, Web Authentication), and how it is checked.

The site's own name and address are those of its settings, never of a request.
"""

import ipaddress
import logging
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from importlib import import_module
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from netflix import links
from netflix.config import NAME, is_loopback
from netflix.errors import Declined, PasskeyNotTaken
from netflix.factors.challenge import LASTS, Challenge
from netflix.values import a_url

log = logging.getLogger("netflix.factors")

# EdDSA, ES256, RS256: what every authenticator has one of.
ALGORITHMS = (-8, -7, -257)


class Party(NamedTuple):
    """The site as a passkey knows it: its host's name, and the one address from which it may be used."""

    id: str
    origin: str


def party() -> Party:
    """On loopback it is `localhost`: a passkey belongs to a name, never to a number. Raises Declined."""
    origin = a_url(links.link(""))
    address = urlsplit(origin)
    host = address.hostname or ""
    if is_loopback(host):
        port = f":{address.port}" if address.port else ""
        return Party("localhost", f"{address.scheme}://localhost{port}")
    if is_number(host):
        raise Declined("Passkeys need a site with a name.", "Ask the person who runs this site to set NETFLIX_URL.")
    return Party(host, origin)


def base64url(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def unpacked(text: str) -> bytes:
    """Of base64url. Raises ValueError."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def to_be_made(challenge: Challenge, email: str, known: Iterable[str]) -> dict[str, Any]:
    """What `navigator.credentials.create` is given: one that is found without an e-mail, and never without its user."""
    return {
        "rp": {"id": party().id, "name": NAME},
        "user": {"id": challenge.handle, "name": email, "displayName": email},
        "challenge": challenge.text,
        "pubKeyCredParams": [{"type": "public-key", "alg": number} for number in ALGORITHMS],
        "timeout": timeout(),
        "excludeCredentials": listed(known),
        "authenticatorSelection": {
            "residentKey": "required",
            "requireResidentKey": True,
            "userVerification": "required",
        },
        "attestation": "none",
    }


def to_be_used(challenge: Challenge, known: Iterable[str] = ()) -> dict[str, Any]:
    """What `navigator.credentials.get` is given; without `known`, the browser offers all it has for the site."""
    return {
        "rpId": party().id,
        "challenge": challenge.text,
        "timeout": timeout(),
        "userVerification": "required",
        "allowCredentials": listed(known),
    }


def timeout() -> int:
    return int(LASTS.total_seconds() * 1000)


def listed(known: Iterable[str]) -> list[dict[str, str]]:
    return [{"type": "public-key", "id": one} for one in known]


def made(answer: object, challenge: Challenge) -> Any:
    """A new passkey, checked. Raises PasskeyNotTaken."""
    return checked("verify_registration_response", answer, challenge)


def used(answer: object, challenge: Challenge, public_key: bytes) -> Any:
    """A passkey's signature, checked, but for the counter. Raises PasskeyNotTaken."""
    known = {"credential_public_key": public_key, "credential_current_sign_count": 0}
    return checked("verify_authentication_response", answer, challenge, **known)


def checked(how: str, answer: object, challenge: Challenge, **known: Any) -> Any:
    webauthn = import_module("webauthn")
    ours = party()
    try:
        return getattr(webauthn, how)(
            credential=answer,
            expected_challenge=unpacked(challenge.text),
            expected_rp_id=ours.id,
            expected_origin=ours.origin,
            require_user_verification=True,
            **known,
        )
    except Exception as error:
        # The library has an error for each rule, and others for what cannot be read; a stranger may send either.
        log.info("a passkey was not taken: %s", type(error).__name__)
        raise PasskeyNotTaken from error
