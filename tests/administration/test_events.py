"""The record, as an administrator reads it in a browser."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from netflix.events import event
from netflix.events.event import Kind
from netflix.extensions import db
from netflix.signin import access
from tests.people import MALLORY, Browser
from tests.test_speed_counts import cost

PAGE = "/admin/events"


def kinds(page: str) -> list[str]:
    return re.findall(r"<p><strong>(\w+)</strong>", page)


@pytest.fixture
def record(app: Flask, office: Browser, ada: str) -> Browser:
    """Grace came and signed in, Ada came, Mallory guessed, and twice at an e-mail that nobody has."""
    for email in (ada, "nobody@example.org", "nobody@example.org"):
        Browser(app, MALLORY).sign_in(email, "a wrong guess")
    return office


def test_all_of_it_stands_there_the_newest_first(record: Browser) -> None:
    page = record.get(PAGE).text
    assert kinds(page) == [
        "authn_login_fail",
        "authn_login_fail",
        "authn_login_fail",
        "user_created",
        "authn_login_success",
        "user_created",
    ]
    assert 'href="/admin/users/2">ada@example.org' in page
    assert "by stranger" in page
    assert "nobody@" not in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("user=ada@example.org", 2),
        ("user=2", 2),
        ("user=77", 0),
        (f"address={MALLORY}", 3),
        ("kind=user_created", 2),
        ("kind=user_created&user=1", 1),
        ("kind=nonsense", 6),
        ("since=1h", 6),
        ("since=nonsense", 6),
        ("before=3", 2),
    ],
)
def test_it_is_chosen_by_whom_where_what_and_when(record: Browser, query: str, found: int) -> None:
    assert len(kinds(record.get(f"{PAGE}?{query}").text)) == found


def test_since_is_counted_back_from_now(record: Browser, later: Callable[[timedelta], None]) -> None:
    later(timedelta(hours=2))
    assert kinds(record.get(f"{PAGE}?since=1h").text) == []
    assert len(kinds(record.get(f"{PAGE}?since=24h").text)) == 6


def test_an_e_mail_that_nobody_has_is_said_to_be(record: Browser) -> None:
    answer = record.get(f"{PAGE}?user=nobody@example.org")
    assert answer.status_code == 422
    assert "There is no user with this e-mail" in answer.text


def test_an_address_that_is_none_is_said_to_be(record: Browser) -> None:
    answer = record.get(f"{PAGE}?address=nonsense")
    assert answer.status_code == 422
    assert "That is no address." in answer.text


def test_both_are_said_at_once(record: Browser) -> None:
    page = record.get(f"{PAGE}?user=nobody@example.org&address=nonsense").text
    assert 'aria-describedby="user-error"' in page
    assert 'aria-describedby="address-error"' in page


def test_a_million_are_read_a_page_at_a_time_with_what_was_chosen(app: Flask, office: Browser) -> None:
    with app.app_context():
        for number in range(120):
            event.record(Kind.SIGN_IN_FAILED, number % 2 + 1, MALLORY, event.STRANGER)
        db.session.commit()
    path, seen = f"{PAGE}?user=1&kind=authn_login_fail", []
    while path:
        page = office.get(path).text
        assert set(kinds(page)) == {"authn_login_fail"}
        seen += re.findall(r"no\. (\d+)", page)
        link = re.search(r'href="([^"]+)">Older', page)
        path = link[1].replace("&amp;", "&") if link else ""
    assert len(seen) == len(set(seen)) == 60
    assert seen == sorted(seen, key=int, reverse=True)


def test_a_page_is_two_statements_and_one_more_to_find_whose(app: Flask, record: Browser) -> None:
    assert cost(app, lambda: record.get(PAGE)) == (2, 0, 0)
    assert cost(app, lambda: record.get(f"{PAGE}?user=2&since=7d")) == (2, 0, 0)
    assert cost(app, lambda: record.get(f"{PAGE}?user=ada@example.org")) == (3, 0, 0)


def test_of_who_is_deleted_the_number_stays_and_not_the_person(app: Flask, record: Browser, ada: str) -> None:
    with app.app_context():
        access.remove(ada)
    page = record.get(PAGE).text
    assert "user 2, deleted" in page
    assert ada not in page


def test_what_a_browser_calls_itself_stays_text(app: Flask, record: Browser, ada: str) -> None:
    Browser(app, agent="<b>Firefox").sign_in(ada)
    assert "<b>" not in record.get(PAGE).text
