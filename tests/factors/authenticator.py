"""A device that makes and uses passkeys, honest or not, and the browser that speaks for it."""

import json
import secrets
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from werkzeug.test import TestResponse

from tests.people import Browser

ORIGIN = "http://localhost:5000"
RP = "localhost"
PRESENT, VERIFIED, ATTESTED = 1, 4, 64
JSON = {"Accept": "application/json"}


def packed(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def unpacked(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Authenticator:
    """`counts` is what its counter stands at; 0 for one that does not count."""

    def __init__(self, counts: int = 1) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id = secrets.token_bytes(16)
        self.handle = b""
        self.counts = counts

    def data(self, rp: str, flags: int) -> bytes:
        return sha256(rp.encode()).digest() + bytes([flags]) + struct.pack(">I", self.counts)

    def make(self, options: dict[str, Any], origin: str = ORIGIN, rp: str = RP, verified: bool = True) -> Any:
        self.handle = unpacked(options["user"]["id"])
        public = self.key.public_key().public_numbers()
        cose = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: public.x.to_bytes(32, "big"), -3: public.y.to_bytes(32, "big")})
        flags = PRESENT | ATTESTED | (VERIFIED if verified else 0)
        attested = bytes(16) + struct.pack(">H", len(self.id)) + self.id + cose
        whole = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": self.data(rp, flags) + attested})
        told = client_data("webauthn.create", options, origin)
        response = {"clientDataJSON": packed(told), "attestationObject": packed(whole), "transports": ["internal", "x"]}
        return self.answer(response)

    def use(
        self,
        options: dict[str, Any],
        origin: str = ORIGIN,
        rp: str = RP,
        verified: bool = True,
        handle: bytes | None = None,
        kind: str = "webauthn.get",
    ) -> Any:
        told = client_data(kind, options, origin)
        data = self.data(rp, PRESENT | (VERIFIED if verified else 0))
        signature = self.key.sign(data + sha256(told).digest(), ec.ECDSA(SHA256()))
        response = {
            "clientDataJSON": packed(told),
            "authenticatorData": packed(data),
            "signature": packed(signature),
            "userHandle": packed(self.handle if handle is None else handle),
        }
        return self.answer(response)

    def answer(self, response: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": packed(self.id),
            "rawId": packed(self.id),
            "type": "public-key",
            "clientExtensionResults": {},
            "response": response,
        }


def client_data(kind: str, options: dict[str, Any], origin: str) -> bytes:
    told = {"type": kind, "challenge": options["challenge"], "origin": origin, "crossOrigin": False}
    return json.dumps(told).encode()


def send(browser: Browser, path: str, body: object, page: str = "/login") -> TestResponse:
    """As the page's script sends it."""
    headers = {**JSON, "X-CSRFToken": browser.token(page)}
    return browser.client.post(path, json=body, headers=headers, environ_base=browser.environ)


def options(browser: Browser, way: str, page: str = "/login") -> dict[str, Any]:
    answer = send(browser, f"{way}/options", {}, page)
    assert answer.status_code == 200, answer.text
    found = answer.get_json()
    assert isinstance(found, dict)
    return found


def add(browser: Browser, device: Authenticator, name: str = "My phone", **lies: Any) -> TestResponse:
    asked = options(browser, "/account/passkeys", "/account/passkeys")
    body = {"credential": device.make(asked, **lies), "name": name}
    return send(browser, "/account/passkeys", body, "/account/passkeys")


def sign_in(browser: Browser, device: Authenticator, next: str = "", **lies: Any) -> TestResponse:
    device.counts += 1 if device.counts else 0
    asked = options(browser, "/login/passkey")
    return send(browser, "/login/passkey", {"credential": device.use(asked, **lies), "next": next})
