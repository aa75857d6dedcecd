"""Everybody as the operator lists them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Select, delete, select, text

from cli.directory import COLUMNS, Sort
from cli.formats import Listing
from netflix.accounts.user import User
from netflix.administration import directory
from netflix.administration.directory import FIELDS, SORTS, Wanted
from netflix.extensions import db
from netflix.factors.passkey import Passkey

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def add(email: str, **more: Any) -> User:
    user = User(email=email, email_key=email, **({"created_at": NOON, "verified_at": NOON} | more))
    db.session.add(user)
    db.session.commit()
    return user


def emails(**wanted: Any) -> list[str]:
    """As both ways to read them tell."""
    found = [user.email for user in directory.users(Wanted(**wanted))]
    assert [row.email for row in directory.rows(Wanted(**wanted), ["email"])] == found
    assert sum(map(len, directory.json_lines(Wanted(**wanted), ["email"]))) == len(found)
    return found


def test_each_filter_picks_its_own(app: Flask) -> None:
    with app.app_context():
        add("plain@example.org", signed_in_at=NOON)
        add("admin@example.org", is_admin=True, signed_in_at=NOON)
        add("disabled@example.org", disabled_at=NOON, signed_in_at=NOON)
        add("unverified@example.org", verified_at=None, signed_in_at=NOON)
        add("totp@example.org", totp_secret="sealed", signed_in_at=NOON)
        keyed = add("passkey@example.org", signed_in_at=NOON)
        more = {"public_key": b"", "sign_count": 0, "backed_up": False, "transports": ""}
        db.session.add(Passkey(user_id=keyed.id, credential_id=b"1", handle=b"1", name="key", created_at=NOON, **more))
        add("away@example.org", signed_in_at=NOON - 9 * DAY)
        add("never@example.org", created_at=NOON - 9 * DAY)
        add("new@example.org", created_at=NOON + DAY)
        assert emails(admin=True) == ["admin@example.org"]
        assert emails(disabled=True) == ["disabled@example.org"]
        assert emails(unverified=True) == ["unverified@example.org"]
        assert emails(inactive_since=NOON - DAY) == ["away@example.org", "never@example.org"]
        assert emails(created_since=NOON + DAY) == ["new@example.org"]
        with_one = {"passkey@example.org", "totp@example.org"}
        assert {*emails()} - {*emails(no_second_factor=True)} == with_one
        assert {
            row.email for row in directory.rows(Wanted(), ["email", "second_factor"]) if row.second_factor
        } == with_one
        written = [line for batch in directory.json_lines(Wanted(), ["second_factor"]) for line in batch]
        assert written.count('{"second_factor": true}') == 2
        assert emails(match="ISABLE") == emails(match="d*e*d@example.*") == ["disabled@example.org"]
        assert emails(match="a*") == ["admin@example.org", "away@example.org"]
        assert emails(match="_") == emails(match="%") == emails(match="/") == emails(match="_*") == []
        assert emails(admin=True, disabled=True) == []
        assert directory.count(Wanted(inactive_since=NOON - DAY)) == 2


def test_they_are_sorted_either_way_and_cut(app: Flask) -> None:
    with app.app_context():
        add("c@example.org", created_at=NOON, signed_in_at=NOON + DAY)
        add("a@example.org", created_at=NOON + DAY)
        add("b@example.org", created_at=NOON, signed_in_at=NOON + 2 * DAY)
        wanted = {"email": "abc", "created": "cba", "signed-in": "acb"}
        for sort, order in wanted.items():
            assert [email[0] for email in emails(sort=sort)] == list(order)
            assert [email[0] for email in emails(sort=sort, descending=True)] == list(reversed(order))
            for most in (1, 2, 3, 4):
                assert [email[0] for email in emails(sort=sort, limit=most)] == list(order[:most])


def test_a_batch_is_no_end(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netflix.json_rows.CHUNK", 2)
    monkeypatch.setattr(directory, "CHUNK", 2)
    with app.app_context():
        for n in range(7):
            add(f"{n}@example.org", signed_in_at=NOON if n % 2 else None)
        for sort in SORTS:
            assert len(emails(sort=sort)) == 7
            assert len(emails(sort=sort, limit=5)) == 5


def test_the_terminal_knows_what_there_is() -> None:
    assert tuple(SORTS) == Sort.KEYS
    assert list(FIELDS) == [column.field for column in COLUMNS]


# What a database can hold; some of it no act lets in.
ODD = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40)
TIMES = st.datetimes(datetime(1970, 1, 1), datetime(2999, 12, 31), timezones=st.just(UTC))
USERS = st.fixed_dictionaries(
    {
        "email": ODD | st.sampled_from(['"\\/', "\x7f\x1b[31m", "a\u202eb", "é@ü.example", "\n\t\r\b\f", "%s", "😀"]),
        "is_admin": st.booleans(),
        "created_at": TIMES,
        "password_hash": st.none() | st.just("x"),
        **{name: st.none() | TIMES for name in ("verified_at", "disabled_at", "signed_in_at", "deleting_at")},
    }
)


def written_both_ways(users: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> None:
    db.session.execute(delete(User))
    for n, values in enumerate(users):
        db.session.add(User(email_key=str(n), **values))
    db.session.commit()
    listing = Listing(COLUMNS, "jsonl")
    capsys.readouterr()
    listing.print(db.session.scalars(select(User).order_by(User.email_key)), "")
    slow = capsys.readouterr().out
    listing.print_written(directory.json_lines(Wanted(), listing.fields))
    assert capsys.readouterr().out == slow
    by_name = Listing(COLUMNS, "csv")
    by_name.print(db.session.scalars(select(User).order_by(User.email_key)), "")
    slow = capsys.readouterr().out
    by_name.by_name().print(directory.rows(Wanted(), listing.fields), "")
    assert capsys.readouterr().out == slow


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(USERS, max_size=5))
def test_what_the_database_writes_is_what_python_would(
    app: Flask, capsys: pytest.CaptureFixture[str], users: list[dict[str, Any]]
) -> None:
    with app.app_context():
        written_both_ways(users, capsys)


def explained(selection: Select[Any], prefix: str) -> str:
    bare = selection.compile(db.engine, compile_kwargs={"literal_binds": True})
    return "\n".join(str(row) for row in db.session.execute(text(f"{prefix} {bare}")).all())


SERVED = {
    "": Wanted(),
    "ix_user_created_at": Wanted(sort="created"),
    "ix_user_signed_in_at": Wanted(sort="signed-in", descending=True),
    "ix_user_is_admin": Wanted(admin=True),
    "ix_user_disabled": Wanted(disabled=True),
    "ix_user_unconfirmed": Wanted(unverified=True, sort="created"),
}


@pytest.mark.parametrize("index", SERVED)
def test_the_table_is_never_sorted(app: Flask, index: str) -> None:
    with app.app_context():
        for selection in SERVED[index].selections(select(User)):
            plan = explained(selection, "EXPLAIN QUERY PLAN")
            assert f"USING INDEX {index or 'sqlite_autoindex_user_1'}" in plan
            assert "TEMP B-TREE" not in plan


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(no_second_factor=True),
        Wanted(inactive_since=NOON, sort="signed-in"),
        Wanted(match="a"),
        Wanted(match="*a"),
    ],
)
def test_what_most_are_like_is_looked_for_along_the_order(app: Flask, wanted: Wanted) -> None:
    with app.app_context():
        for selection in wanted.selections(select(User)):
            plan = explained(selection, "EXPLAIN QUERY PLAN")
            assert "TEMP B-TREE" not in plan
            assert "SCAN passkey" not in plan


def test_a_second_factor_is_looked_for_by_the_index_of_passkeys(app: Flask) -> None:
    with app.app_context():
        (told,) = Wanted().selections(select(FIELDS["email"], FIELDS["second_factor"]))
        plan = explained(told, "EXPLAIN QUERY PLAN")
        assert "SEARCH passkey USING" in plan
        assert "TEMP B-TREE" not in plan


def test_new_ones_are_found_by_their_index(app: Flask) -> None:
    with app.app_context():
        for selection in Wanted(created_since=NOON, sort="created").selections(select(User)):
            assert "SEARCH user USING INDEX ix_user_created_at" in explained(selection, "EXPLAIN QUERY PLAN")
