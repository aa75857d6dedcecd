"""The site on PostgreSQL."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import flask_migrate
import psycopg
import pytest
from flask import Flask
from psycopg import sql
from redis import Redis
from sqlalchemy import inspect, text

from cli import main
from netflix import clock, create_app, schema
from netflix.accounts import one_time_link
from netflix.accounts.one_time_link import OneTimeLink, Purpose
from netflix.accounts.registration import create
from netflix.accounts.user import User
from netflix.administration import directory
from netflix.config import Config
from netflix.errors import ConfigError, DatabaseBusy, Declined, LinkGone
from netflix.events import event, verification
from netflix.extensions import db
from netflix.mailed import email_change
from netflix.signin import access, recovery, signin
from netflix.signin.visitor import Visitor
from netflix.upkeep import expiry
from tests.people import PASSWORD, Browser, link_for
from tests.served import postgresql
from tests.served.parts import program
from tests.served.postgresql import PostgreSQL
from tests.served.site import Site, served
from tests.served.test_bans import admin, statuses
from tests.watching import until


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    with postgresql.running() as server:
        yield server


def migrated(url: str, folder: Path, **more: Any) -> Flask:
    """A site whose database is at head."""
    known = Config.from_env(env(url, folder)).database_url
    app = create_app(Config(instance=folder, database_url=known, **more).completed())
    with app.app_context():
        flask_migrate.upgrade()
    return app


def env(url: str, folder: Path) -> dict[str, str]:
    return {"NETFLIX_DATABASE_URL": url, "NETFLIX_INSTANCE": str(folder)}


def test_whatever_zone_a_server_keeps_times_are_utc(server: PostgreSQL, tmp_path: Path, redis_url: str) -> None:
    app = migrated(server.fresh("zone"), tmp_path, redis_url=redis_url, bcrypt_rounds=4)
    with app.app_context():
        db.session.execute(text("ALTER DATABASE zone SET timezone TO 'America/New_York'"))
        db.session.commit()
        db.session.remove()
        db.engine.dispose()
        assert db.session.scalar(text("SHOW timezone")) == "America/New_York"
        before = clock.now()
        user = create("ada@example.org", PASSWORD)
        db.session.expire_all()
        assert user.created_at.utcoffset() == timedelta(0)
        assert before <= user.created_at <= clock.now()
        assert list(verification.faults()) == []
        assert next(directory.json_lines(directory.Wanted(), ["created_at"]))[0][16:29] == f"{before:%Y-%m-%dT%H}"
        db.session.remove()
        db.engine.dispose()


def test_who_changes_administrators_at_once_waits_in_no_circle(
    server: PostgreSQL, tmp_path: Path, redis_url: str
) -> None:
    app = migrated(server.fresh("circle"), tmp_path, redis_url=redis_url, bcrypt_rounds=4)
    emails = [f"boss{number}@example.org" for number in range(8)]

    def change(start: int) -> None:
        for turn in range(100):
            email = emails[(start * 3 + turn * 5) % len(emails)]
            with app.app_context(), suppress(Declined):
                (access.demote, access.promote, access.disable, access.enable)[(start + turn) % 4](email)

    with app.app_context():
        for email in emails:
            create(email, PASSWORD, is_admin=True)
    with ThreadPoolExecutor(6) as crowd:
        # Whoever was in a circle has an error of the database here.
        list(crowd.map(change, range(6)))
    with app.app_context():
        assert list(verification.faults()) == []
        db.session.remove()
        db.engine.dispose()


@pytest.fixture(scope="module")
def site(server: PostgreSQL, tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Iterator[Site]:
    folder, url = tmp_path_factory.mktemp("site"), server.fresh("site")
    with migrated(url, folder).app_context():
        db.engine.dispose()
    with served(folder, database_url=url, redis_url=redis_url) as site:
        yield site


def test_migrations_go_up_and_down_and_up_and_end_at_the_models(server: PostgreSQL, tmp_path: Path) -> None:
    with migrated(server.fresh("migrations"), tmp_path).app_context():
        made = set(inspect(db.engine).get_table_names())
        assert set(db.metadata.tables) < made
        flask_migrate.downgrade(revision="base")
        assert inspect(db.engine).get_table_names() == ["alembic_version"]
        flask_migrate.upgrade()
        assert set(inspect(db.engine).get_table_names()) == made
        # Exits with 1 when the models have what the migrations have not.
        flask_migrate.check()
        db.session.remove()
        db.engine.dispose()


def test_a_sign_in_while_the_password_is_changed_does_not_outlive_it(
    server: PostgreSQL, tmp_path: Path, redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = migrated(server.fresh("changing"), tmp_path, redis_url=redis_url, bcrypt_rounds=4)
    chosen, thief = "another quiet password", Browser(app, "192.0.2.66")
    ada = Browser(app)
    assert ada.register("ada@example.org").status_code == 303
    assert ada.sign_in("ada@example.org").status_code == 303
    thief.get("/login")
    true, waiting = signin.opened, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"

    with app.app_context(), db.engine.connect() as onlooker, ThreadPoolExecutor(1) as pool:
        onlooker = onlooker.execution_options(isolation_level="AUTOCOMMIT")

        def overtaken(*args: Any, **more: Any) -> Any:
            """Once the other sessions are ended: somebody with the old password is let in, or made to wait."""
            monkeypatch.setattr(signin, "opened", true)
            entering = pool.submit(thief.sign_in, "ada@example.org")
            until(lambda: entering.done() or onlooker.execute(text(waiting)).scalar())
            return true(*args, **more)

        monkeypatch.setattr(signin, "opened", overtaken)
        fields = {"current_password": PASSWORD, "password": chosen}
        assert ada.post("/password", fields, page="/password").status_code == 303
    assert ada.get("/dashboard").status_code == 200
    assert thief.get("/dashboard").status_code == 303
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    app.extensions["netflix-counters"].redis.close()


def test_a_link_that_is_used_while_it_is_replaced_leaves_nobody_waiting_for_the_other(
    server: PostgreSQL, tmp_path: Path, redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = migrated(server.fresh("replacing"), tmp_path, redis_url=redis_url, bcrypt_rounds=4)
    user = Browser(app)
    assert user.register("ada@example.org").status_code == 303
    with app.app_context():
        carried = link_for("ada@example.org").rpartition("/")[2]
    true, waiting = one_time_link.end, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"

    def redeem() -> type[Exception] | None:
        with app.app_context():
            try:
                recovery.redeem(carried, PASSWORD, "192.0.2.1")
            except Exception as error:
                return type(error)
            return None

    with app.app_context(), db.engine.connect() as connection, ThreadPoolExecutor(1) as pool:
        onlooker = connection.execution_options(isolation_level="AUTOCOMMIT")
        used = []

        def overtaken(owner: int, *purposes: Purpose) -> None:
            """The user's row is held, and the old link is not yet ended: now it is used."""
            used.append(pool.submit(redeem))
            until(lambda: used[0].done() or onlooker.execute(text(waiting)).scalar())
            true(owner, *purposes)

        monkeypatch.setattr(one_time_link, "end", overtaken)
        access.reset_by_link("ada@example.org")
        assert used[0].result(10) is LinkGone
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    app.extensions["netflix-counters"].redis.close()


