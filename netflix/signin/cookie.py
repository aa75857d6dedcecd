"""Flask's signed cookie, under the name and flags that the connection allows."""

import json
from functools import lru_cache
from hashlib import sha256
from hmac import digest
from typing import Any

from flask import Flask, request
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import TimestampSigner, URLSafeTimedSerializer
from itsdangerous.encoding import base64_decode, base64_encode


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


class CookieInterface(SecureCookieSessionInterface):
    """Over TLS `__Host-session` and Secure (ASVS 5.0 3.3.1, 3.3.3), else `session`.

    Two names, so that a cookie set over plain HTTP is never taken over TLS.
    """

    def get_cookie_name(self, app: Flask) -> str:
        return "__Host-session" if request.is_secure else "session"

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer:
        return serializer((app.config["SECRET_KEY"], *app.config["SECRET_KEY_FALLBACKS"]))
