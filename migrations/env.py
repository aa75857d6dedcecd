"""How Alembic reaches the site's database; run by `flask db` and `netflix-admin db`."""

from alembic import context
from alembic.runtime.migration import MigrationInfo
from flask import current_app

from netflix import config as settings
from netflix import database
from netflix.clock import Instant
from netflix.upkeep import migration

migrate = current_app.extensions["migrate"]


def rendered(kind: str, item: object, _: object) -> str | bool:
    """A migration names no class of ours, which may change after it."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, Instant) else False


def run_online() -> None:
    applied: list[MigrationInfo] = []

    def note(step: MigrationInfo, **_: object) -> None:
        applied.append(step)

    database.make(settings.current().database_url)
    with migrate.db.engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=migrate.db.metadata,
            compare_type=True,
            render_item=rendered,
            # SQLite cannot alter a table in place: it is made anew and filled.
            render_as_batch=True,
            transaction_per_migration=True,
            on_version_apply=note,
        )
        with context.begin_transaction():
            context.run_migrations()
    migration.recorded(applied)


def run_offline() -> None:
    context.configure(url=str(migrate.db.engine.url), target_metadata=migrate.db.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    run_offline()
else:
    run_online()