def test_who_confirms_an_e_mail_meanwhile_does_not_give_way_to_who_changes_to_it(
    server: PostgreSQL, tmp_path: Path, redis: Redis, redis_url: str
) -> None:
    """And whoever holds both users, in the order of their numbers, waits in no circle."""
    url = server.fresh("moving")
    waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    with built(url, tmp_path, redis_url) as app, app.app_context():
        Browser(app).register("bob@example.org")
        create("ada@example.org", PASSWORD)
        link = OneTimeLink.issued(User.named("ada@example.org"), Purpose.CHANGE_EMAIL, "bob@example.org")
        db.session.commit()

        def change() -> type[Exception] | None:
            with app.app_context():
                try:
                    email_change.confirm(link.token, None, PASSWORD, Visitor("192.0.2.1"))
                except Exception as error:
                    return type(error)
                return None

        with db.engine.connect() as onlooker, ThreadPoolExecutor(1) as pool, psycopg.connect(url) as bob:
            onlooker = onlooker.execution_options(isolation_level="AUTOCOMMIT")
            bob.execute('UPDATE "user" SET verified_at = now() WHERE id = 1')
            changed = pool.submit(change)
            until(lambda: changed.done() or onlooker.execute(waiting).scalar())
            bob.execute('UPDATE "user" SET id = id WHERE id = 2')
            bob.commit()
            assert changed.result(10) is Declined
        assert [user.email for user in User.everyone()] == ["ada@example.org", "bob@example.org"]


