"""The two cookies, under the names and flags that the connection allows: Flask's signed one, and the devices'."""

import json
from functools import lru_cache
from hashlib import sha256
from hmac import digest
from typing import Any

from flask import Flask, request
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import TimestampSigner, URLSafeTimedSerializer
from itsdangerous.encoding import base64_decode, base64_encode
from werkzeug.http import parse_cookie
from werkzeug.wrappers import Response

from netflix.signin.device import Device

DEVICES = "devices"


class PlainSerializer(URLSafeTimedSerializer):
    """JSON as it is: what we keep in a cookie is too short to be worth compressing at every answer."""

    def dump_payload(self, obj: Any) -> bytes:
        return base64_encode(json.dumps(obj, separators=(",", ":")))

    def load_payload(self, payload: bytes, *args: Any, **kwargs: Any) -> Any:
        return json.loads(base64_decode(payload))

    @lru_cache  # noqa: B019  (lives as long as the process)
    def make_signer(self, salt: str | bytes | None = None) -> TimestampSigner:
        return super().make_signer(salt)  # type: ignore[return-value]


@lru_cache
def serializer(secrets: tuple[str, ...]) -> PlainSerializer:
    """The first signs, all verify. Keys are derived once: at every request that would cost as much as a page."""
    keys = [digest(secret.encode(), b"netflix cookie", "sha256") for secret in reversed(secrets)]
    return PlainSerializer(keys, signer_kwargs={"key_derivation": "none", "digest_method": sha256})


def prefixed(name: str, is_secure: bool) -> str:
    """Over TLS `__Host-…` (ASVS 5.0 3.3.1, 3.3.3). Two names, so that a plain one is never taken over TLS."""
    return f"__Host-{name}" if is_secure else name


def devices(environ: dict[str, Any]) -> str:
    """The cookie by which a browser is known to accounts, as it was sent."""
    cookies = environ.get("HTTP_COOKIE", "")
    # Most visitors have none, and reading them all costs as much as counting.
    name = prefixed(DEVICES, environ["wsgi.url_scheme"] == "https")
    return parse_cookie(cookies).get(name, "") if name in cookies else ""


def put_devices(answer: Response, carried: str) -> None:
    answer.set_cookie(
        prefixed(DEVICES, request.is_secure),
        carried,
        max_age=Device.LASTS,
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )


def has_devices(answer: Response) -> bool:
    """Whether the answer puts that cookie already."""
    begun = f"{prefixed(DEVICES, request.is_secure)}="
    return any(one.startswith(begun) for one in answer.headers.getlist("Set-Cookie"))


class CookieInterface(SecureCookieSessionInterface):
    """Secure over TLS, and only there."""

    def get_cookie_name(self, app: Flask) -> str:
        return prefixed("session", request.is_secure)

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer:
        return serializer((app.config["SECRET_KEY"], *app.config["SECRET_KEY_FALLBACKS"]))
