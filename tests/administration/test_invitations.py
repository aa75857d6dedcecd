"""Invitations, as an administrator makes and revokes them in a browser."""

import re

import pytest
from flask import Flask

from netflix.accounts import invitation
from netflix.accounts.invitation import Invitation
from netflix.events import event
from netflix.events.event import Wanted
from netflix.extensions import db
from tests.people import PASSWORD, Browser
from tests.test_speed_counts import cost

PAGE = "/admin/invitations"
GOOD = {"uses": "2", "days": "3", "note": "For the grandparents"}


def made(app: Flask) -> list[Invitation]:
    with app.app_context():
        return Invitation.all()


def test_a_link_is_made_shown_once_and_lets_people_in(app: Flask, office: Browser) -> None:
    answer = office.post(PAGE, GOOD, page=PAGE)
    (path,) = re.findall(r"https?://[^/]+(/invitation/[\w-]{43})", answer.text)
    assert answer.status_code == 200
    page = office.get(PAGE).text
    assert path not in page
    assert "For the grandparents" in page
    assert "used 0 of 2" in page
    friend = Browser(app)
    assert friend.get(path).location == "/register"
    assert friend.register("friend@example.org", PASSWORD).status_code == 303
    (row,) = made(app)
    assert (row.expires_at - row.created_at).days in (2, 3)
    with app.app_context():
        told = next(one for one in event.following(Wanted(kinds=("authn_token_created",))))
        assert (told.by, told.address) == ("user:1", "192.0.2.10")


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("uses", "0"),
        ("uses", "-1"),
        ("uses", "many"),
        ("uses", "10001"),
        ("uses", "9" * 5000),
        ("uses", "1.5"),
        ("days", ""),
        ("days", "366"),
        ("note", "x" * 201),
        ("note", "a\0b"),
        ("note", "a\nb"),
    ],
)
def test_a_slip_stands_at_its_field_and_makes_nothing(app: Flask, office: Browser, field: str, typed: str) -> None:
    answer = office.post(PAGE, GOOD | {field: typed}, page=PAGE)
    assert answer.status_code == 422
    assert f'aria-describedby="{field}-error"' in answer.text
    assert made(app) == []


def test_one_that_is_used_up_tells_of_no_end_to_come(app: Flask, office: Browser) -> None:
    with app.app_context():
        carried = invitation.invite().rpartition("/")[2]
    assert "<br>Ends <time" in office.get(PAGE).text
    with app.app_context():
        invitation.use(carried)
        db.session.commit()
    page = office.get(PAGE).text
    assert "used 1 of 1</p>" in page
    assert "Used up" in page


def test_what_is_revoked_lets_nobody_in(app: Flask, office: Browser) -> None:
    with app.app_context():
        invitation.invite()
    answer = office.post(f"{PAGE}/1/revoke", page=PAGE, follow_redirects=True)
    assert "Nobody comes in by invitation 1" in answer.text
    assert not made(app)[0].is_open
    assert f"{PAGE}/1/revoke" not in answer.text
    assert office.post(f"{PAGE}/2/revoke", page=PAGE).status_code == 404


def test_the_latest_stand_first_a_page_at_a_time(app: Flask, office: Browser) -> None:
    with app.app_context():
        for number in range(60):
            invitation.invite(note=f"guest {number}")
    page = office.get(PAGE).text
    assert page.index("guest 59") < page.index("guest 58")
    assert "guest 9<" not in page
    older = re.search(r'href="([^"]+)">Older', page)
    assert older
    assert "guest 9<" in office.get(older[1]).text
    assert cost(app, lambda: office.get(PAGE)) == (2, 0, 0)


def test_a_note_stays_text(office: Browser) -> None:
    office.post(PAGE, GOOD | {"note": "<script>alert(1)</script>"}, page=PAGE)
    assert "<script>alert" not in office.get(PAGE).text