def test_a_person_registers_signs_in_and_signs_out(site: Site) -> None:
    ada = site.visitor("127.0.12.1")
    assert ada.register("ada@example.org").status == 303
    assert ada.sign_in("ADA@Example.ORG").status == 303
    thief = ada.twin()
    assert "ada@example.org" in ada.get("/dashboard").text
    assert ada.sign_out().status == 303
    assert {thief.get("/dashboard").status for _ in range(10)} == {303}
    assert site.health() == (200, "ok")


def test_of_many_who_register_one_email_at_once_one_succeeds(site: Site) -> None:
    visitors = [site.visitor(f"127.0.13.{n}") for n in range(1, 6)]
    with ThreadPoolExecutor(5) as pool:
        found = list(pool.map(lambda one: one.register("race@example.org", f"seat {one.address}").status, visitors))
    assert found == [303] * 5
    entered = [visitor.sign_in("race@example.org", f"seat {visitor.address}").status for visitor in visitors]
    assert sorted(entered) == [303] + [401] * 4


def test_a_ban_is_known_to_both_workers_and_lifted_again(site: Site) -> None:
    admin(site, "bans", "add", "127.0.14.1", "--for", "1h", "--yes")
    until(lambda: statuses(site, "127.0.14.1") == {403})
    assert '"network": "127.0.14.1/32"' in admin(site, "bans", "list", "--address", "127.0.14.1", "--format", "jsonl")
    admin(site, "bans", "revoke", "127.0.14.1")
    until(lambda: statuses(site, "127.0.14.1") == {200})


def test_a_lockdown_is_known_to_both_workers_and_ends(site: Site) -> None:
    admin(site, "lockdown", "on", "--for", "1h", "--reason", "Stolen passwords are tried.")
    until(lambda: {"Stolen passwords" in site.visitor("127.0.15.1").get("/login").text for _ in range(20)} == {True})
    assert '"on": true' in admin(site, "lockdown", "status", "--format", "jsonl")
    admin(site, "lockdown", "on", "--reason", "Stolen passwords are tried.")
    admin(site, "lockdown", "off")
    until(lambda: statuses(site, "127.0.15.1", "/register") == {200})


def test_an_email_with_a_nul_is_no_fault_of_the_site(site: Site) -> None:
    assert site.visitor("127.0.13.50").register("nul\0@example.org").status == 422
    assert site.visitor("127.0.13.51").sign_in("nul\0@example.org").status in (401, 422)


def test_users_are_looked_after_leave_and_come_back(
    server: PostgreSQL, tmp_path: Path, redis: Redis, redis_url: str, later: Callable[[timedelta], None]
) -> None:
    app = migrated(server.fresh("leaving"), tmp_path, redis_url=redis_url, bcrypt_rounds=4)
    boss, ada, eve = (Browser(app, f"192.0.2.{number}") for number in (1, 2, 3))
    with app.app_context():
        create("boss@example.org", PASSWORD, is_admin=True)
        create("ada@example.org", PASSWORD)
        create("eve@example.org", PASSWORD)
    boss.sign_in("boss@example.org")
    for person, email in ((ada, "ada@example.org"), (eve, "eve@example.org")):
        person.sign_in(email)
        assert person.post("/account/delete", {"email": email}, page="/account/delete").status_code == 303
    assert re.findall(r"(\w+)@example.org</a>", boss.get("/admin/users?q=e@&after=1").text) == ["eve"]
    for path in ("/admin/users/2", "/admin/invitations", "/admin/events?user=ada@example.org&since=1h&before=99"):
        assert boss.get(path).status_code == 200
    assert ada.sign_in("ada@example.org").status_code == 303
    assert len(ada.post("/account/export", page="/account/export").get_json()["events"]) == 6
    later(timedelta(days=7, seconds=1))
    with app.app_context():
        expiry.purge()
        assert [user.email for user in User.everyone()] == ["ada@example.org", "boss@example.org"]
        assert list(verification.faults()) == []
        db.session.remove()
        db.engine.dispose()


SOON = "?options=-c%20lock_timeout%3D200"


@contextmanager
def held(url: str, table: str) -> Iterator[None]:
    with psycopg.connect(url) as connection:
        connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(sql.Identifier(table)))
        yield


@contextmanager
def built(url: str, folder: Path, redis_url: str) -> Iterator[Flask]:
    app = migrated(url, folder, redis_url=redis_url, bcrypt_rounds=4)
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    app.extensions["netflix-counters"].redis.close()


