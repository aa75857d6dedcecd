"""One thing that happened, as a row that nobody changes, chained to the one before it.

Each row's digest is an HMAC over the row and the digest before it, under a key that is not in the database
(ASVS 5.0 16.4.2): who can write the table cannot forge it. The names are those of OWASP's Logging Vocabulary
Cheat Sheet and, where it has none, like them.
"""

import hmac
import json
import logging
from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import LargeBinary, Row, Select, String, Text, event, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from netflix import clock
from netflix import config as settings
from netflix.clock import Instant
from netflix.errors import NotFound
from netflix.events.actor import OPERATOR
from netflix.extensions import Model, db

log = logging.getLogger("netflix.event")
BATCH = 1000
STRANGER = "stranger"


class Kind(StrEnum):
    """What can happen."""

    SIGNED_IN = "authn_login_success"
    SIGN_IN_FAILED = "authn_login_fail"
    PASSWORD_CHANGED = "authn_password_change"  # noqa: S105  (no password)
    PASSWORD_NOT_CHANGED = "authn_password_change_fail"  # noqa: S105  (no password)
    # That it must be changed is not in the vocabulary.
    PASSWORD_KNOWN = "authn_password_compromised"  # noqa: S105  (no password)
    LINK_MADE = "authn_token_created"
    LINK_ENDED = "authn_token_revoked"
    DEVICE_FORGOTTEN = "authn_device_revoked"
    FACTOR_ADDED = "authn_factor_created"
    FACTOR_REMOVED = "authn_factor_revoked"
    PASSKEY_COPIED = "authn_token_reuse"
    DENIED = "authz_fail"
    LIMIT_REACHED = "excess_rate_limit_exceeded"
    # Not in the vocabulary.
    LIMIT_CLEARED = "excess_rate_limit_cleared"
    RIGHTS_CHANGED = "privilege_permissions_changed"
    SESSION_ENDED = "session_expired"
    RECOVERY_ASKED = "authn_recovery_asked"
    UNLOCK_ASKED = "authn_unlock_asked"
    UNLOCKED = "authn_unlock_success"
    SESSION_RENEWED = "session_renewed"
    USER_CREATED = "user_created"
    REGISTERED_AGAIN = "user_created_fail"
    EMAIL_VERIFIED = "user_email_verified"
    EMAIL_CHANGE_ASKED = "user_email_change_asked"
    EMAIL_CHANGED = "user_email_changed"
    EMAIL_RESTORED = "user_email_restored"
    USER_CHANGED = "user_updated"
    USER_DELETED = "user_deleted"
    USER_LEAVING = "user_archived"
    USER_STAYED = "user_restored"
    DATA_EXPORTED = "sensitive_read"
    EVENTS_PURGED = "sensitive_delete"
    BACKED_UP = "sys_backup"
    RESTORED = "sys_restore"
    REPORTED = "authn_misuse_reported"
    # Of networks, whoever comes from there.
    BAN_ADDED = "ban_added"
    BAN_RENEWED = "ban_renewed"
    BAN_REVOKED = "ban_revoked"
    LOCKDOWN_ON = "lockdown_on"
    LOCKDOWN_OFF = "lockdown_off"


WARNINGS = {
    Kind.SIGN_IN_FAILED,
    Kind.PASSWORD_NOT_CHANGED,
    Kind.PASSWORD_KNOWN,
    Kind.PASSKEY_COPIED,
    Kind.DENIED,
    Kind.LIMIT_REACHED,
    Kind.REPORTED,
}


class Event(Model):
    """`by` is who did it (`user:7`, `stranger`, `operator:root`), `user_id` whom it is about: a user may be gone.

    `detail` is a JSON object. No secret, no whole token and no e-mail of somebody unknown stands in it.
    """

    __tablename__ = "event"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(Instant, index=True)
    kind: Mapped[str] = mapped_column(String(40))
    user_id: Mapped[int | None] = mapped_column(index=True)
    by: Mapped[str] = mapped_column(String(80))
    address: Mapped[str] = mapped_column(String(45))
    detail: Mapped[str] = mapped_column(Text)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))

    @property
    def is_warning(self) -> bool:
        return self.kind in WARNINGS

    @property
    def details(self) -> dict[str, Any]:
        return json.loads(self.detail)  # type: ignore[no-any-return]

    def linked(self, before: bytes) -> bytes:
        """The digest that follows from this row and the digest before it."""
        return link(before, [getattr(self, column.key) for column in LINKED])


