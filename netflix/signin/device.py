"""A browser that has signed in to an account before, and so is no stranger to it.

OWASP's device cookies (Slow Down Online Guessing Attacks with Device Cookies): whoever shows one for the account
is counted in a lane of the device's own, which no stranger can fill. It proves nothing else: the password is asked
as ever. The cookie is signed for the account's e-mail, so that the gate can tell without the database; the row is
there so that it can be seen and ended.
"""

import hmac
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, ForeignKey, LargeBinary, String, bindparam, delete, or_, select, update
from sqlalchemy.orm import Mapped, contains_eager, mapped_column, relationship

from netflix import clock, spelling, token
from netflix import config as settings
from netflix.accounts import email as addresses
from netflix.accounts.user import User
from netflix.clock import Instant
from netflix.errors import NotFound
from netflix.events import event
from netflix.events.event import Kind
from netflix.extensions import AS_IT_IS, Model, db
from netflix.signin import browser
from netflix.signin.visitor import Visitor

# What divides the accounts of a cookie, and a token from its signature; neither is in base64's alphabet for URLs.
BETWEEN, SIGNED = "~", "."
# A household's browser is known to a few accounts; a longer cookie is a stranger's.
MOST_IN_A_COOKIE = 8
LONGEST_COOKIE = MOST_IN_A_COOKIE * 100


