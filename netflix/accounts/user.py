"""A person who may sign in."""

import re
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, ColumnElement, Index, String, bindparam, false, or_, select, text, true, update
from sqlalchemy.orm import Mapped, mapped_column

from netflix import clock
from netflix.accounts import email as addresses
from netflix.clock import Instant
from netflix.errors import NotFound
from netflix.extensions import AS_IT_IS, Model, db

# The few rows that a purge looks at.
UNCONFIRMED = Index(
    "ix_user_unconfirmed",
    "created_at",
    sqlite_where=text("verified_at IS NULL"),
    postgresql_where=text("verified_at IS NULL"),
)


class User(Model):
    """`email` is as typed; `email_key` is its one normalised spelling, and unique."""

    __tablename__ = "user"
    # SQLite would give a deleted row's number to the next one.
    __table_args__ = (UNCONFIRMED, {"sqlite_autoincrement": True})

    # Who asked to be deleted may come back for so long.
    GRACE = timedelta(days=7)

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(addresses.LONGEST))
    email_key: Mapped[str] = mapped_column(String(addresses.LONGEST), unique=True)
    password_hash: Mapped[str | None] = mapped_column(String(160))
    is_admin: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    # When the e-mail was found to be theirs; the operator's word is as good.
    verified_at: Mapped[datetime | None] = mapped_column(Instant)
    disabled_at: Mapped[datetime | None] = mapped_column(Instant)
    signed_in_at: Mapped[datetime | None] = mapped_column(Instant)
    # Since the password was found on a list of known ones, or was given by somebody else to begin with.
    must_change_since: Mapped[datetime | None] = mapped_column(Instant)
    # Read with the row, so that whether there is a second factor costs a sign-in nothing; see `factors.totp`.
    totp_secret: Mapped[str | None] = mapped_column(String(255))
    totp_step: Mapped[int | None] = mapped_column(BigInteger)
    # When they asked to be deleted; signing in until then takes it back.
    deleting_at: Mapped[datetime | None] = mapped_column(Instant, index=True)

    @classmethod
    def known_as(cls, email: str) -> "User | None":
        if addresses.faults(email):
            return None
        return db.session.scalar(BY_EMAIL, {"email_key": addresses.normalised(email)})

    @classmethod
    def named(cls, email: str) -> "User":
        """Raises NotFound."""
        user = cls.known_as(email)
        if user is None:
            raise NotFound(f"There is no user {email}.", "See `netflix-admin users list`.")
        return user

    @classmethod
    def meant(cls, who: str | int) -> "User":
        """By e-mail, or by number. Raises NotFound."""
        if isinstance(who, str):
            return cls.named(who)
        user = cls.numbered(who)
        if user is None:
            raise NotFound("There is no such user any more.", "Go back to the list of users.")
        return user

    @classmethod
    def numbered(cls, number: int) -> "User | None":
        return db.session.get(cls, number)

    @classmethod
    def everyone(cls) -> list["User"]:
        return list(db.session.scalars(select(cls).order_by(cls.email_key)))

    @classmethod
    def page(cls, most: int, part: str = "", after: int | None = None) -> list["User"]:
        """By e-mail, those that are `like` it, after the one of that number; the index is walked no further."""
        wanted = [cls.like(part)] if part.strip() else []
        if after:
            wanted.append(cls.email_key > select(cls.email_key).where(cls.id == after).scalar_subquery())
        return list(db.session.scalars(select(cls).where(*wanted).order_by(cls.email_key).limit(most)))

    @classmethod
    def like(cls, part: str) -> ColumnElement[bool]:
        """Who has `part` in their e-mail, or, where there is a * in it, whose whole e-mail is like that."""
        key = addresses.normalised(part)
        # No e-mail has such a sign, and PostgreSQL takes no text with a NUL.
        if not key.isprintable():
            return false()
        if "*" not in key:
            return cls.email_key.contains(key, autoescape=True)
        return cls.email_key.like(re.sub("([/%_])", r"/\1", key).replace("*", "%"), escape="/")

    @classmethod
    def hold(cls, user_id: int) -> None:
        """Whoever else would change this user, or what is theirs, waits until the act that called commits."""
        db.session.execute(update(cls).where(cls.id == user_id).values(id=cls.id), execution_options=AS_IT_IS)

    @classmethod
    def hold_with(cls, user_id: int, email: str) -> None:
        """As `hold`, also of whoever has that e-mail."""
        cls.hold_all(or_(cls.id == user_id, cls.email_key == addresses.normalised(email)))

    @classmethod
    def hold_administrators(cls, and_user: int) -> None:
        """As `hold`, of each administrator and of this user."""
        cls.hold_all(or_(cls.is_admin, cls.id == and_user))

    @classmethod
    def hold_all(cls, those: ColumnElement[bool]) -> None:
        """In the order of their numbers: two who hold several never wait for each other in a circle."""
        in_order = select(cls.id).where(those).order_by(cls.id).with_for_update()
        held = update(cls).where(cls.id.in_(in_order)).values(id=cls.id)
        db.session.execute(held, execution_options=AS_IT_IS)

    @classmethod
    def demand_change(cls, user_id: int, password_hash: str | None) -> bool:
        """The password of that hash must be changed; False when it is not theirs any more, or that was told before."""
        still = (cls.id == user_id, cls.password_hash == password_hash, cls.must_change_since.is_(None))
        demanded = update(cls).where(*still).values(must_change_since=clock.now()).returning(cls.id)
        return db.session.execute(demanded, execution_options=AS_IT_IS).scalar() is not None

    @classmethod
    def end_demand(cls, user_id: int) -> None:
        """There is a new password. By a statement: what an act read before it hashed may be older than the demand."""
        ended = update(cls).where(cls.id == user_id).values(must_change_since=None)
        db.session.execute(ended, execution_options=AS_IT_IS)

    @property
    def is_verified(self) -> bool:
        return self.verified_at is not None

    @property
    def told_at(self) -> str:
        """Where they are told of changes: nowhere until the e-mail is known to be theirs.

        Somebody who registered with another's could have us write to them as often as they like.
        """
        return self.email if self.is_verified else ""

    @property
    def is_disabled(self) -> bool:
        return self.disabled_at is not None

    @property
    def is_leaving(self) -> bool:
        return self.deleting_at is not None

    @property
    def state(self) -> str:
        if self.is_disabled or self.is_leaving:
            return "disabled" if self.is_disabled else "leaving"
        return "active" if self.has_password else "no password"

    @property
    def has_password(self) -> bool:
        return self.password_hash is not None

    @property
    def has_second_factor(self) -> bool:
        """Whether the password alone opens no session."""
        return self.totp_secret is not None


# What all are sorted by, and the few that are looked for among all.
Index("ix_user_created_at", User.created_at, User.id)
Index("ix_user_signed_in_at", User.signed_in_at, User.id)
FEW = {"is_admin": User.is_admin == true(), "disabled": User.disabled_at.is_not(None)}
for few, of_them in FEW.items():
    Index(f"ix_user_{few}", User.email_key, sqlite_where=of_them, postgresql_where=of_them)

# Built once: a statement costs more to write than to run.
BY_EMAIL = select(User).where(User.email_key == bindparam("email_key"))