# What a digest vouches for, in its order.
LINKED = (Event.id, Event.at, Event.kind, Event.user_id, Event.by, Event.address, Event.detail)


class ChainEnd(Model):
    """One row: how many events there are, and the last one's digest. Writing it is what puts events in order."""

    __tablename__ = "event_chain"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    length: Mapped[int]
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))


class ChainStart(Model):
    """One row: the last event that was purged, where the rest of the chain starts. Nothing was when it is number 0.

    The seal is made with the chain's key: who can write the table cannot pass a removal off as a purge.
    """

    __tablename__ = "event_chain_start"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int]
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    seal: Mapped[bytes] = mapped_column(LargeBinary(32))

    @classmethod
    def present(cls) -> "ChainStart":
        """Where there is none, one that is not sealed."""
        found = select(cls).execution_options(populate_existing=True)
        return db.session.scalar(found) or cls(number=0, digest=bytes(32), seal=b"")

    @staticmethod
    def sealed(number: int, digest: bytes) -> bytes:
        return hmac.digest(chain_key(), b"purged %d " % number + digest, "sha256") if number else bytes(32)

    @property
    def is_sealed(self) -> bool:
        return hmac.compare_digest(self.seal, self.sealed(self.number, self.digest))


# A statement that changes nothing that was read has nothing to tell it.
AS_IT_IS = {"synchronize_session": False}
LENGTHENED = update(ChainEnd).values(length=ChainEnd.length + 1).returning(ChainEnd.length, ChainEnd.digest)


def chain_key() -> bytes:
    return hmac.digest(settings.current().password_key.encode(), b"netflix event chain", "sha256")


def link(before: bytes, values: Sequence[Any], key: bytes = b"") -> bytes:
    """The digest that follows from the digest before and the values of `LINKED`; `key` is the chain's, where known."""
    number, at, *rest = values
    return hmac.digest(key or chain_key(), before + json.dumps([number, at.isoformat(), *rest]).encode(), "sha256")


def record(kind: Kind, user_id: int | None = None, address: str = "", by: str | None = None, **detail: Any) -> None:
    """Adds an event; committed by the act that called, and told to the log once it is.

    Without `by` it was the user, from an address, or else the operator at a terminal.
    """
    if by is None:
        by = OPERATOR.name if not address else STRANGER if user_id is None else f"user:{user_id}"
    # The first statement that writes: whoever comes at the same time waits here.
    length, before = db.session.execute(LENGTHENED, execution_options={"synchronize_session": False}).one()
    row = Event(
        id=length,
        at=clock.now(),
        kind=str(kind),
        user_id=user_id,
        by=by[:80],
        address=address[:45],
        detail=json.dumps(detail, separators=(",", ":")),
    )
    row.digest = row.linked(before)
    values = {column.key: getattr(row, column.key) for column in Event.__table__.columns}
    db.session.execute(insert(Event).values(values))
    db.session.execute(update(ChainEnd).values(digest=row.digest), execution_options={"synchronize_session": False})
    db.session.info.setdefault("events", []).append(row)


def record_each(kind: Kind, about: Sequence[tuple[int, dict[str, Any]]]) -> None:
    """As `record`, an event about each of these users with its detail, by the operator at a terminal.

    They stand in no log, as nothing does that is done at a terminal.
    """
    if not about:
        return
    lengthened = update(ChainEnd).values(length=ChainEnd.length + len(about))
    end = db.session.execute(lengthened.returning(ChainEnd.length, ChainEnd.digest), execution_options=AS_IT_IS).one()
    digest, at, by, key = end.digest, clock.now(), OPERATOR.name[:80], chain_key()
    names, rows = [column.key for column in LINKED], []
    for number, (user_id, detail) in enumerate(about, end.length - len(about) + 1):
        values = [number, at, str(kind), user_id, by, "", json.dumps(detail, separators=(",", ":"))]
        digest = link(digest, values, key)
        rows.append(dict(zip(names, values, strict=True), digest=digest))
    db.session.connection().execute(insert(Event), rows)
    db.session.execute(update(ChainEnd).values(digest=digest), execution_options=AS_IT_IS)