class Device(Model):
    """One browser's token for one account, kept as its digest."""

    __tablename__ = "device"
    # SQLite would give a deleted row's number to the next one.
    __table_args__ = {"sqlite_autoincrement": True}

    # Browsers keep no cookie for longer than 400 days.
    LASTS = timedelta(days=365)
    # Of one user: whoever signs in from ever new browsers does not fill the table.
    MOST = 30
    NOTED_EVERY = timedelta(days=1)

    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(Instant)
    seen_at: Mapped[datetime] = mapped_column(Instant, index=True)
    address: Mapped[str] = mapped_column(String(45))
    user_agent: Mapped[str] = mapped_column(String(400))
    # While nobody has signed in on it yet: whoever reads the mailbox makes as many as they like.
    by_link: Mapped[bool] = mapped_column(default=False)

    user: Mapped[User] = relationship(lazy="raise")

    # The token itself, known only in the request that shows or gets it.
    token = ""
    # How many had to go for a new one.
    in_place_of = 0

    @classmethod
    def known(cls, user_id: int, carried: str) -> "Device | None":
        """The user's device of that token, unless it was ended or not seen for a year."""
        oldest = clock.now() - cls.LASTS
        found = db.session.scalar(KNOWN, {"user_id": user_id, "digest": token.digest(carried), "oldest": oldest})
        if found:
            found.token = carried
        return found

    @classmethod
    def any_of(cls, user_id: int, carried: Sequence[str]) -> str:
        """The first token that is of a live device of the user's on which they signed in, or nothing."""
        digests = {token.digest(one): one for one in carried}
        live = (cls.user_id == user_id, cls.digest.in_(digests), cls.is_live(), ~cls.by_link)
        return digests.get(db.session.scalar(select(cls.digest).where(*live).limit(1)) or b"", "")

    @classmethod
    def counted_by(cls, who: str) -> "Device | None":
        """The live device that the device's lane counts by that digest."""
        return db.session.scalar(select(cls).where(cls.is_counted_as(who), cls.is_live()))

    @classmethod
    def is_counted_as(cls, who: str) -> ColumnElement[bool]:
        begins = bytes.fromhex(who)
        return cls.digest.between(begins + bytes(16), begins + b"\xff" * 16)

    @classmethod
    def is_live(cls) -> ColumnElement[bool]:
        return cls.seen_at > clock.now() - cls.LASTS

    @classmethod
    def known_to(cls, accounts: Sequence[str]) -> "list[Device]":
        """The live ones of those users who have one of these normalised e-mails."""
        return [
            device
            for part in parts_of(accounts, 500)
            for device in db.session.scalars(
                select(cls).join(cls.user).where(User.email_key.in_(part), cls.is_live()).order_by(cls.id)
            )
        ]

    @classmethod
    def owners(cls, whos: Sequence[str]) -> dict[str, str]:
        """The e-mail of each user whose live device the device's lane counts by one of these digests."""
        found: dict[str, str] = {}
        # To a database each of them is a condition of its own.
        for part in parts_of(whos, 100):
            counted = or_(*(cls.is_counted_as(who) for who in part))
            rows = db.session.execute(select(cls.digest, User.email).join(cls.user).where(counted, cls.is_live()))
            found |= {counted_by(digest): email for digest, email in rows}
        return found

    @classmethod
    def counted_of(cls, is_like: Callable[[str], bool]) -> set[str]:
        """Whom the device's lane counts of the users whose normalised e-mail is like something."""
        every = select(cls.digest, User.email_key).join(cls.user).where(cls.is_live())
        rows = db.session.execute(every, execution_options={"yield_per": 1000})
        return {counted_by(digest) for digest, email_key in rows if is_like(email_key)}

    @classmethod
    def added(cls, user_id: int, visitor: Visitor) -> "Device":
        """A new one, in the place of one by a link, or else of the one longest not seen, when there are too many."""
        kept = select(cls.id).where(cls.user_id == user_id).order_by(cls.by_link, cls.seen_at.desc(), cls.id.desc())
        older = delete(cls).where(cls.user_id == user_id, cls.id.not_in(kept.limit(cls.MOST - 1)))
        gone = db.session.execute(older.returning(cls.id), execution_options=AS_IT_IS).all()
        carried, now = token.fresh(), clock.now()
        device = cls(
            digest=token.digest(carried),
            user_id=user_id,
            created_at=now,
            seen_at=now,
            address=visitor.address[:45],
            user_agent=spelling.printable(visitor.user_agent[:400])[:400],
        )
        device.token, device.in_place_of = carried, len(gone)
        db.session.add(device)
        return device

    def note_room(self, address: str) -> None:
        """Tells what it pushed out, that nobody loses a browser in silence; after all other rows of an act."""
        if self.in_place_of:
            event.record(Kind.DEVICE_FORGOTTEN, self.user_id, address, reason="too many", devices=self.in_place_of)

    def see(self, visitor: Visitor) -> None:
        """Writes a sign-in on it, when it is worth it; a row that was ended since stays ended."""
        now = clock.now()
        if self.by_link or now - self.seen_at >= self.NOTED_EVERY or self.address != visitor.address:
            seen = {"seen_at": now, "address": visitor.address[:45], "by_link": False}
            db.session.execute(update(Device).where(Device.id == self.id).values(seen))

    @classmethod
    def everywhere(cls, *users: User) -> "list[Device]":
        """Everybody's, or those of these users, each with its user; the latest seen first."""
        live = select(cls).join(cls.user).options(contains_eager(cls.user))
        recent = live.where(cls.is_live())
        wanted = recent.where(cls.user_id.in_([user.id for user in users])) if users else recent
        return list(db.session.scalars(wanted.order_by(cls.seen_at.desc(), cls.id.desc())))

    @classmethod
    def of(cls, user_id: int) -> "list[Device]":
        """A user's, the latest seen first."""
        live = select(cls).where(cls.user_id == user_id, cls.is_live())
        return list(db.session.scalars(live.order_by(cls.seen_at.desc(), cls.id.desc())))

    @classmethod
    def end_all(cls, user_id: int) -> int:
        """Makes every browser a stranger to a user's account; answers how many there were."""
        return len(db.session.execute(delete(cls).where(cls.user_id == user_id).returning(cls.id)).all())

    @property
    def who(self) -> str:
        """Whom the device's lane counts."""
        return counted_by(self.digest)

    @property
    def browser(self) -> str:
        return browser.named(self.user_agent)


