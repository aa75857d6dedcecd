"""One browser, signed in: a row, so that it can be seen and ended."""

from datetime import datetime, timedelta
from typing import NamedTuple, cast

from sqlalchemy import ForeignKey, LargeBinary, String, bindparam, delete, select, update
from sqlalchemy.orm import Mapped, contains_eager, mapped_column, relationship

from netflix import clock, spelling, token
from netflix.accounts.user import User
from netflix.clock import Instant
from netflix.errors import SignInRequired
from netflix.extensions import AS_IT_IS, Model, db
from netflix.reading import Reading
from netflix.signin import browser
from netflix.signin.device import Device


class Session(Model):
    """The cookie carries the token, the row its digest; whoever copies the table signs in nowhere.

    It ends a while unused, and a longer while after the sign-in in any case (ASVS 5.0 7.3.1, 7.3.2;
    NIST SP 800-63B-4 2.1.3: at most 30 days).
    """

    __tablename__ = "session"
    # SQLite would give a deleted row's number to the next one.
    __table_args__ = {"sqlite_autoincrement": True}

    IDLE = timedelta(days=1)
    ABSOLUTE = timedelta(days=7)
    REMEMBERED_IDLE = timedelta(days=14)
    REMEMBERED_ABSOLUTE = timedelta(days=30)
    # Of one user at a time (ASVS 5.0 7.1.2): the longest unseen go.
    MOST = 50
    # How long a proof of who one is holds for dangerous steps (ASVS 5.0 7.5.1).
    PROVED_FOR = timedelta(minutes=10)
    # A page view writes nothing more often than this.
    NOTED_EVERY = timedelta(minutes=5)

    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(Instant)
    seen_at: Mapped[datetime] = mapped_column(Instant)
    idle_until: Mapped[datetime] = mapped_column(Instant, index=True)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    # None when it was opened without a proof that would do for a dangerous step.
    proved_at: Mapped[datetime | None] = mapped_column(Instant)
    remembered: Mapped[bool]
    address: Mapped[str] = mapped_column(String(45))
    user_agent: Mapped[str] = mapped_column(String(400))
    previous_sign_in_at: Mapped[datetime | None] = mapped_column(Instant)

    user: Mapped[User] = relationship(lazy="raise")

    # The token itself, known only in the request that made the row; so is the device that it was opened on.
    token = ""
    device = cast(Device | None, None)
    # Whether its sign-in took back that the account be deleted.
    is_return = False
    # For Flask-Login, which asks this of whoever signs in; a disabled user gets no row.
    is_active = True

    @classmethod
    def opened(cls, user: User, now: datetime, address: str, user_agent: str, remembered: bool) -> "Session":
        """A new row with a fresh token."""
        carried = token.fresh()
        session = cls(
            digest=token.digest(carried),
            user=user,
            created_at=now,
            seen_at=now,
            proved_at=now,
            expires_at=now + (cls.REMEMBERED_ABSOLUTE if remembered else cls.ABSOLUTE),
            remembered=remembered,
            address=address[:45],
            user_agent=spelling.printable(user_agent[:400])[:400],
            previous_sign_in_at=user.signed_in_at,
        )
        session.idle_until = session.idle_end(now)
        session.token = carried
        db.session.add(session)
        return session

    @classmethod
    def everywhere(cls, *users: User) -> list["Session"]:
        """The live sessions of everybody, or of these, each with its user; the latest seen first."""
        live = select(cls).join(cls.user).options(contains_eager(cls.user)).where(cls.idle_until > clock.now())
        wanted = live.where(cls.user_id.in_([user.id for user in users])) if users else live
        return list(db.session.scalars(wanted.order_by(cls.seen_at.desc(), cls.id.desc())))

    @classmethod
    def of_administrators(cls) -> list["Session"]:
        """The live ones, each with its user."""
        live = select(cls).join(cls.user).options(contains_eager(cls.user)).where(cls.idle_until > clock.now())
        return list(db.session.scalars(live.where(User.is_admin, User.disabled_at.is_(None)).order_by(cls.id)))

    @classmethod
    def end_all(cls, user_id: int, but: int | None = None) -> int:
        """Deletes a user's sessions, but for one; answers how many there were."""
        ending = delete(cls).where(cls.user_id == user_id)
        return len(db.session.execute((ending.where(cls.id != but) if but else ending).returning(cls.id)).all())

    @classmethod
    def make_room(cls, user_id: int) -> int:
        """Deletes all but the latest seen, so that one more may be opened; answers how many went."""
        kept = select(cls.id).where(cls.user_id == user_id).order_by(cls.seen_at.desc(), cls.id.desc())
        older = delete(cls).where(cls.user_id == user_id, cls.id.not_in(kept.limit(cls.MOST - 1)))
        return len(db.session.execute(older.returning(cls.id), execution_options=AS_IT_IS).all())

    def get_id(self) -> str:
        """What Flask-Login puts into the cookie."""
        return self.token

    @property
    def browser(self) -> str:
        return browser.named(self.user_agent)

    def idle_end(self, now: datetime) -> datetime:
        return idle_end(now, self.remembered, self.expires_at)


