"""The terminal, as the tests speak to it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from threading import Thread
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError
from werkzeug.serving import make_server

from cli import main
from netflix.config import Config
from netflix.extensions import db

Run = Callable[..., Result]
Locked = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def run(admin: FlaskCliRunner) -> Run:
    """One command: `run("users list")`, or in words where one holds a space; without a terminal."""

    def invoke(*words: str, given: str | bytes = "") -> Result:
        args = words[0].split() if len(words) == 1 else list(words)
        return admin.invoke(main, args, input=given)

    return invoke


@pytest.fixture
def locked(app: Flask, config: Config) -> Locked:
    """The database in the hands of another: `with locked():`. Nobody waits for it for long."""
    with app.app_context():
        db.engine.dispose()

        @event.listens_for(db.engine, "checkout")
        def wait(connection: sqlite3.Connection, *_: object) -> None:
            connection.execute("PRAGMA busy_timeout = 20")

    @contextmanager
    def hold() -> Any:
        with closing(sqlite3.connect(config.instance / "netflix.db")) as another:
            another.execute("BEGIN IMMEDIATE")
            yield

    return hold


@pytest.fixture
def no_commit(app: Flask) -> Locked:
    """No transaction can be ended, as where the disk is full: `with no_commit():`."""

    @contextmanager
    def prevent() -> Any:
        def full(_: object) -> None:
            raise DBAPIError("COMMIT", None, sqlite3.OperationalError("database or disk is full"))

        event.listen(db.session, "before_commit", full)
        try:
            yield
        finally:
            event.remove(db.session, "before_commit", full)

    return prevent


@pytest.fixture
def answering(app: Flask, config: Config) -> Iterator[None]:
    """A site that the doctor can ask, and finds well."""
    for path in config.instance.glob("netflix.db*"):
        path.chmod(0o600)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    config.served_at.write_text(f"http://127.0.0.1:{server.port}")
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield
    server.shutdown()
    thread.join()
    server.server_close()
