"""One network shut out, for good or until a time; what a visitor is told is in `guard`."""

import ipaddress
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, String, and_, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from netflix import clock, orders, spelling
from netflix import config as settings
from netflix.bans.network import around, overlaps, shown
from netflix.clock import Instant
from netflix.errors import Declined, NotFound, accept
from netflix.events import event
from netflix.events.actor import OPERATOR
from netflix.events.event import Kind
from netflix.extensions import Model, db
from netflix.limits.address import parsed
from netflix.values import Network

LOOPBACK = (ipaddress.IPv4Network("127.0.0.0/8"), ipaddress.IPv6Network("::1"))
BATCH = 1000
# So many are shut out in one transaction: whoever has something to record waits meanwhile.
TOGETHER = 500


class Outcome(StrEnum):
    """What became of a wish to ban."""

    ADDED = "added"
    RENEWED = "renewed"
    ALREADY = "already"


class Ban(Model):
    """`reason` is for operators; `order_number` is that of the order that changed it last."""

    __tablename__ = "ban"
    # SQLite would give a deleted row's number to the next one.
    __table_args__ = {"sqlite_autoincrement": True}

    LONGEST_REASON = 200
    # How long one that has ended is listed: long enough that every process has heard of the end.
    KEPT = timedelta(days=90)

    id: Mapped[int] = mapped_column(primary_key=True)
    network: Mapped[str] = mapped_column(String(43), index=True)
    until: Mapped[datetime | None] = mapped_column(Instant, index=True)
    reason: Mapped[str] = mapped_column(String(LONGEST_REASON))
    by: Mapped[str] = mapped_column(String(80))
    order_number: Mapped[int] = mapped_column(index=True)
    created_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant, index=True)

    @classmethod
    def all(cls, ended_too: bool = False, covering: Network | None = None) -> Iterator["Ban"]:
        """The latest first, read a batch at a time; those in force, or all."""
        wanted = select(cls).order_by(cls.id.desc()).limit(BATCH)
        if not ended_too:
            wanted = wanted.where(in_force())
        if covering:
            wanted = wanted.where(cls.network.in_(around(covering)))
        before = None
        while batch := list(db.session.scalars(wanted.where(cls.id < before) if before else wanted)):
            yield from batch
            before = batch[-1].id
            for row in batch:
                db.session.expunge(row)

    @classmethod
    def of(cls, network: Network) -> "Ban | None":
        """The one in force on just that network."""
        return db.session.scalar(select(cls).where(cls.network == str(network), in_force()))

    @classmethod
    def against(cls, address: str) -> "Ban | None":
        """The latest of those that shut an address out."""
        known = parsed(address)
        return next(cls.all(covering=ipaddress.ip_network(known)), None) if known else None

    @property
    def is_in_force(self) -> bool:
        return self.revoked_at is None and (self.until is None or self.until > clock.now())

    @property
    def state(self) -> str:
        return "in force" if self.is_in_force else "revoked" if self.revoked_at else "ended"


def in_force() -> ColumnElement[bool]:
    return and_(Ban.revoked_at.is_(None), or_(Ban.until.is_(None), Ban.until > clock.now()))


def check(network: Network) -> None:
    """Raises Declined for what would shut out everybody who comes by a proxy, or this machine itself."""
    for trusted in settings.current().trusted_proxies:
        if overlaps(network, trusted):
            raise Declined(
                f"{shown(network)} overlaps {trusted}, the proxies that the site trusts "
                "(NETFLIX_TRUSTED_PROXIES): whoever comes by one of them could be shut out.",
                "Ban the visitors' own addresses, or add --yes.",
            )
    for own in LOOPBACK:
        if overlaps(network, own):
            raise Declined(
                f"{shown(network)} overlaps {own}, this machine itself: a proxy or a monitor on it would be shut out.",
                "Ban the visitors' own addresses, or add --yes.",
            )


def covered(network: Network, addresses: Iterable[str]) -> list[str]:
    """Those of the addresses that a ban on the network would shut out."""
    found = []
    for text in addresses:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            continue
        if address in network:
            found.append(text)
    return found


def add(
    network: Network,
    until: datetime | None = None,
    reason: str = "",
    despite: bool = False,
    dry_run: bool = False,
) -> Outcome:
    """Shuts a network out. One that is out already gets the new end, and the new reason when there is one.

    Raises NotAccepted, or Declined for what `check` has something against, `despite` which it is done.
    """
    if not despite:
        check(network)
    (outcome,) = add_all([network], until, reason, dry_run)
    return outcome


