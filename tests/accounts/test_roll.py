"""A file of people."""

import io
from datetime import UTC, datetime

import pytest
from flask import Flask
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from netflix.accounts import password, roll
from netflix.accounts.roll import COLUMNS, LONGEST, MOST_LINES, Person, Refused
from netflix.errors import Declined, NotAccepted
from netflix.spelling import covered, uncovered

BCRYPT = "$2y$04$" + "abcdefghijklmnopqrstuu" + "ABCDEFGHIJKLMNOPQRSTUVWXYZabcde"


@pytest.fixture(autouse=True)
def _within(app: Flask) -> object:
    with app.app_context():
        yield


def read(text: str | bytes, skipping: bool = False) -> list[Person | Refused]:
    return list(roll.read(io.BytesIO(text.encode() if isinstance(text, str) else text), skipping))


def one(text: str) -> Person:
    (person,) = read(text)
    assert isinstance(person, Person), person
    return person


def refused(text: str | bytes) -> list[tuple[int, str]]:
    return [(row.line, row.reason) for row in read(text) if isinstance(row, Refused)]


def emails(text: str | bytes) -> list[str]:
    return [row.email for row in read(text) if isinstance(row, Person)]


def test_a_row_says_what_it_says_and_no_more() -> None:
    assert one("email\nada@example.org\n") == Person(2, "ada@example.org", "ada@example.org")
    full = one(
        "email,admin,disabled,verified,must_change,created_at,password_hash\n"
        f" Ada@Example.org ,yes,No,0,TRUE,2024-02-01T12:00:00+02:00,{BCRYPT}\n"
    )
    at = datetime(2024, 2, 1, 10, tzinfo=UTC)
    assert full == Person(2, "Ada@Example.org", "ada@example.org", True, False, False, True, at, BCRYPT)
    assert one('{"email": "ada@example.org", "admin": true, "created_at": "2024-02-01"}').admin is True


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbfemail,admin\r\nada@example.org,yes\r\ngrace@example.org,no\r\n",
        b'email,admin\n\n"ada@example.org\n",yes\n,\ngrace@example.org,',
        b"Admin, EMAIL \nyes,ada@example.org\nno,'grace@example.org"[:-18] + b"grace@example.org",
        b'\xef\xbb\xbf{"email": "ada@example.org"}\r\n\r\n{"email": "grace@example.org", "admin": null}',
    ],
)
def test_a_file_is_read_however_it_was_saved(text: bytes) -> None:
    assert emails(text) == ["ada@example.org", "grace@example.org"]
    assert refused(text) == []


def test_a_line_that_cannot_be_read_costs_that_line_alone() -> None:
    text = (
        b"email,admin\n"
        b"a@example.org,yes\n"
        b"caf\xe9@example.org,no\n"
        b'"b@example.org,no\n'
        b"c@example.org\n"
        b'"d"@example.org,no\n'
        b"e@example.org," + b"x" * LONGEST + b"\n"
        b"f@example.org,yes\n"
        b'"g@example.org\n'
    )
    assert emails(text) == ["a@example.org", "f@example.org"]
    reasons = dict(refused(text))
    assert list(reasons) == [3, 4, 5, 6, 7, 9]
    assert "UTF-8" in reasons[3]
    amid = 'is closed amid its value. Close it at the end of its value, and write "" for one inside.'
    assert reasons[4] == f"The quotation mark that opens at character 1 of line 4 {amid}"
    assert "1 value, and the first line 2 names" in reasons[5]
    assert reasons[6] == f"The quotation mark that opens at character 1 of line 6 {amid}"
    assert "longer than" in reasons[7]
    assert reasons[9].startswith("The quotation mark that opens at character 1 of line 9 is not closed. Close it")


def test_an_open_quotation_mark_swallows_nobody() -> None:
    many = "".join(f"{n}@example.org\n" for n in range(3 * MOST_LINES))
    assert len(emails(f'email\n"open@example.org\n{many}')) == 3 * MOST_LINES
    ((line, reason),) = refused(f'email\n"open@example.org\n{many}')
    assert line == 2
    assert reason.startswith("The quotation mark that opens at character 1 of line 2 is not closed. Close it")