KNOWN = select(Device).where(
    Device.user_id == bindparam("user_id"),
    Device.digest == bindparam("digest"),
    Device.seen_at > bindparam("oldest"),
)


def end_device(device_id: int, user_id: int | None = None, address: str = "") -> None:
    """Makes one browser a stranger. Raises NotFound; for a user, also for anybody else's."""
    ending = delete(Device).where(Device.id == device_id, *([Device.user_id == user_id] if user_id else []))
    whose = db.session.execute(ending.returning(Device.user_id)).scalar()
    if whose is None:
        db.session.rollback()
        raise NotFound("That browser is not known any more.", "Look again at the list.")
    event.record(Kind.DEVICE_FORGOTTEN, whose, address, device=device_id)
    db.session.commit()


def end_devices(user_id: int, address: str = "") -> int:
    """Makes every browser a stranger to the user's account; answers how many there were."""
    ended = Device.end_all(user_id)
    if ended:
        event.record(Kind.DEVICE_FORGOTTEN, user_id, address, devices=ended)
    db.session.commit()
    return ended


class Carried(NamedTuple):
    """One account's part of the cookie."""

    token: str
    signature: str

    def is_for(self, email: str, secret: str) -> bool:
        return hmac.compare_digest(
            self.signature.encode("utf-8", "replace"), signature(self.token, email, secret).encode()
        )

    def __str__(self) -> str:
        return f"{self.token}{SIGNED}{self.signature}"


def carried_in(cookie: str, email: str, secrets: Sequence[str] = ()) -> str:
    """The token that the cookie carries for a normalised e-mail, or nothing. `secrets`: by default the site's."""
    if not cookie:
        return ""
    known = secrets or settings.current().secret_key
    return next((part.token for part in parts(cookie) if any(part.is_for(email, secret) for secret in known)), "")


def shown_by(visitor: Visitor, email: str) -> bytes:
    """The digest of the token by which the visitor's browser says that it is known to an account."""
    return token.digest(carried_in(visitor.devices, addresses.normalised(email)))


def cookie_with(cookie: str, email: str, carried: str) -> str:
    """The cookie with a token for the e-mail first, and those of other accounts after it."""
    email = addresses.normalised(email)
    secrets = settings.current().secret_key
    others = [
        part
        for part in parts(cookie)
        if part.token != carried and not any(part.is_for(email, secret) for secret in secrets)
    ]
    mine = Carried(carried, signature(carried, email, secrets[0]))
    return BETWEEN.join(str(part) for part in [mine, *others][:MOST_IN_A_COOKIE])


def known_in(cookie: str, user_id: int) -> str:
    """As `Device.any_of`, of those that the cookie carries, signed for whichever e-mail."""
    carried = [part.token for part in parts(cookie)]
    return Device.any_of(user_id, carried) if carried else ""


def parts(cookie: str) -> Iterator[Carried]:
    if len(cookie) <= LONGEST_COOKIE:
        for part in cookie.split(BETWEEN):
            carried, _, signed = part.partition(SIGNED)
            if carried and signed:
                yield Carried(carried, signed)


def signature(carried: str, email: str, secret: str) -> str:
    """128 bits: a forger has to try them online."""
    key = hmac.digest(secret.encode(), b"netflix device cookie", "sha256")
    return hmac.digest(key, f"{carried}\0{email}".encode("utf-8", "surrogatepass"), "sha256")[:16].hex()


def counted_as(carried: str) -> str:
    """Whom the device's lane counts: 32 hexadecimal digits, of which the token is not to be had."""
    return counted_by(token.digest(carried))


def counted_by(digest: bytes) -> str:
    return digest[:16].hex()


def parts_of(words: Sequence[str], most: int) -> Iterator[Sequence[str]]:
    """No more than a database takes at once."""
    return (words[begin : begin + most] for begin in range(0, len(words), most))
