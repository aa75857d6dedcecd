"""All people as a roll that another site can import."""

from collections.abc import Generator
from typing import Any

from sqlalchemy import SQLColumnExpression, func, select

from netflix import json_rows
from netflix.accounts import roll
from netflix.accounts.user import User
from netflix.administration.directory import FIELDS
from netflix.events import event
from netflix.events.event import Kind
from netflix.extensions import db

CHUNK = 1000
EXPORTED: dict[str, SQLColumnExpression[Any]] = {
    **{name: FIELDS[name] for name in ("email", "admin", "disabled", "verified")},
    "must_change": User.must_change_since.is_not(None),
    "created_at": User.created_at,
    "password_hash": User.password_hash,
}


def exported(is_csv: bool, with_hashes: bool) -> Generator[list[str], None, None]:
    """Lines in batches, in the order in which people came. Who asked to be deleted is nobody to pass on."""
    event.record(Kind.DATA_EXPORTED, users=count(), hashes=with_hashes)
    db.session.commit()
    fields = {name: column for name, column in EXPORTED.items() if with_hashes or name != "password_hash"}
    if not is_csv:
        yield from json_rows.lines(staying(select(json_rows.as_json(fields))))
        return
    yield [roll.as_csv([list(fields)])]
    chosen: Any = select(*(column.label(name) for name, column in fields.items()))
    rows = db.session.execute(staying(chosen), execution_options={"yield_per": CHUNK})
    for batch in rows.partitions():
        yield [roll.as_csv([roll.cells(row) for row in batch])]


def staying(selected: Any) -> Any:
    return selected.where(User.deleting_at.is_(None)).order_by(User.id)


def count() -> int:
    return db.session.scalar(select(func.count()).where(User.deleting_at.is_(None))) or 0


def leaving() -> int:
    """How many are left out."""
    return db.session.scalar(select(func.count()).where(User.deleting_at.is_not(None))) or 0