def test_the_quotation_mark_that_is_left_open_is_told_by_its_place() -> None:
    text = 'email,admin\na@example.org,no\n"5"" b@example.org","first\nsecond","third\nfourth\n'
    assert "opens at character 9 of line 4 is not closed" in dict(refused(text))[3]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "no JSON"),
        ("[" * 5000, "no JSON"),
        ("[1]", "no JSON object"),
        ('{"email": 7}', "no e-mail"),
        ('{"email": "\\ud800@example.org"}', "cannot be seen"),
        ('{"email": "ada@example.org", "name": "Ada"}', "no column name"),
        ('{"email": "ada@example.org", "admin": "perhaps"}', "Write yes or no"),
        ('{"email": "ada@example.org", "admin": 2}', "Write yes or no"),
        ('{"email": "ada@example.org", "created_at": "01/02/2024"}', "Write it as"),
        ('{"email": "ada@example.org", "created_at": "0001-01-01T00:00:00+14:00"}', "Write it as"),
        ('{"email": "ada@example.org", "created_at": "1066-10-14"}', "long gone"),
        ('{"email": "ada@example.org", "created_at": "2999-01-01"}', "to come"),
        ('{"email": "ada@example.org", "password_hash": "hunter2"}', "not bcrypt's"),
        ('{"email": "nobody"}', "does not look like"),
    ],
)
def test_what_is_wrong_is_told(line: str, reason: str) -> None:
    (told,) = refused('{"email": "first@example.org"}\n' + line)
    assert told[0] == 2
    assert reason in told[1]
    assert "hunter2" not in told[1]


def test_nobody_stands_there_twice_however_they_are_spelt() -> None:
    (told,) = refused("email\nada@example.org\ngrace@example.org\nADA@Example.org\n")
    assert told == (4, "It stands in line 2 already. Take one of the two out.")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty"),
        ("name\nAda\n", "no column `email`"),
        ("email;admin\nada@example.org;yes\n", "Divide them by commas"),
        ("email,Email\na,b\n", "twice"),
        ("email,name\nada@example.org,Ada\n", "no column name"),
        ('"email\n', "cannot be read"),
        ("\ufeff".encode("utf-16-le") + "email\n".encode("utf-16-le"), "cannot be read"),
    ],
)
def test_what_is_no_roll_is_told_before_anything(text: str | bytes, sentence: str) -> None:
    with pytest.raises(Declined, match=sentence):
        read(text)


def test_columns_that_are_not_known_can_be_left_out() -> None:
    assert len(read("email,name\nada@example.org,Ada\n", skipping=True)) == 1
    assert len(read('{"email": "ada@example.org", "name": {"first": "Ada"}}', skipping=True)) == 1


@given(st.text())
@example("=1")
@example("'=1")
@example("'")
def test_what_is_kept_from_a_spreadsheet_comes_back(cell: str) -> None:
    assert uncovered(covered(cell)) == cell
    assert not covered(cell).startswith(("=", "+", "-", "@", "\t", "\r"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300) | st.text().map(str.encode))
def test_whatever_is_in_a_file_no_row_is_lost_or_told_twice(content: bytes) -> None:
    rows = read(b"email,admin\n" + content + b"\nlast@example.org,no\n")
    lines = [row.line for row in rows]
    assert lines == sorted(set(lines))
    for text in (b'{"email": "a@example.org"}\n' + content, content):
        try:
            read(text)
        except Declined:
            assert not text.lstrip().startswith(b"{")


@pytest.mark.parametrize("version", ["2a", "2b", "2y"])
def test_a_hash_from_elsewhere_is_kept_as_our_bcrypt_reads_it(app: Flask, version: str) -> None:
    bare = password.bcrypt.generate_password_hash("correct horse", 4).decode()
    foreign = bare.replace("$2b$", f"${version}$")
    # Bits that do not count, as some set them.
    letters = password.BASE64
    for place, spare in ((28, 15), (59, 3)):
        odd = foreign[:place] + letters[letters.index(foreign[place]) | spare] + foreign[place + 1 :]
        assert password.adopted(odd) == foreign
        assert password.matches("correct horse", password.adopted(odd))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not bcrypt's"),
        ("$2x$04$" + BCRYPT[7:], "not bcrypt's"),
        ("$2b$03$" + BCRYPT[7:], "not bcrypt's"),
        ("$2b$32$" + BCRYPT[7:], "not bcrypt's"),
        (BCRYPT + "a", "not bcrypt's"),
        (BCRYPT[:-1] + "\n", "not bcrypt's"),
        ("bcrypt_sha256$" + BCRYPT, "not bcrypt's"),
        ("$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA", "not bcrypt's"),
        ("$2b$31$" + BCRYPT[7:], "costs 31, more than this site's 4"),
        ("hs384.00000000" + BCRYPT.replace("2y", "2b"), "of another site"),
    ],
)
def test_what_nobody_could_sign_in_with_is_not_taken(text: str, reason: str) -> None:
    with pytest.raises(NotAccepted, match=reason.replace("$", r"\$")):
        password.adopted(text)


def test_the_columns_are_those_of_a_person() -> None:
    assert [name if name != "kept" else "password_hash" for name in Person._fields if name not in ("line", "key")] == [
        *COLUMNS
    ]