def add_all(
    networks: Sequence[Network], until: datetime | None = None, reason: str = "", dry_run: bool = False
) -> list[Outcome]:
    """As `add`, of up to a batch that was checked: by one order all of them, or none. Raises NotAccepted."""
    accept(reason=spelling.faults(reason, "reason", Ban.LONGEST_REASON))
    reason = reason.strip()
    number = 0 if dry_run else orders.number()
    names = [str(network) for network in networks]
    rows = {row.network: row for row in db.session.scalars(select(Ban).where(Ban.network.in_(names), in_force()))}
    outcomes = [wished(rows.get(name), until, reason) for name in names]
    wanted = [(name, outcome) for name, outcome in zip(names, outcomes, strict=True) if outcome is not Outcome.ALREADY]
    if dry_run or not wanted:
        db.session.rollback()
        return outcomes
    at, by = clock.now(), OPERATOR.name[:80]
    for name, _ in wanted:
        row = rows.get(name)
        if row is None:
            row = Ban(network=name, created_at=at, reason="")
            db.session.add(row)
        row.until, row.reason, row.by, row.order_number = until, reason or row.reason, by, number
    db.session.flush()
    told = {"until": until.isoformat(timespec="seconds") if until else "", "reason": reason}
    said = {name: words for name, words in told.items() if words}
    for outcome, kind in ((Outcome.ADDED, Kind.BAN_ADDED), (Outcome.RENEWED, Kind.BAN_RENEWED)):
        event.record_each(kind, [(None, {"network": name, **said}) for name, became in wanted if became is outcome])
    db.session.commit()
    return outcomes


def wished(row: Ban | None, until: datetime | None, reason: str) -> Outcome:
    if row is None:
        return Outcome.ADDED
    return Outcome.ALREADY if row.until == until and reason in ("", row.reason) else Outcome.RENEWED


def revoke(which: Network | int) -> Ban:
    """Lets a network in again, named by itself or by its ban's number. Raises NotFound."""
    (outcome,) = revoke_all([which])
    if isinstance(outcome, NotFound):
        raise outcome
    return outcome


def revoke_all(wanted: Sequence[Network | int], dry_run: bool = False) -> "list[Ban | NotFound]":
    """As `revoke`, of up to a batch: by one order all that can be. Answers the ban of each, or why it has none."""
    number = 0 if dry_run else orders.number()
    named = or_(
        Ban.id.in_([one for one in wanted if isinstance(one, int)]),
        Ban.network.in_([str(one) for one in wanted if not isinstance(one, int)]),
    )
    rows = list(db.session.scalars(select(Ban).where(named, in_force())))
    known: dict[int | str, Ban] = {row.id: row for row in rows} | {row.network: row for row in rows}
    found = [known.get(one if isinstance(one, int) else str(one)) for one in wanted]
    if rows and not dry_run:
        for row in rows:
            row.revoked_at, row.order_number = clock.now(), number
        db.session.flush()
        event.record_each(Kind.BAN_REVOKED, [(None, {"network": row.network, "ban": row.id}) for row in rows])
        db.session.commit()
    else:
        db.session.rollback()
    return [row or not_found(one) for one, row in zip(wanted, found, strict=True)]


def still_over(network: str, but: Collection[int] = ()) -> list[Ban]:
    """The bans in force, `but` these, that shut all of a network out."""
    return [row for row in Ban.all(covering=ipaddress.ip_network(network)) if row.id not in but]


def not_found(which: Network | int) -> NotFound:
    see = "See `netflix-admin bans list`."
    if isinstance(which, int):
        if db.session.get(Ban, which):
            return NotFound(f"Ban {which} has ended already.", "See `netflix-admin bans list --all`.")
        return NotFound(f"There is no ban {which}.", see)
    wider = next(Ban.all(covering=which), None)
    if wider:
        return NotFound(
            f"{shown(which)} is not banned by itself, but {shown(wider.network)} is.",
            f"Let all of that in with `netflix-admin bans revoke {shown(wider.network)}`.",
        )
    if db.session.scalar(select(Ban.id).where(Ban.network == str(which)).limit(1)):
        return NotFound(f"The ban of {shown(which)} has ended already.", "See `netflix-admin bans list --all`.")
    return NotFound(f"{shown(which)} is not banned.", see)