def told(app: Flask, *args: str) -> tuple[int, str]:
    answer = app.test_cli_runner().invoke(main, args)
    return answer.exit_code, answer.stderr


def test_what_another_holds_is_not_waited_for_without_end(
    server: PostgreSQL, tmp_path: Path, redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    program("pg_dump")
    url, busy = server.fresh("held"), (6, f"Error: {DatabaseBusy()}\n")
    with built(url + SOON, tmp_path, redis_url) as app:
        browser = Browser(app)
        assert browser.register("ada@example.org").status_code == 303
        monkeypatch.setattr("netflix.upkeep.backup.LONGEST_WAIT", 200)
        with held(url, "user"):
            assert told(app, "users", "list") == busy
            assert told(app, "backup", str(tmp_path / "netflix.tar")) == busy
            assert browser.sign_in("ada@example.org").status_code == 503
        assert browser.sign_in("ada@example.org").status_code == 303
        with held(url, "alembic_version"):
            assert told(app, "users", "list") == busy
        assert told(app, "db", "downgrade", "0015", "--yes") == (0, "")
        with held(url, "event_chain"):
            assert told(app, "db", "upgrade") == busy
            monkeypatch.setenv("NETFLIX_INSTANCE", str(tmp_path))
            with pytest.raises(DatabaseBusy):
                schema.upgrade(url + SOON)
        assert told(app, "db", "upgrade") == (0, "")
        assert told(app, "events", "verify") == (0, "")


def test_it_is_waited_for_as_long_as_on_sqlite(server: PostgreSQL, tmp_path: Path, redis_url: str) -> None:
    url = server.fresh("patient")
    with built(url, tmp_path, redis_url) as app, app.app_context():
        assert db.session.scalar(text("SHOW lock_timeout")) == "5s"
    # What the address says itself holds.
    more = "?options=-c%20statement_timeout%3D7s"
    with built(url + more, tmp_path, redis_url) as app, app.app_context():
        assert db.session.scalar(text("SHOW lock_timeout")) == "5s"
        assert db.session.scalar(text("SHOW statement_timeout")) == "7s"


def test_a_database_that_is_empty_is_told_as_not_migrated(server: PostgreSQL, tmp_path: Path, redis_url: str) -> None:
    url = Config.from_env(env(server.fresh("empty"), tmp_path)).database_url
    app = create_app(Config(instance=tmp_path, database_url=url, redis_url=redis_url).completed())
    code, said = told(app, "users", "list")
    assert code == 6
    assert said.startswith('Error: The database is not migrated (relation "alembic_version" does not exist')
    assert "netflix-admin db upgrade" in said
    code, said = told(create_app(replace(app.extensions["netflix-config"], database_url=f"{url}none")), "users", "list")
    assert code == 6
    assert "The database does not answer" in said
    assert "check NETFLIX_DATABASE_URL" in said


def test_a_password_key_is_made_for_an_empty_database_and_not_for_one_with_accounts(
    server: PostgreSQL, tmp_path: Path, redis_url: str
) -> None:
    url = server.fresh("keys")
    with built(url, tmp_path / "site", redis_url) as app, app.app_context():
        elsewhere = env(url, tmp_path / "mistyped")
        assert Config.from_env(elsewhere | {"NETFLIX_INSTANCE": str(tmp_path / "new")}).password_key
        create("ada@example.org", PASSWORD)
        with pytest.raises(
            ConfigError, match=r"mistyped/password\.key' is not there, though the database has accounts"
        ):
            Config.from_env(elsewhere)
        assert not (tmp_path / "mistyped").exists()


def test_tables_are_not_taken_from_who_has_the_database_open(
    server: PostgreSQL, tmp_path: Path, redis: Redis, redis_url: str
) -> None:
    url = server.fresh("downgrade")
    with built(url, tmp_path, redis_url) as app:
        with psycopg.connect(url):
            code, said = told(app, "db", "downgrade", "--yes")
            assert (code, "in use, by 1 other. Stop the site" in said) == (7, True)
        # A connection is gone a moment after it is closed.
        until(lambda: told(app, "db", "downgrade", "0014", "--yes")[0] == 0)
        assert told(app, "db", "upgrade") == (0, "")
        with app.app_context():
            found = [row.details for row in event.following(event.Wanted())]
            assert found == [{"from": schema.head(), "to": "0014"}, {"from": "0014", "to": schema.head()}]
            assert list(verification.faults()) == []
        assert told(app, "db", "check") == (0, "")
