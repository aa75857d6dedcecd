"""How the terminal prints: for programs, for people, and never what a stranger could do harm with."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from cli import cells, output, tables
from cli.formats import Column
from netflix.accounts.registration import create
from netflix.extensions import db
from tests.cli.conftest import Run
from tests.people import PASSWORD, Browser

LISTINGS = ["users list", "sessions list", "limits list", "limits show --address 192.0.2.10"]
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
COLUMNS = (Column("name", "Name", lambda row: row), Column("size", "Size", len))


@pytest.fixture
def busy(app: Flask, ada: str, browser: Browser) -> None:
    """Something to list everywhere."""
    browser.sign_in(ada)
    browser.sign_in(ada, "not her password")


@pytest.mark.parametrize("listing", LISTINGS)
def test_a_program_reads_the_same_from_every_format(run: Run, busy: None, listing: str) -> None:
    rows = json.loads(run(f"{listing} --format json").stdout)
    lines = [json.loads(line) for line in run(f"{listing} --format jsonl").stdout.splitlines()]
    table = list(csv.DictReader(io.StringIO(run(f"{listing} --format csv").stdout)))
    plain = [line.split("\t") for line in run(listing).stdout.splitlines()]
    assert rows
    assert [row | {"free_in": 0} for row in lines] == [row | {"free_in": 0} for row in rows]
    assert [list(row) for row in table] == [list(row) for row in rows]
    assert [row[0] for row in plain] == [str(next(iter(row.values()))) for row in rows]
    assert all(len(row) == len(rows[0]) for row in plain)


@pytest.mark.parametrize("listing", LISTINGS[:3])
def test_nothing_to_list_is_empty_in_every_format(run: Run, listing: str) -> None:
    assert run(f"{listing} --format json").stdout == "[]\n"
    assert run(f"{listing} --format jsonl").stdout == ""
    assert len(run(f"{listing} --format csv").stdout.splitlines()) == 1
    assert run(listing).output == ""


@pytest.mark.parametrize("listing", LISTINGS)
def test_a_format_that_is_none_is_a_slip(run: Run, listing: str) -> None:
    assert run(f"{listing} --format yaml").exit_code == 2


@pytest.mark.parametrize("form", ["json", "jsonl", "csv"])
def test_it_prints_the_fields_that_were_asked_for(run: Run, busy: None, form: str) -> None:
    printed = run(f"users list --format {form} --fields id,email").stdout
    first = {"json": '[\n  {\n    "id": 1,', "jsonl": '{"id": 1, "email": "ada@example.org"}', "csv": "id,email\n1,"}
    assert printed.startswith(first[form])
    assert "created_at" not in printed


def test_a_field_that_is_none_is_told_with_those_that_are(run: Run) -> None:
    told = run("users list --fields e-mail")
    assert told.exit_code == 2
    assert "There is no field 'e-mail'. There are: email, id, " in told.stderr


@pytest.mark.parametrize("form", ["table", "json", "jsonl", "csv"])
def test_nothing_of_a_stranger_steers_the_terminal(app: Flask, run: Run, form: str) -> None:
    with app.app_context():
        user = create("red@example.org", PASSWORD)
        # Such as an older version, or another program, wrote it.
        user.email = "x\u202e\u009b31m@example.org"
        db.session.commit()
    Browser(app, agent="\x1b[31mred\x9b\u202e").sign_in("red@example.org")
    printed = run(f"users list --format {form}").stdout + run(f"sessions list --format {form}").stdout
    assert printed.count("example.org") == 2
    assert not {"\u202e", "\u009b", "\x1b"} & set(printed)


def test_json_keeps_what_it_escapes() -> None:
    text = "é日本 \u202e \x9b \x00 \ud800 \U000e0001"
    told = cells.as_json({"a": text})
    assert json.loads(told) == {"a": text}
    assert "é日本" in told
    assert told.isprintable()


@pytest.mark.parametrize("text", ["=1+1@x.org", "+a@x.org", "-a", "@a", "\uff1d1", "\uff20a"])
def test_no_spreadsheet_takes_a_text_for_a_formula(text: str) -> None:
    assert list(csv.reader(io.StringIO(cells.as_csv([["text", "size"], [text, len(text)]]))))[1] == [
        f"'{text}",
        str(len(text)),
    ]
    assert (cells.harmless(-5), cells.harmless("")) == ("-5", "")


@pytest.mark.parametrize(
    ("away", "spoken"),
    [
        (timedelta(0), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(seconds=-30), "in a moment"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(minutes=59), "59 minutes ago"),
        (timedelta(hours=1), "1 hour ago"),
        (timedelta(hours=47), "1 day ago"),
        (timedelta(days=-3), "in 3 days"),
        (timedelta(seconds=30, days=-7), "in 7 days"),
        (timedelta(seconds=30, days=-1), "in 1 day"),
        (timedelta(seconds=10, hours=-1), "in 1 hour"),
        (timedelta(minutes=-90), "in 1 hour"),
        (timedelta(days=-6, hours=-22), "in 6 days"),
        (timedelta(days=14), "8 Nov 2026"),
    ],
)
def test_a_time_is_told_as_a_person_would(away: timedelta, spoken: str) -> None:
    assert cells.ago(NOW - away, NOW) == spoken


SHRINKING = Column("a", "A", shrinks=True)
FIXED = Column("b", "B")
SPARE = Column("c", "C", spare=True)


@pytest.mark.parametrize(
    ("room", "kept"),
    [
        (200, {SHRINKING: 60, FIXED: 10, SPARE: 10}),
        (84, {SHRINKING: 60, FIXED: 10, SPARE: 10}),
        (60, {SHRINKING: 36, FIXED: 10, SPARE: 10}),
        (40, {SHRINKING: 28, FIXED: 10}),
        (10, {SHRINKING: 12, FIXED: 10}),
    ],
)
def test_columns_fit_the_terminal(room: int, kept: dict[Column, int]) -> None:
    assert tables.fitted({SHRINKING: 60, FIXED: 10, SPARE: 10}, room) == kept


def test_what_is_spare_is_shortened_before_it_goes() -> None:
    spare = Column("d", "D", shrinks=True, spare=True)
    assert tables.fitted({SHRINKING: 30, spare: 20, FIXED: 39}, 80) == {SHRINKING: 18, spare: 19, FIXED: 39}
    assert tables.fitted({SHRINKING: 30, spare: 20, FIXED: 39}, 78) == {SHRINKING: 30, FIXED: 39}


def test_the_widest_columns_shrink_first() -> None:
    other = Column("d", "D", shrinks=True)
    assert tables.fitted({SHRINKING: 60, other: 20}, 62) == {SHRINKING: 40, other: 20}
    assert tables.fitted({SHRINKING: 60, other: 20}, 32) == {SHRINKING: 15, other: 15}


def test_a_sentence_is_broken_between_words_and_a_command_stays_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "columns", lambda _: 40)
    told = "There is no user nobody@example.org. See `netflix-admin users list --match nobody@example.org`.\n  Or not."
    assert output.laid_out(told, None).splitlines() == [
        "There is no user nobody@example.org. See",
        "`netflix-admin users list --match nobody@example.org`.",
        "  Or not.",
    ]
    monkeypatch.setattr(output, "columns", lambda _: 0)
    assert output.laid_out(told, None) == told
