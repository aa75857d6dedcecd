"""Listing, importing and exporting users on PostgreSQL."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from cli import main
from netflix.accounts.registration import create
from netflix.accounts.user import User
from netflix.events import event, verification
from netflix.events.event import Kind, Wanted
from netflix.extensions import db
from tests.administration.test_directory import SERVED, USERS, explained, written_both_ways
from tests.administration.test_directory import test_a_batch_is_no_end as batches
from tests.administration.test_directory import test_each_filter_picks_its_own as filters
from tests.administration.test_directory import test_they_are_sorted_either_way_and_cut as sorts
from tests.people import PASSWORD, Browser
from tests.served.postgresql import PostgreSQL
from tests.served.test_postgresql import migrated, server

__all__ = ["server"]


@pytest.fixture
def app(server: PostgreSQL, tmp_path: Path, redis_url: str, request: pytest.FixtureRequest) -> Iterator[Flask]:
    app = migrated(server.fresh(request.node.name), tmp_path, redis_url=redis_url, bcrypt_rounds=4)
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    app.extensions["netflix-counters"].redis.close()


def test_filters_sorts_and_batches_are_as_on_sqlite(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    filters(app)
    for test in (lambda: sorts(app), lambda: batches(app, monkeypatch)):
        with app.app_context():
            db.session.execute(text('TRUNCATE "user" CASCADE'))
            db.session.commit()
        test()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(USERS, max_size=5))
def test_what_the_database_writes_is_what_python_would(
    app: Flask, capsys: pytest.CaptureFixture[str], users: list[dict[str, object]]
) -> None:
    with app.app_context():
        written_both_ways(users, capsys)


def test_a_nul_is_no_fault_of_the_site(app: Flask) -> None:
    with app.app_context():
        create("grace@example.org", PASSWORD, is_admin=True)
    office = Browser(app)
    office.sign_in("grace@example.org")
    found = office.get("/admin/users?q=a%00")
    assert (found.status_code, "grace@" in found.text) == (200, False)
    invitation = {"uses": "1", "days": "1", "note": "a\0b"}
    assert office.post("/admin/invitations", invitation, page="/admin/invitations").status_code == 422
    assert office.get("/admin/events?user=a%00b@example.org&address=%00&kind=%00").status_code == 422
    assert office.get("/recover/a%00b").status_code == 410


def test_the_table_is_never_sorted(app: Flask) -> None:
    """With a table of some size: for a small one an index is not worth it."""
    with app.app_context():
        db.session.execute(
            text("""
                INSERT INTO "user" (email, email_key, is_admin, created_at, verified_at, signed_in_at, disabled_at)
                SELECT n || '@example.org', md5(n::text), n % 1000 = 0, now() - n * interval '1 minute',
                    CASE WHEN n % 1000 = 1 THEN NULL ELSE now() END,
                    CASE WHEN n % 3 = 1 THEN NULL ELSE now() - n * interval '1 second' END,
                    CASE WHEN n % 1000 = 2 THEN now() END
                FROM generate_series(1, 20000) n
            """)
        )
        db.session.execute(text("ANALYZE"))
        for index, wanted in SERVED.items():
            for selection in wanted.selections(select(User)):
                plan = explained(selection, "EXPLAIN DECLARE every_one CURSOR FOR")
                assert (index or "uq_user_email_key") in plan
                # The few that a filter picks are sorted in no time.
                assert ("Sort" not in plan) or wanted.admin or wanted.disabled or wanted.unverified


def test_people_move_in_and_out(app: Flask, tmp_path: Path) -> None:
    run = app.test_cli_runner()
    bare = "$2y$04$" + "W" * 21 + "e" + "N" * 30 + "o"
    rows = [f"{n}@example.org,{'yes' if n % 2 else 'no'},2024-05-0{n % 9 + 1},{bare}\n" for n in range(25)]
    text = "email,admin,created_at,password_hash\n" + "".join(rows)
    done = run.invoke(main, ["users", "import", "-", "--batch", "10"], input=text + "nil@example.org,,,\nnobody,,,\n")
    assert done.exit_code == 8
    assert done.stdout.startswith("Imported 26 users; 1 row refused.")
    for _ in range(2):
        invited = run.invoke(main, ["users", "import", "-", "--invite"], input=text + "nil@example.org,,,\n")
        assert invited.stdout.startswith("nil@example.org\thttp")
        assert invited.stderr.endswith("; 1 who was there got a new link.\n")
    again = run.invoke(main, ["users", "import", "-", "--update"], input=text.replace("no,2024", "yes,2024"))
    assert again.stdout == "Imported 0 users; changed 13; 12 were there already.\n"
    with app.app_context():
        assert list(verification.faults()) == []
        users = tuple(db.session.scalars(select(User.id).order_by(User.id).limit(2)))
        assert [row.user_id for row in event.latest(Wanted(kinds=(Kind.USER_CREATED,), user_ids=users), 9)] == [
            *users[::-1]
        ]
    report = json.loads(run.invoke(main, ["passwords", "report", "--format", "json"]).stdout)
    assert [(row["scheme"], row["rounds"], row["users"]) for row in report] == [
        ("bcrypt $2y$", 4, 25),
        ("none", None, 1),
    ]
    for form in ("jsonl", "csv"):
        out = run.invoke(main, ["users", "export", "--format", form, "--with-hashes"]).stdout
        back = run.invoke(main, ["users", "import", "-", "--dry-run", "--update"], input=out)
        assert back.stdout == "", out[:300]