def length() -> int:
    """How many there are: the last one's number."""
    return db.session.scalar(select(ChainEnd.length)) or 0


class Wanted(NamedTuple):
    """Which events; those that are not given do not choose. `before` is an event's number."""

    kinds: tuple[str, ...] = ()
    user_id: int | None = None
    address: str | None = None
    since: datetime | None = None
    before: int | None = None

    def select(self) -> Select[Event]:
        chosen = {Event.user_id: self.user_id, Event.address: self.address}
        conditions = [column == value for column, value in chosen.items() if value is not None]
        conditions += [Event.kind.in_(self.kinds)] if self.kinds else []
        conditions += [Event.at >= self.since] if self.since else []
        conditions += [Event.id < self.before] if self.before else []
        return select(Event).where(*conditions)


def latest(wanted: Wanted, most: int) -> list[Event]:
    """The newest first."""
    return list(db.session.scalars(wanted.select().order_by(Event.id.desc()).limit(most)))


def of(user_id: int, number: int) -> Event:
    """One event of a user's own. Raises NotFound for anybody else's."""
    found = db.session.scalar(select(Event).where(Event.id == number, Event.user_id == user_id))
    if found is None:
        raise NotFound("There is no such event.", "Go back to what happened lately.")
    return found


def following(wanted: Wanted, after: int = 0) -> Iterator[Event]:
    """Those after a number, the oldest first, read a batch at a time."""
    while batch := list(
        db.session.scalars(wanted.select().where(Event.id > after).order_by(Event.id).limit(BATCH)),
    ):
        yield from batch
        after = batch[-1].id
        for row in batch:
            db.session.expunge(row)


def faults(latest: int | None = None) -> Iterator[str]:
    """What is wrong with the chain, a sentence for each place; nothing when nobody touched it.

    `latest` looks at so many of the last events only. Meanwhile more may be written, and old ones purged.
    """
    end, start = written(), ChainStart.present()
    if not start.is_sealed:
        yield "What says where the record starts is not what was written."
    last, digest = (start.number, start.digest) if start.is_sealed else (0, bytes(32))
    after, purged = 0, last
    if latest is not None:
        if end and end.length - latest > last:
            last = end.length - latest
            digest = db.session.scalar(select(Event.digest).where(Event.id == last)) or b""
        after = last
    while True:
        for row in following(Wanted(), after):
            if row.id > last + 1 and (moved := ChainStart.present()).number > last and moved.is_sealed:
                last, digest = moved.number, moved.digest
            if row.id <= last:
                if row.id <= purged:
                    yield f"Event {row.id} was purged, and is there again."
                continue
            if row.id != last + 1:
                yield (
                    f"Events {last + 1} to {row.id - 1} are missing."
                    if row.id > last + 2
                    else f"Event {last + 1} is missing."
                )
            elif row.linked(digest) != row.digest:
                yield f"Event {row.id} is not what was written."
            last, digest = row.id, row.digest
        end = written()
        if end is None or end.length <= last or last == after:
            break
        after = last
    if end is None or (last, digest) != tuple(end):
        length = end.length if end else 0
        yield f"The record ends with event {last}, and {length} were written."


def written() -> Row[int, bytes] | None:
    """How many, and the last one's digest."""
    return db.session.execute(select(ChainEnd.length, ChainEnd.digest)).one_or_none()


@event.listens_for(db.session, "after_commit")
def tell(session: Any) -> None:
    """One line each: a fixed name and the address stand before whatever somebody typed."""
    for row in session.info.pop("events", ()):
        told = {"event": row.id, "user": row.user_id, "by": row.by} | row.details
        level = logging.WARNING if row.is_warning else logging.INFO
        log.log(level, "%s %s %s", row.kind, row.address or "-", json.dumps(told))


@event.listens_for(db.session, "after_rollback")
def forget(session: Any) -> None:
    session.info.pop("events", None)
