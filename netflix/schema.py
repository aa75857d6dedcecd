"""The tables' version: which one this code needs, which one the database has, and Flask-Migrate when asked for.

Alembic and Mako are a fifth of a worker's weight and of its start, and no page needs them: they come in only
with `flask db` and `netflix-admin db`.
"""

import os
import re
import subprocess
import sys
from importlib import import_module
from typing import Any

import click
from flask import Flask
from flask.cli import AppGroup
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from netflix import database
from netflix.config import Config
from netflix.errors import DatabaseBusy, DatabaseUnavailable, NotMigrated, SiteMissing
from netflix.extensions import db
from netflix.paths import where


class Migrations:
    """Stands where Flask-Migrate's commands look for it, and becomes it when one does."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        app.cli = Commands(app.name)
        app.extensions["migrate"] = self

    def __getattr__(self, name: str) -> Any:
        directory = str(where("migrations"))
        import_module("flask_migrate").Migrate(self._app, db, directory=directory, render_as_batch=True)
        return getattr(self._app.extensions["migrate"], name)


class Commands(AppGroup):
    """What `flask` finds in the app: Flask-Migrate's `db`, brought in when it is typed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), "db"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name == "db":
            return import_module("flask_migrate.cli").db
        return super().get_command(ctx, cmd_name)


def head() -> str:
    """The version that this code needs: the one that no other builds upon."""
    (last,) = versions() - named_in("down_revision")
    return last


def versions() -> set[str]:
    """All that this code knows."""
    return named_in("revision")


def named_in(word: str) -> set[str]:
    texts = [path.read_text() for path in (where("migrations") / "versions").glob("*.py")]
    return {found[1] for content in texts if (found := re.search(rf'^{word} = "([^"]+)"', content, re.M))}


def check(config: Config) -> None:
    """Raises DatabaseUnavailable unless the database has the tables of this version."""
    if database.is_missing(config.database_url):
        raise SiteMissing(config.instance)
    found = present(config.database_url)
    check_known(found)
    if found != head():
        at = f"is at version {found}" if found else "has no tables yet"
        raise NotMigrated(f"The database {at}, and this version of the site needs {head()}.")


def check_known(found: str | None) -> None:
    """Raises DatabaseUnavailable for a version that this code has never heard of."""
    if found and found not in versions():
        raise DatabaseUnavailable(
            f"The database is at version {found}, which a later version of the site made.",
            "Update the site, or check NETFLIX_DATABASE_URL.",
        )


def present(url: str) -> str | None:
    """The version that a database has, or none. Raises DatabaseUnavailable."""
    engine = database.engine(url)
    try:
        with engine.connect() as connection:
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    except DBAPIError as error:
        raise database.refusal(error) from error
    finally:
        engine.dispose()


def upgrade(url: str = "") -> None:
    """Brings a database, by default that of the environment, up in a process of its own. Raises DatabaseUnavailable."""
    command = [sys.executable, "-m", "flask", "--app", "netflix", "db", "upgrade"]
    env = os.environ | ({"NETFLIX_DATABASE_URL": url} if url else {})
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        if any(sign in done.stderr for sign in ("lock timeout", "database is locked")):
            raise DatabaseBusy
        said = [line for line in done.stderr.strip().splitlines() if not line.startswith(("(Background", "["))]
        raise DatabaseUnavailable(
            f"The database could not be migrated: {(said or ['nothing was said'])[-1].rstrip('.')}.",
            "See why: `netflix-admin db upgrade`.",
        )
