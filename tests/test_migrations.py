import flask_migrate
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from sqlalchemy import inspect, text

from netflix.accounts.registration import create
from netflix.accounts.user import User
from netflix.config import Config
from netflix.events import verification
from netflix.extensions import db
from netflix.signin.session import Session
from tests.conftest import Build
from tests.people import PASSWORD, Browser

TABLES = {"asked", "device", "event", "event_chain", "invitation", "mail", "one_time_link", "session", "user"}
TABLES |= {"ban", "lockdown", "order_count"}
TABLES |= {"event_chain_start", "recovery_code", "passkey", "used_challenge"}


@pytest.fixture
def fresh(build: Build, config: Config) -> Flask:
    """A site whose database is empty."""
    return build(database_url=f"sqlite:///{config.instance / 'fresh.db'}")


def tables() -> set[str]:
    return set(inspect(db.engine).get_table_names()) - {"alembic_version", "sqlite_sequence"}


def test_up_down_and_up_again(fresh: Flask) -> None:
    with fresh.app_context():
        flask_migrate.upgrade()
        assert tables() == TABLES
        flask_migrate.downgrade(revision="base")
        assert tables() == set()
        flask_migrate.upgrade()
        assert tables() == TABLES


def test_a_record_from_before_its_end_was_sealed_is_still_whole(fresh: Flask) -> None:
    with fresh.app_context():
        flask_migrate.upgrade()
        create("ada@example.org", PASSWORD)
        flask_migrate.downgrade(revision="0015")
        flask_migrate.upgrade()
        assert list(verification.faults()) == []
        create("bob@example.org", PASSWORD)
        assert list(verification.faults()) == []


def test_a_new_site_has_no_accounts(fresh: Flask) -> None:
    with fresh.app_context():
        flask_migrate.upgrade()
        assert User.everyone() == []


def test_the_migrations_make_what_the_nouns_say(app: Flask) -> None:
    with app.app_context(), db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "render_as_batch": True})
        assert compare_metadata(context, db.metadata) == []


def test_a_migrated_site_signs_in(fresh: Flask) -> None:
    with fresh.app_context():
        flask_migrate.upgrade()
        create("ada@example.org", PASSWORD)
    assert Browser(fresh).sign_in("ada@example.org").status_code == 303


def test_sqlite_waits_for_writers_keeps_foreign_keys_and_erases(app: Flask) -> None:
    with app.app_context():
        wanted = {"journal_mode": "wal", "busy_timeout": 5000, "foreign_keys": 1, "synchronous": 1, "secure_delete": 1}
        assert {name: db.session.scalar(text(f"PRAGMA {name}")) for name in wanted} == wanted


def test_times_come_back_aware(app: Flask, browser: Browser, ada: str) -> None:
    browser.sign_in(ada)
    with app.app_context():
        assert User.named(ada).created_at.utcoffset() is not None
        assert Session.everywhere()[0].idle_until.utcoffset() is not None


def test_a_database_that_is_not_migrated_is_said_to_be_out_of_order(fresh: Flask) -> None:
    browser = Browser(fresh)
    assert browser.get("/healthz").json["status"] == "failing"  # type: ignore[index]
    answer = browser.sign_in("ada@example.org")
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers
    assert "no such table" not in answer.text