class CurrentSession(NamedTuple):
    """Who a request is from: a live session with what every page tells of its user, read in one statement."""

    id: int
    user_id: int
    email: str
    is_admin: bool
    has_second_factor: bool
    member_since: datetime
    verified_at: datetime | None
    previous_sign_in_at: datetime | None
    seen_at: datetime
    expires_at: datetime
    proved_at: datetime | None
    remembered: bool
    address: str
    user_agent: str
    must_change_since: datetime | None

    @property
    def is_authenticated(self) -> bool:
        """For Flask-Login, which asks this of whoever a request is from."""
        return True

    @classmethod
    def by(cls, carried: str, now: datetime) -> "CurrentSession | None":
        """The live session of a token; a disabled user's is not."""
        return next(iter(BY_DIGEST(digest=token.digest(carried), now=now)), None)

    def hold(self) -> None:
        """Whoever else would change its user, or end it, waits until the act that called commits.

        For what a session leaves behind: what took a while must not come after its end. Raises SignInRequired.
        """
        User.hold(self.user_id)
        if db.session.scalar(select(Session.id).where(Session.id == self.id)) is None:
            db.session.rollback()
            raise SignInRequired

    def is_proved(self, now: datetime) -> bool:
        """Whether who they are was proved lately enough for a dangerous step."""
        return self.proved_at is not None and now - self.proved_at < Session.PROVED_FOR

    def is_due(self, now: datetime, address: str) -> bool:
        """Whether its last sight is worth writing again."""
        return now - self.seen_at >= Session.NOTED_EVERY or self.address != address

    def see(self, now: datetime, address: str) -> None:
        """Writes the last sight; a row that was ended since stays ended."""
        idle_until = idle_end(now, self.remembered, self.expires_at)
        seen = {"seen_at": now, "address": address[:45], "idle_until": idle_until}
        db.session.execute(update(Session).where(Session.id == self.id).values(seen))


class ListedSession(NamedTuple):
    """One of a person's browsers, as they see it."""

    id: int
    address: str
    user_agent: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    remembered: bool

    @classmethod
    def of(cls, user_id: int) -> "list[ListedSession]":
        """The live ones, the latest seen first."""
        return OF_USER(user_id=user_id, now=clock.now())

    @property
    def browser(self) -> str:
        return browser.named(self.user_agent)


def idle_end(now: datetime, remembered: bool, expires_at: datetime) -> datetime:
    """Never after the absolute end, so that one column tells whether a session is live."""
    return min(now + (Session.REMEMBERED_IDLE if remembered else Session.IDLE), expires_at)


BY_DIGEST = Reading(
    select(
        Session.id,
        Session.user_id,
        User.email,
        User.is_admin,
        User.totp_secret.is_not(None),
        User.created_at,
        User.verified_at,
        Session.previous_sign_in_at,
        Session.seen_at,
        Session.expires_at,
        Session.proved_at,
        Session.remembered,
        Session.address,
        Session.user_agent,
        User.must_change_since,
    )
    .join(User, User.id == Session.user_id)
    .where(Session.digest == bindparam("digest"), Session.idle_until > bindparam("now"), User.disabled_at.is_(None)),
    CurrentSession._make,
)
OF_USER = Reading(
    select(
        Session.id,
        Session.address,
        Session.user_agent,
        Session.created_at,
        Session.seen_at,
        Session.expires_at,
        Session.remembered,
    )
    .where(Session.user_id == bindparam("user_id"), Session.idle_until > bindparam("now"))
    .order_by(Session.seen_at.desc(), Session.id.desc()),
    ListedSession._make,
)
