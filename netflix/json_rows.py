"""Rows as JSON that the database writes: to make a million objects and dump them costs Python several times as much."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Select, SQLColumnExpression, Text, case, cast, func, literal, text

from netflix import reading
from netflix.clock import Instant
from netflix.extensions import db

# Lines that are read at once.
CHUNK = 1000

# How each database says it.
Words = Mapping[str, Callable[..., ColumnElement[Any]]]


def as_json(fields: Mapping[str, SQLColumnExpression[Any]]) -> ColumnElement[str]:
    """One object for each row, letter for letter as `json.dumps(…, ensure_ascii=False)` writes it; times to the second.

    A percent sign in a name would be taken for a place.
    """
    shape = "{" + ", ".join(f"{json.dumps(name)}: %s" for name in fields) + "}"
    of = SQLITE if db.engine.dialect.name == "sqlite" else POSTGRESQL
    return of["shaped"](literal(shape), *(written(column, of) for column in fields.values()))


def lines(selected: Select[Any]) -> Iterator[list[str]]:
    """The lines of a selection, in batches; the first one alone, to be there at once.

    Read off the driver's own cursor, on the database's side where it has such: SQLAlchemy's rows would cost as much
    as the database does.
    """
    connection = db.session.connection()
    if connection.dialect.name == "postgresql":
        # To compile a statement takes half a second, before the first row.
        connection.execute(text("SET LOCAL jit = off"))
    result = connection.execute(selected, execution_options={"stream_results": True})
    cursor, dialect = result.cursor, result.dialect
    assert cursor is not None  # noqa: S101  (it selects)
    try:
        # This one SQLAlchemy may have fetched already.
        batch: Sequence[Any] = result.fetchmany(1)
        while batch:
            yield [line for (line,) in batch]
            batch = cursor.fetchmany(CHUNK)
    except dialect.loaded_dbapi.Error as error:
        raise reading.failed(error, str(selected), dialect) from error
    finally:
        result.close()


def written(column: Any, of: Words) -> SQLColumnExpression[Any]:
    if isinstance(column.type, Boolean):
        return case((column, "true"), else_="false")
    if isinstance(column.type, Instant):
        return func.coalesce(of["time"](column), "null")
    return of["value"](column)


SQLITE: Words = {
    "shaped": func.printf,
    "value": func.json_quote,
    # As SQLAlchemy keeps them: 2026-11-24 12:00:00.000000
    "time": lambda column: (
        literal('"').concat(func.replace(func.substr(cast(column, Text), 1, 19), " ", "T")).concat('Z"')
    ),
}
POSTGRESQL: Words = {
    "shaped": func.format,
    "value": lambda column: func.coalesce(cast(func.to_json(column), Text), "null"),
    # In every DateStyle as ISO 8601 has it, and twice as soon as to_char.
    "time": lambda column: func.left(cast(func.to_json(func.timezone("UTC", column)), Text), 20).concat('Z"'),
}
