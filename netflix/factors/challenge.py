"""What a passkey has to sign: 32 random bytes that this browser was given a moment ago, for one purpose, and once.

They travel in the signed cookie, so to ask for them writes nothing. What is kept is that one was used: by the table's
own key, of two processes that get the same answer one is told so, and no Redis is needed for it.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import LargeBinary, delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from netflix import clock, token
from netflix.clock import Instant
from netflix.errors import PasskeyNotTaken
from netflix.extensions import Model, db

LASTS = timedelta(minutes=5)
SIGN_IN, PROVE, ADD = "sign-in", "prove", "add"
TOO_LATE = "That took too long, or was done before."


class UsedChallenge(Model):
    """Kept for as long as it could be sent again."""

    __tablename__ = "used_challenge"

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)


class Challenge(NamedTuple):
    """`text` is base64url; `handle`, when a passkey is added, the user handle that it is made for."""

    text: str
    purpose: str
    at: int
    handle: str = ""

    @classmethod
    def fresh(cls, purpose: str, handle: str = "") -> "Challenge":
        return cls(token.fresh(), purpose, int(clock.now().timestamp()), handle)

    @classmethod
    def carried(cls, values: object, purpose: str) -> "Challenge":
        """The one that the cookie brought back. Raises PasskeyNotTaken for none, and one too old or for else."""
        challenge = cls(*values) if isinstance(values, list) else None
        age = clock.now().timestamp() - challenge.at if challenge else 0
        if challenge is None or challenge.purpose != purpose or age >= LASTS.total_seconds():
            raise PasskeyNotTaken(TOO_LATE)
        return challenge

    def spend(self) -> None:
        """From now on it is worth nothing; committed by the act that called. Raises PasskeyNotTaken when it was."""
        now = clock.now()
        db.session.execute(delete(UsedChallenge).where(UsedChallenge.expires_at <= now))
        db.session.add(UsedChallenge(digest=token.digest(self.text), expires_at=now + LASTS))
        try:
            db.session.flush()
        except IntegrityError:
            db.session.rollback()
            raise PasskeyNotTaken(TOO_LATE) from None
