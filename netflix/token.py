"""Secrets that are carried by one side and kept by the other as a digest only."""

import hashlib
import secrets


def fresh() -> str:
    """256 random bits, fit for a cookie or a link (ASVS 5.0 7.2.3)."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> bytes:
    """What is kept: 32 bytes. A random token needs neither salt nor stretching."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
