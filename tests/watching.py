"""Watching what the site does: its statements, hashes, round trips and log; and waiting for a condition."""

import io
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from flask import Flask
from redis.connection import AbstractConnection
from sqlalchemy import event

from netflix.extensions import db
from netflix.log import OneLine

ROOT = Path(__file__).parent.parent
# In seconds.
PATIENCE = 30


@contextmanager
def statements(app: Flask) -> Iterator[list[str]]:
    """Every statement that SQLite itself runs meanwhile, whoever sent it."""
    seen: list[str] = []
    watched: set[Any] = set()

    def note(statement: str) -> None:
        if statement.split()[0] not in ("BEGIN", "COMMIT", "ROLLBACK", "PRAGMA"):
            seen.append(statement)

    def watch(connection: Any, *_: object) -> None:
        watched.add(connection)
        connection.set_trace_callback(note)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "checkout", watch)
    try:
        yield seen
    finally:
        event.remove(engine, "checkout", watch)
        for connection in watched:
            # A command's is closed when it ends.
            with suppress(sqlite3.ProgrammingError):
                connection.set_trace_callback(None)


@contextmanager
def hashes() -> Iterator[list[bytes]]:
    """The cost and salt of every bcrypt computation meanwhile."""
    seen: list[bytes] = []
    true = bcrypt.hashpw

    def note(password: bytes, salt: bytes) -> bytes:
        hashed = true(password, salt)
        seen.append(salt[:7])
        return hashed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bcrypt, "hashpw", note)
        yield seen


@contextmanager
def round_trips() -> Iterator[list[Any]]:
    """Everything that this process sends to Redis meanwhile."""
    seen: list[Any] = []
    true = AbstractConnection.send_packed_command

    def note(self: AbstractConnection, command: Any, check_health: bool = True) -> None:
        seen.append(command)
        true(self, command, check_health)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AbstractConnection, "send_packed_command", note)
        yield seen


@contextmanager
def log() -> Iterator[io.StringIO]:
    """What the site writes into its log meanwhile, as it writes it."""
    handler = next(one for one in logging.getLogger("netflix").handlers if isinstance(one.formatter, OneLine))
    assert isinstance(handler, logging.StreamHandler)
    written = io.StringIO()
    before = handler.setStream(written)
    try:
        yield written
    finally:
        handler.setStream(before)


def until(condition: Callable[[], object], explained: Callable[[], object] = lambda: "it did not come true") -> None:
    """Waits for a condition; fails when it does not come on a machine however busy."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, explained()
        time.sleep(0.01)
