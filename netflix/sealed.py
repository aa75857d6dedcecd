"""Texts that are kept where others may read, and that only this site can: encrypted, under a key for each purpose.

The keys are drawn from NETFLIX_PASSWORD_KEY, which is not in the database: a copy of it tells nothing.
"""

import base64
import hmac
from datetime import timedelta
from importlib import import_module
from typing import Any

from netflix import config as settings


def seal(text: str, purpose: str) -> str:
    return fernet(purpose).encrypt(text.encode()).decode()  # type: ignore[no-any-return]


def opened(sealed: str, purpose: str, lasts: timedelta | None = None) -> str:
    """Raises ValueError for what was not sealed here for this purpose, or longer ago than `lasts`."""
    ttl = None if lasts is None else int(lasts.total_seconds())
    try:
        return fernet(purpose).decrypt(sealed.encode(), ttl=ttl).decode()  # type: ignore[no-any-return]
    except import_module("cryptography.fernet").InvalidToken:
        raise ValueError from None


def fernet(purpose: str) -> Any:
    key = hmac.digest(settings.current().password_key.encode(), f"netflix sealed {purpose}".encode(), "sha256")
    return import_module("cryptography.fernet").Fernet(base64.urlsafe_b64encode(key))
