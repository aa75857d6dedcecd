"""Everybody as the operator lists them: filtered, sorted and, for programs, written as JSON by the database itself.

A million objects cost Python more than the database needs for all of it, so rows of the mapper are made only for
what a person looks at.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, and_, exists, func, or_, select, true

from netflix import json_rows
from netflix.accounts.user import User
from netflix.extensions import db
from netflix.factors.passkey import Passkey

Batch = TypeVar("Batch", bound=Sequence[Any])
# Rows that are read at once: memory holds no more of them.
CHUNK = 1000

HAS_PASSKEY = exists(select(Passkey.id).where(Passkey.user_id == User.id))
SORTS: dict[str, Any] = {"email": User.email_key, "created": User.created_at, "signed-in": User.signed_in_at}
# What there is to tell to programs, by the names that they know.
FIELDS: dict[str, SQLColumnExpression[Any]] = {
    "email": User.email,
    "id": User.id,
    "admin": User.is_admin,
    "disabled": User.disabled_at.is_not(None),
    "has_password": User.password_hash.is_not(None),
    "verified": User.verified_at.is_not(None),
    "deleting_at": User.deleting_at,
    "signed_in_at": User.signed_in_at,
    "created_at": User.created_at,
    "second_factor": or_(User.totp_secret.is_not(None), HAS_PASSKEY),
}


class Wanted(NamedTuple):
    """Which users, in which order; what is not given does not choose.

    Who never signed in was inactive since they were made, and is sorted as the longest away.
    """

    admin: bool = False
    disabled: bool = False
    unverified: bool = False
    no_second_factor: bool = False
    match: str = ""
    inactive_since: datetime | None = None
    created_since: datetime | None = None
    sort: str = "email"
    descending: bool = False
    limit: int | None = None

    @property
    def conditions(self) -> list[ColumnElement[bool]]:
        chosen = [User.is_admin == true()] if self.admin else []
        chosen += [User.disabled_at.is_not(None)] if self.disabled else []
        chosen += [User.verified_at.is_(None)] if self.unverified else []
        if self.no_second_factor:
            chosen += [User.totp_secret.is_(None), ~HAS_PASSKEY]
        # No index has it: all are looked through, in the order that was asked for.
        chosen += [User.like(self.match)] if self.match else []
        if self.inactive_since:
            never = and_(User.signed_in_at.is_(None), User.created_at < self.inactive_since)
            chosen += [or_(User.signed_in_at < self.inactive_since, never)]
        return chosen + ([User.created_at >= self.created_since] if self.created_since else [])

    def selections(self, selected: Select[Any]) -> Iterator[Select[Any]]:
        """One statement, or two for a sort that some have nothing for: the databases do not agree on where those stand.

        Each is walked along an index.
        """
        by = [SORTS[self.sort]] if self.sort == "email" else [SORTS[self.sort], User.id]
        ordered = selected.where(*self.conditions).order_by(*(one.desc() if self.descending else one for one in by))
        if self.sort != "signed-in":
            yield ordered
            return
        parts = [User.signed_in_at.is_(None), User.signed_in_at.is_not(None)]
        for part in reversed(parts) if self.descending else parts:
            yield ordered.where(part)

    def batches(
        self, selected: Select[Any], read: Callable[[Select[Any]], Iterable[Batch]]
    ) -> Generator[Batch, None, None]:
        """What `read` gives of each statement, up to the limit of all."""
        left = self.limit
        for selection in self.selections(selected):
            for batch in read(selection.limit(left)):
                yield batch
                left = None if left is None else left - len(batch)


def users(wanted: Wanted) -> Iterator[User]:
    """For who looks at them one by one."""
    return (user for (user,) in chain.from_iterable(wanted.batches(select(User), read)))


def rows(wanted: Wanted, fields: Sequence[str]) -> Iterator[Any]:
    """Rows of these fields alone, by their names."""
    chosen: Any = select(*(FIELDS[name].label(name) for name in fields))
    return chain.from_iterable(wanted.batches(chosen, read))


def read(selection: Select[Any]) -> Iterable[Sequence[Any]]:
    return db.session.execute(selection, execution_options={"yield_per": CHUNK}).partitions()


def count(wanted: Wanted) -> int:
    return db.session.scalar(select(func.count()).select_from(User).where(*wanted.conditions)) or 0


def json_lines(wanted: Wanted, fields: Sequence[str]) -> Generator[Sequence[str], None, None]:
    """A JSON object for each, as `json.dumps` would write it, in batches as they are read."""
    written = select(json_rows.as_json({name: FIELDS[name] for name in fields}))
    return wanted.batches(written, json_rows.lines)
