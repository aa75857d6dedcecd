"""A copy of one's data."""

import json
import tracemalloc
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from flask import Flask
from sqlalchemy import insert

from netflix import clock
from netflix.accounts.user import User
from netflix.events import event
from netflix.events.actor import Actor
from netflix.events.event import Event, Wanted
from netflix.extensions import db
from netflix.factors.passkey import Passkey
from netflix.own import export
from netflix.signin import access
from netflix.signin.session import CurrentSession
from tests.people import MALLORY, PASSWORD, Browser

PAGE = "/account/export"
# The shape of the copy: a name is added freely, and none is taken away or means something else.
SHAPE: dict[str, Any] = {
    "made_at": str,
    "site": str,
    "profile": {
        "number": int,
        "email": str,
        "role": str,
        "has_password": bool,
        "has_two_steps": bool,
        "member_since": str,
        "last_sign_in_at": str,
    },
    "browsers": [
        {
            "browser": str,
            "user_agent": str,
            "address": str,
            "signed_in_at": str,
            "last_seen_at": str,
            "ends_at": str,
            "stays_signed_in": bool,
            "this_one": bool,
        }
    ],
    "passkeys": [],
    "known_browsers": [{"browser": str, "user_agent": str, "address": str, "first_seen_at": str, "last_seen_at": str}],
    "events": [{"number": int, "at": str, "kind": str, "told": str, "address": str, "detail": dict}],
}


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: dict if name == "detail" else shape(one) for name, one in value.items()}
    return [shape(one) for one in value[:1]] if isinstance(value, list) else type(value)


def copy(browser: Browser) -> dict[str, Any]:
    answer = browser.post(PAGE, page=PAGE)
    assert answer.status_code == 200
    return json.loads(answer.text)  # type: ignore[no-any-return]


@pytest.fixture
def home(browser: Browser, ada: str) -> Browser:
    browser.sign_in(ada)
    return browser


def test_it_has_the_documented_shape(home: Browser) -> None:
    assert shape(copy(home)) == SHAPE


def test_it_tells_all_that_is_theirs(app: Flask, home: Browser, ada: str) -> None:
    Browser(app, MALLORY).sign_in(ada, "a wrong guess")
    Browser(app, "192.0.2.20").sign_in(ada, remember="y")
    told = copy(home)
    assert told["profile"]["email"] == ada
    assert [(one["address"], one["stays_signed_in"], one["this_one"]) for one in told["browsers"]] == [
        ("192.0.2.20", True, False),
        ("192.0.2.10", False, True),
    ]
    assert [one["kind"] for one in told["events"]] == [
        "user_created",
        "authn_login_success",
        "authn_login_fail",
        "authn_login_success",
        "sensitive_read",
    ]
    assert told["events"][2]["address"] == MALLORY


def test_it_comes_as_a_file_that_nobody_keeps(home: Browser) -> None:
    answer = home.post(PAGE, page=PAGE)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="netflix-account.json"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.mimetype == "application/json"


def test_no_secret_is_in_it(app: Flask, home: Browser, ada: str) -> None:
    told = json.dumps(copy(home))
    with app.app_context():
        kept = User.named(ada).password_hash or ""
    assert kept.rpartition("$")[2] not in told
    assert PASSWORD not in told
    assert "digest" not in told
    assert "hash" not in told


def test_another_s_is_not_in_it_nor_where_an_administrator_was(app: Flask, home: Browser, ada: str, grace: str) -> None:
    with app.app_context():
        access.disable(ada)
        access.enable(ada, Actor(2, "203.0.113.77"))
    home.sign_in(ada)
    told = json.dumps(copy(home))
    assert "An administrator let you in again." in told
    assert "203.0.113.77" not in told
    assert grace not in told
    assert "203.0.113.77" not in home.get("/activity").text


def test_passkeys_are_told_by_name_and_never_by_key(app: Flask, home: Browser) -> None:
    key = {"credential_id": b"public id", "handle": b"a handle", "public_key": b"public key", "sign_count": 0}
    with app.app_context():
        db.session.add(
            Passkey(user_id=1, name="My phone", created_at=clock.now(), backed_up=True, transports="", **key)
        )
        db.session.commit()
    assert shape(copy(home)["passkeys"]) == [{"name": str, "added_at": str, "last_used_at": type(None)}]


def test_a_get_gives_the_page_alone(home: Browser) -> None:
    assert "application/json" not in home.get(PAGE).headers["Content-Type"]
    assert home.client.post(PAGE, environ_base=home.environ).status_code == 400


def test_it_is_for_who_is_signed_in(browser: Browser) -> None:
    assert browser.get(PAGE).location == "/login?next=%2Faccount%2Fexport"


def test_it_needs_a_fresh_proof(home: Browser, later: Callable[[timedelta], None]) -> None:
    later(timedelta(minutes=11))
    assert home.post(PAGE, page=PAGE).location == "/prove?next=%2Faccount%2Fexport"


def test_ten_an_hour_are_enough(home: Browser) -> None:
    assert [home.post(PAGE, page=PAGE).status_code for _ in range(11)] == [200] * 10 + [429]


def test_a_hundred_thousand_events_take_no_memory(app: Flask, home: Browser, ada: str) -> None:
    with app.app_context():
        (first, *_) = event.latest(Wanted(), 1)
        values = {column.key: getattr(first, column.key) for column in Event.__table__.columns}
        db.session.execute(insert(Event), [values | {"id": 1000 + number} for number in range(20_000)])
        db.session.commit()
        who = cast(CurrentSession, SimpleNamespace(id=1, user_id=1, email=ada))
        tracemalloc.start()
        parts = list(export.read(export.exported(who, "192.0.2.10")))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert len(json.loads(b"".join(parts))["events"]) > 20_000
    assert peak < 12_000_000
