"""Ten codes for the day when the authenticator app is lost; each is good once.

Fifty random bits are few enough to be typed, and too few for a plain digest (ASVS 5.0 6.5.2: under 112 bits, a password
hash with a salt): they are kept as bcrypt of an HMAC under the password key, as passwords are. The ten of a set share
one salt, so that a code is hashed once, not ten times, to be found.
"""

import secrets

import bcrypt
from sqlalchemy import ForeignKey, String, delete, func, select
from sqlalchemy.orm import Mapped, mapped_column

from netflix.accounts import hashing
from netflix.accounts import password as passwords
from netflix.accounts.user import User
from netflix.config import current
from netflix.extensions import Model, db

HOW_MANY = 10
FEW = 3
# Crockford's base32: no letter is taken for a digit when it is read from paper.
LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
READ_AS = str.maketrans("oil", "011")
LENGTH = 10
# The least that ASVS 5.0 appendix C lets bcrypt cost: ten are hashed at once.
ROUNDS = 10


class RecoveryCode(Model):
    """One that is left."""

    __tablename__ = "recovery_code"

    user_id: Mapped[int] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), primary_key=True)
    hashed: Mapped[str] = mapped_column(String(60), primary_key=True)

    @classmethod
    def left(cls, user_id: int) -> int:
        return db.session.scalar(select(func.count()).where(cls.user_id == user_id)) or 0

    @classmethod
    def one_of(cls, user_id: int) -> str | None:
        """Any of a user's set as it is kept: by its salt another is found."""
        return db.session.scalar(select(cls.hashed).where(cls.user_id == user_id).limit(1))


def fresh() -> list[str]:
    """A set, each such as `7h2kq-9m4xz`."""
    return [shown("".join(secrets.choice(LETTERS) for _ in range(LENGTH))) for _ in range(HOW_MANY)]


def shown(code: str) -> str:
    return f"{code[: LENGTH // 2]}-{code[LENGTH // 2 :]}"


def bare(text: str) -> str:
    """A code as it was made, however it was typed."""
    return "".join(sign for sign in text.lower() if sign.isalnum()).translate(READ_AS)


def hashed(codes: list[str]) -> list[str]:
    """As a new set is kept. Hashes in a lane: raises Busy."""
    salt = bcrypt.gensalt(min(ROUNDS, current().bcrypt_rounds)).decode()
    words = [prehashed(code) for code in codes]
    return hashing.run(lambda: [with_salt(word, salt) for word in words])


def prehashed(code: str) -> bytes:
    return passwords.prehashed(bare(code), current().password_key)


def with_salt(word: bytes, salt: str) -> str:
    """`salt` may have a hash behind it."""
    return bcrypt.hashpw(word, salt.encode()).decode()


def replace(user_id: int, kept: list[str]) -> None:
    """Committed by the act that called, which holds the user's row."""
    end_all(user_id)
    db.session.add_all([RecoveryCode(user_id=user_id, hashed=one) for one in kept])


def end_all(user_id: int) -> None:
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))


def as_kept(code: str, beside: str) -> str | None:
    """The code as it would be kept `beside` one of a set; None for what can be none. Raises Busy."""
    return hashing.run(with_salt, prehashed(code), beside) if len(bare(code)) == LENGTH else None


def use(user_id: int, kept: str) -> bool:
    """Takes one away (ASVS 5.0 6.5.1); committed by the act that called. Of two at once, one finds it gone."""
    User.hold(user_id)
    used = delete(RecoveryCode).where(RecoveryCode.user_id == user_id, RecoveryCode.hashed == kept)
    return db.session.execute(used.returning(RecoveryCode.user_id)).scalar() is not None
