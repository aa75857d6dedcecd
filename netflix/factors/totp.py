"""Codes of an authenticator app (RFC 6238): six digits, another every thirty seconds.

Kept on the user's row, so that a sign-in knows of them without a question more: the secret, sealed, and the step of the
latest code that was used.
"""

import base64
import hmac
import logging
import secrets
from importlib import import_module
from typing import Any, NamedTuple

from sqlalchemy import or_, update

from netflix import clock, sealed
from netflix.accounts.user import User
from netflix.config import NAME
from netflix.extensions import AS_IT_IS, db

log = logging.getLogger("netflix.factors")

DIGITS = 6
SECONDS = 30
# Steps before and after the present one that are taken too: clocks differ (RFC 6238 5.2).
DRIFT = 1
PURPOSE = "totp"


class Key(NamedTuple):
    """What an app and the site have in common; 160 random bits (RFC 4226 4) in base32."""

    secret: str

    @classmethod
    def fresh(cls) -> "Key":
        return cls(base64.b32encode(secrets.token_bytes(20)).decode())

    @classmethod
    def of(cls, user: User) -> "Key":
        return cls(sealed.opened(user.totp_secret or "", PURPOSE))

    @property
    def sealed(self) -> str:
        return sealed.seal(self.secret, PURPOSE)

    @property
    def groups(self) -> list[str]:
        """For who types it by hand."""
        return [self.secret[at : at + 4] for at in range(0, len(self.secret), 4)]

    def uri(self, email: str) -> str:
        return self._otp().provisioning_uri(name=email, issuer_name=NAME)  # type: ignore[no-any-return]

    def picture(self, email: str) -> str:
        """The address as a QR code: SVG with attributes alone, which the site's policy lets through."""
        code = import_module("segno").make(self.uri(email), micro=False)
        return code.svg_inline(omitsize=True, svgclass=None, lineclass=None)  # type: ignore[no-any-return]

    def step(self, code: str) -> int | None:
        """Which step the code is of; None when it is of none near the present one, or no code at all."""
        if not looks_like_one(code):
            return None
        present = int(clock.now().timestamp()) // SECONDS
        otp = self._otp()
        near = range(present - DRIFT, present + DRIFT + 1)
        right = [step for step in near if hmac.compare_digest(otp.generate_otp(step), code)]
        return right[-1] if right else None

    def _otp(self) -> Any:
        return import_module("pyotp").TOTP(self.secret)


def looks_like_one(code: str) -> bool:
    return len(code) == DIGITS and code.isascii() and code.isdigit()


def use(user: User, code: str) -> bool:
    """Whether the code is right, and later than every one before it: each is good once (ASVS 5.0 6.5.1).

    Committed by the act that called; of two who send the same code at once, one is told that it is wrong.
    """
    try:
        step = Key.of(user).step(code)
    except ValueError:
        log.error("the key of user %s cannot be read; take it off with reset-second-factor", user.id)
        return False
    if step is None:
        return False
    unused = (
        User.id == user.id,
        User.totp_secret == user.totp_secret,
        or_(User.totp_step.is_(None), User.totp_step < step),
    )
    used = update(User).where(*unused).values(totp_step=step).returning(User.id)
    return db.session.execute(used, execution_options=AS_IT_IS).scalar() is not None
