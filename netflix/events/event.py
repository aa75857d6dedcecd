"""One thing that happened, as a row that nobody changes, chained to the one before it.

The names are those of OWASP's Logging Vocabulary Cheat Sheet and, where it has none, like them.
"""

import json
import logging
from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from ipaddress import ip_address
from itertools import takewhile
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, LargeBinary, Row, Select, String, Text, event, insert, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column

from netflix import clock
from netflix.clock import Instant
from netflix.errors import NotFound
from netflix.events.actor import OPERATOR
from netflix.events.chain import ChainEnd, chain_key, close, extend, link
from netflix.extensions import Model, db
from netflix.values import Network

log = logging.getLogger("netflix.event")
BATCH = 1000
STRANGER = "stranger"


class Kind(StrEnum):
    """What can happen."""

    SIGNED_IN = "authn_login_success"
    SIGN_IN_FAILED = "authn_login_fail"
    # Not in the vocabulary: the password was right, and the second step is to come.
    SIGN_IN_BEGUN = "authn_login_partial"
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
    PURGED = "sys_purge"
    BLOCKLIST_IMPORTED = "authn_blocklist_imported"
    BLOCKLIST_FORGOTTEN = "authn_blocklist_deleted"
    MIGRATED = "sys_migrate"
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


def record(kind: Kind, user_id: int | None = None, address: str = "", by: str | None = None, **detail: Any) -> None:
    """Adds an event; committed by the act that called, and told to the log once it is.

    Without `by` it was the user, from an address, or else the operator at a terminal.
    """
    if by is None:
        by = OPERATOR.name if not address else STRANGER if user_id is None else f"user:{user_id}"
    last, before = extend()
    row = Event(
        id=last + 1,
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
    close(row.id, row.digest)
    db.session.info.setdefault("events", []).append(row)


def record_each(kind: Kind, about: Sequence[tuple[int | None, dict[str, Any]]]) -> None:
    """As `record`, an event about each of these users (or none) with its detail, by the operator at a terminal.

    They stand in no log, as nothing does that is done at a terminal.
    """
    if not about:
        return
    last, digest = extend(len(about))
    at, by, key = clock.now(), OPERATOR.name[:80], chain_key()
    names, rows = [column.key for column in LINKED], []
    for number, (user_id, detail) in enumerate(about, last + 1):
        values = [number, at, str(kind), user_id, by, "", json.dumps(detail, separators=(",", ":"))]
        digest = link(digest, values, key)
        rows.append(dict(zip(names, values, strict=True), digest=digest))
    db.session.connection().execute(insert(Event), rows)
    close(last + len(about), digest)


def length() -> int:
    """How many there are: the last one's number."""
    return db.session.scalar(select(ChainEnd.length)) or 0


class Wanted(NamedTuple):
    """Which events; those that are not given do not choose. `before` is an event's number.

    `accounts` are e-mails as events name them, by the beginning of their digest: to find those all are read. What is
    from one of the `networks` is told by `takes` alone, of what was selected for them.
    """

    kinds: tuple[str, ...] = ()
    user_ids: tuple[int, ...] = ()
    addresses: tuple[str, ...] = ()
    since: datetime | None = None
    before: int | None = None
    accounts: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()

    def select(self) -> Select[Event]:
        conditions = [any_of(Event.user_id, self.user_ids)] if self.user_ids else []
        places = [any_of(Event.address, self.addresses)] if self.addresses else []
        places += [Event.address.startswith(beginning(network), autoescape=True) for network in self.networks]
        conditions += [or_(*places)] if places else []
        conditions += [Event.kind.in_(self.kinds)] if self.kinds else []
        conditions += [Event.at >= self.since] if self.since else []
        conditions += [Event.id < self.before] if self.before else []
        conditions += [or_(*(Event.detail.contains(f'"{one}"') for one in self.accounts))] if self.accounts else []
        return select(Event).where(*conditions)

    def takes(self, event: Event) -> bool:
        """Of an event that was selected."""
        if not self.networks or event.address in self.addresses:
            return True
        try:
            address = ip_address(event.address)
        except ValueError:
            # Of what was done at a terminal.
            return False
        return any(address in network for network in self.networks)


def beginning(network: Network) -> str:
    """What each address in a network begins with, and others may too: up to its first zero IPv6 is written one way."""
    if network.version == 4:
        return "".join(f"{octet}." for octet in str(network.network_address).split(".")[: network.prefixlen // 8])
    groups = network.network_address.exploded.split(":")[: network.prefixlen // 16]
    return "".join(f"{group.lstrip('0')}:" for group in takewhile(lambda group: group != "0000", groups))


def any_of(column: InstrumentedAttribute[Any], values: Sequence[object]) -> ColumnElement[bool]:
    """Of one value the index has the rows in order; of several they are sorted."""
    return column == values[0] if len(values) == 1 else column.in_(values)


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
    """Those after a number, the oldest first."""
    return (row for (row,) in in_batches(wanted.select(), after))


def in_batches(selected: Select[Any], after: int) -> Iterator[Row[Any]]:
    """Rows that begin with an event, those after a number, the oldest first: no statement lasts as long as all do."""
    in_order = selected.order_by(Event.id).limit(BATCH)
    while batch := db.session.execute(in_order.where(Event.id > after)).all():
        yield from batch
        after = batch[-1][0].id
        for row in batch:
            db.session.expunge(row[0])
        if len(batch) < BATCH:
            return


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
