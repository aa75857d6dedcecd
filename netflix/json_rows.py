"""Rows as JSON that the database writes: to make a million objects and dump them costs Python several times as much."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Select,
    SQLColumnExpression,
    Text,
    case,
    cast,
    func,
    literal,
    text,
)

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

    Read off the driver itself: SQLAlchemy's rows would cost as much as the database does.
    """
    connection = db.session.connection()
    dialect = connection.dialect
    try:
        yield from (fetched if dialect.name == "sqlite" else copied)(connection, selected)
    except dialect.loaded_dbapi.Error as error:
        raise reading.failed(error, str(selected), dialect) from error


def fetched(connection: Connection, selected: Select[Any]) -> Iterator[list[str]]:
    with connection.execute(selected) as result:
        cursor: Any = result.cursor
        batch = cursor.fetchmany(1)
        while batch:
            yield [line for (line,) in batch]
            batch = cursor.fetchmany(CHUNK)


def copied(connection: Connection, selected: Select[Any]) -> Iterator[list[str]]:
    """By COPY, which PostgreSQL goes on with while we write: a cursor would wait, each for the other."""
    # To compile a statement takes half a second, and to sort all of them more, before the first row: an index has them.
    connection.execute(text("SET LOCAL jit = off"))
    connection.execute(text("SET LOCAL enable_sort = off"))
    ready = reading.prepared(selected, connection.dialect)
    values = selected.compile(dialect=connection.dialect).params
    given = {name: ready.given[name](value) if name in ready.given else value for name, value in values.items()}
    driver: Any = connection.connection.dbapi_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY ({ready.sql}) TO STDOUT", given) as rows:
        batch, size = [], 1
        for row in rows:
            batch.append(bytes(row))
            if len(batch) == size:
                yield unescaped(batch, driver.info.encoding)
                batch, size = [], CHUNK
        if batch:
            yield unescaped(batch, driver.info.encoding)


def unescaped(batch: list[bytes], encoding: str) -> list[str]:
    """Of what COPY escapes JSON has but one sign: the others it has escaped itself."""
    return b"".join(batch).decode(encoding).replace("\\\\", "\\").split("\n")[:-1]


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
