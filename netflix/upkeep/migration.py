"""Bringing the tables to another version of the site, with an event that tells from which to which."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Any, NamedTuple

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.runtime.migration import MigrationInfo
from alembic.script import ScriptDirectory
from flask import current_app

from netflix import config as settings
from netflix import database, schema
from netflix.errors import DatabaseUnavailable, Declined, NotMigrated, SiteMissing
from netflix.events import event
from netflix.events.event import Kind
from netflix.extensions import db
from netflix.upkeep import restore

HEAD, BASE = "head", "base"


class Version(NamedTuple):
    """One of those that this code knows."""

    version: str
    summary: str
    is_applied: bool
    is_present: bool


class Step(NamedTuple):
    """From which version to which; `base` is none."""

    before: str
    after: str


def history() -> list[Version]:
    """The newest first."""
    found = present_or_base()
    scripts = list(ScriptDirectory.from_config(configuration()).walk_revisions())
    order = [one.revision for one in scripts]
    applied = order[order.index(found) :] if found in order else []
    return [Version(one.revision, one.doc, one.revision in applied, one.revision == found) for one in scripts]


def present() -> str:
    """The version that the database has. Raises NotMigrated without one, and DatabaseUnavailable for an unknown one."""
    config = settings.current()
    if database.is_missing(config.database_url):
        raise SiteMissing(config.instance)
    found = schema.present(config.database_url)
    schema.check_known(found)
    if found is None:
        raise NotMigrated
    return found


def present_or_base() -> str:
    """Also where there is nothing yet."""
    try:
        return present()
    except NotMigrated:
        return BASE


def check() -> None:
    """Raises DatabaseUnavailable unless the tables are what this version needs, column by column."""
    schema.check(settings.current())
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "render_as_batch": True})
        differences = compare_metadata(context, db.metadata)
    if differences:
        names = ", ".join(sorted({table_of(one) for one in differences}))
        raise DatabaseUnavailable(
            f"The tables are not what version {schema.head()} needs: somebody changed {names}.",
            "Take that back, or restore a backup: `netflix-admin restore FILE`.",
        )


def table_of(difference: Any) -> str:
    """Alembic tells of a table or an index by itself, and of columns in a list, by the table's name."""
    if isinstance(difference, list):
        return str(difference[0][2])
    thing = difference[-1]
    return str(getattr(getattr(thing, "table", None), "name", None) or getattr(thing, "name", thing))


def ahead(to: str = HEAD) -> Step | None:
    """What there is to do to get there; None where it is there already. Raises Declined for an earlier version."""
    before, after = present_or_base(), schema.head() if to == HEAD else to
    if age(after) > age(before):
        raise Declined(
            f"The database is at version {before} already, which is later than {after}.",
            f"Bring it back by `netflix-admin db downgrade {after}`.",
        )
    return Step(before, after) if after != before else None


def upgrade(step: Step) -> None:
    command.upgrade(configuration(), step.after)


def back(to: str | None = None) -> Step | None:
    """What `downgrade` would do to get there, by default to the version before; None where it is there already.

    Raises Declined for a later version, and while the site is served.
    """
    before = present()
    after = to or known()[age(before) + 1]
    if age(after) < age(before):
        raise Declined(
            f"The database is at version {before}, which is earlier than {after}.",
            f"Bring it up by `netflix-admin db upgrade {after}`.",
        )
    check_unused()
    return Step(before, after) if after != before else None


def downgrade(step: Step) -> None:
    """Raises Declined while the site is served.

    The event comes first: afterwards there may be no table for it.
    """
    check_unused()
    if step.before == schema.head():
        event.record(Kind.MIGRATED, **told(step))
        db.session.commit()
    db.session.remove()
    command.downgrade(configuration(), step.after)


def recorded(steps: Sequence[MigrationInfo]) -> None:
    """Writes down what was applied, where that brought the tables of an older site to what this code needs."""
    if not steps:
        return
    before, after = ((*ids, BASE)[0] for ids in (steps[0].source_revision_ids, steps[-1].destination_revision_ids))
    if before != BASE and after == schema.head():
        event.record(Kind.MIGRATED, **told(Step(before, after)))
        db.session.commit()


def told(step: Step) -> dict[str, Any]:
    return {"from": step.before, "to": step.after}


def known() -> list[str]:
    """All versions, the newest first, and none at the end."""
    return [one.revision for one in ScriptDirectory.from_config(configuration()).walk_revisions()] + [BASE]


def age(version: str) -> int:
    """How many versions came after it."""
    return known().index(version)


def configuration() -> Any:
    """Alembic's, as Flask-Migrate makes it."""
    return current_app.extensions["migrate"].migrate.get_config()


def check_unused() -> None:
    """Raises Declined while somebody else has the database open, as far as can be told."""
    config = settings.current()
    db.session.remove()
    db.engine.dispose()
    restore.check_idle(config)
    if restore.is_sqlite(config):
        with closing(sqlite3.connect(restore.database_file(config), timeout=0)) as file:
            restore.take(file)
