"""What happens is written down, in order, and nobody changes it unseen."""

import os
import pwd
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network

import pytest
from flask import Flask
from sqlalchemy import delete, insert, text, update

from netflix.administration import listing
from netflix.events import event, verification
from netflix.events.actor import OPERATOR
from netflix.events.chain import NOTHING, ChainEnd
from netflix.events.event import Event, Kind, Wanted
from netflix.extensions import db
from netflix.signin import access
from tests.people import PASSWORD, Browser
from tests.watching import log


def test_whose_events_are_wanted_is_found_by_the_index(app: Flask) -> None:
    with app.app_context():
        for whose, is_sorted in (((7,), False), ((7, 8), True)):
            wanted = Wanted(user_ids=whose, addresses=("192.0.2.10", "192.0.2.11"))
            for rows in (wanted.select().order_by(Event.id.desc()), wanted.select().order_by(Event.id)):
                bare = rows.limit(50).compile(db.engine, compile_kwargs={"literal_binds": True})
                plan = " ".join(str(step) for step in db.session.execute(text(f"EXPLAIN QUERY PLAN {bare}")))
                assert "SEARCH event USING INDEX ix_event_user_id (user_id=?)" in plan
                assert ("TEMP B-TREE" in plan) == is_sorted


NETWORKS = {
    "203.0.113.0/24": ["203.0.113.9", "203.0.113.200"],
    "203.0.113.128/25": ["203.0.113.200"],
    "203.0.0.0/14": ["203.0.113.9", "203.0.113.200"],
    "0.0.0.0/0": ["203.0.113.9", "203.0.113.200", "20.30.113.9"],
    "2001:db8::/32": ["2001:db8::7", "2001:db8:0:1:2:3:4:5", "2001:db8:7::1"],
    "2001:db8:0:1::/64": ["2001:db8:0:1:2:3:4:5"],
    "2001:db8::/64": ["2001:db8::7"],
    "::/0": ["2001:db8::7", "2001:db8:0:1:2:3:4:5", "2001:db8:7::1", "2001:db80::1", "::1"],
}


@pytest.mark.parametrize("network", NETWORKS)
def test_what_came_from_a_network_is_found_however_its_addresses_are_written(app: Flask, network: str) -> None:
    with app.app_context():
        for address in (*NETWORKS["0.0.0.0/0"], *NETWORKS["::/0"], ""):
            event.record(Kind.SIGN_IN_FAILED, None, address)
        db.session.commit()
        wanted = Wanted(networks=(ip_network(network),))
        assert [row.event.address for row in listing.following(wanted)] == NETWORKS[network]
        latest = [row.event.address for row in listing.latest(wanted, 2)]
        assert latest == NETWORKS[network][::-1][:2]


def happened(app: Flask) -> list[tuple[str, int | None, str, str]]:
    with app.app_context():
        return [(row.kind, row.user_id, row.by, row.address) for row in event.following(Wanted())]


def test_a_visit_is_written_down(app: Flask, browser: Browser) -> None:
    browser.register("ada@example.org")
    browser.sign_in("ada@example.org", "a wrong guess")
    browser.sign_in("ada@example.org")
    browser.sign_out()
    assert happened(app) == [
        ("user_created", 1, "user:1", "192.0.2.10"),
        ("authn_login_fail", 1, "stranger", "192.0.2.10"),
        ("authn_login_success", 1, "user:1", "192.0.2.10"),
        ("session_expired", 1, "user:1", "192.0.2.10"),
    ]


def test_what_the_operator_does_is_the_operator_s(app: Flask, ada: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 0)
    monkeypatch.setenv("SUDO_USER", "olga")
    with app.app_context():
        access.disable(ada)
        access.enable(ada)
        access.promote(ada)
        access.reset_by_link(ada)
        access.set_password(ada, "another good password")
    assert [(kind, by) for kind, _, by, _ in happened(app)[1:]] == [
        ("user_updated", "operator:root (sudo by olga)"),
        ("user_updated", "operator:root (sudo by olga)"),
        ("privilege_permissions_changed", "operator:root (sudo by olga)"),
        ("authn_token_created", "operator:root (sudo by olga)"),
        ("authn_password_change", "operator:root (sudo by olga)"),
    ]


@pytest.mark.parametrize("number", [2**31 - 7, pwd.getpwall()[1].pw_uid])
def test_the_operator_is_who_the_system_says_whatever_the_environment_does(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: number)
    for name in ("SUDO_USER", "LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "mallory")
    assert OPERATOR.name in (f"operator:{number}", f"operator:{pwd.getpwall()[1].pw_name}")


def test_the_last_attempt_allowed_is_written_down_once(app: Flask, browser: Browser, ada: str) -> None:
    for _ in range(8):
        browser.sign_in(ada, "a wrong guess")
    kinds = [kind for kind, *_ in happened(app)]
    assert kinds.count("authn_login_fail") == 5
    assert kinds.count("excess_rate_limit_exceeded") == 1
    assert kinds[-1] == "excess_rate_limit_exceeded"


def test_of_an_unknown_email_only_a_digest_is_kept(app: Flask, browser: Browser) -> None:
    with log() as written:
        browser.sign_in("secret.lover@example.org", "a wrong guess")
    with app.app_context():
        (row,) = event.following(Wanted())
        assert set(row.details) == {"account"}
        assert len(row.details["account"]) == 12
    assert "authn_login_fail 192.0.2.10 " in written.getvalue()
    assert "lover" not in written.getvalue()


def test_what_did_not_happen_is_not_told(app: Flask, ada: str) -> None:
    with app.app_context(), log() as written:
        event.record(Kind.SIGNED_IN, 1, "192.0.2.10")
        db.session.rollback()
        event.record(Kind.SIGN_IN_FAILED, 1, "192.0.2.10")
        db.session.commit()
    assert "authn_login_success" not in written.getvalue()
    assert "authn_login_fail" in written.getvalue()
    assert [kind for kind, *_ in happened(app)] == ["user_created", "authn_login_fail"]


def test_those_who_write_at_once_write_one_chain(app: Flask) -> None:
    def write(number: int) -> None:
        with app.app_context():
            event.record(Kind.SIGN_IN_FAILED, number, "192.0.2.10")
            db.session.commit()

    with ThreadPoolExecutor(8) as crowd:
        list(crowd.map(write, range(40)))
    with app.app_context():
        assert event.length() == 40
        assert list(verification.faults()) == []


@pytest.fixture
def written(app: Flask) -> Flask:
    """A site in which five things happened."""
    with app.app_context():
        for number in range(1, 6):
            event.record(Kind.SIGN_IN_FAILED, number, "192.0.2.10")
        db.session.commit()
    return app


SEAL = "What says where the record ends is not what was written."


def cut_off() -> None:
    """As who may write every table, and has not the key."""
    last = db.session.get(Event, 3)
    assert last
    db.session.execute(delete(Event).where(Event.id > 3))
    db.session.execute(update(ChainEnd).values(length=3, digest=last.digest))


def forged() -> None:
    copied = db.session.get(Event, 5)
    assert copied
    values = {column.key: getattr(copied, column.key) for column in Event.__table__.columns}
    db.session.execute(insert(Event).values(values | {"id": 6}))
    db.session.execute(update(ChainEnd).values(length=6))


TAMPERING: dict[str, tuple[Callable[[], object], list[str]]] = {
    "changed": (
        lambda: db.session.execute(update(Event).where(Event.id == 3).values(address="203.0.113.1")),
        ["Event 3 is not what was written."],
    ),
    "removed": (lambda: db.session.execute(delete(Event).where(Event.id == 3)), ["Event 3 is missing."]),
    "removed, and the rest moved up": (
        lambda: (
            db.session.execute(delete(Event).where(Event.id == 3)),
            db.session.execute(text("UPDATE event SET id = id - 1 WHERE id > 3")),
        ),
        [
            "Event 3 is not what was written.",
            "Event 4 is not what was written.",
            "The record ends with event 4, and 5 were written.",
        ],
    ),
    "removed at the end": (
        lambda: db.session.execute(delete(Event).where(Event.id > 3)),
        ["The record ends with event 3, and 5 were written."],
    ),
    "removed at the end, and the end moved there": (cut_off, [SEAL]),
    "all removed, as if nothing had happened yet": (
        lambda: (
            db.session.execute(delete(Event)),
            db.session.execute(update(ChainEnd).values(length=0, digest=NOTHING, seal=NOTHING)),
        ),
        [SEAL],
    ),
    "its end thrown away": (
        lambda: db.session.execute(delete(ChainEnd)),
        ["The record ends with event 5, and 0 were written.", SEAL],
    ),
    "inserted": (forged, ["Event 6 is not what was written.", SEAL]),
    "exchanged": (
        lambda: db.session.execute(
            text("UPDATE event SET user_id = CASE id WHEN 2 THEN 4 ELSE 2 END WHERE id IN (2, 4)")
        ),
        ["Event 2 is not what was written.", "Event 4 is not what was written."],
    ),
    "thrown away": (
        lambda: db.session.execute(delete(Event)),
        ["The record ends with event 0, and 5 were written."],
    ),
}


@pytest.mark.parametrize("how", TAMPERING)
def test_tampering_is_found(written: Flask, how: str) -> None:
    tamper, told = TAMPERING[how]
    with written.app_context():
        assert list(verification.faults()) == []
        tamper()
        db.session.commit()
        assert list(verification.faults()) == told


def test_a_chain_of_another_key_is_not_ours(written: Flask, build: Callable[..., Flask]) -> None:
    with build(password_key="another key, also of more than 32 characters").app_context():
        assert len(list(verification.faults())) == 6


def test_a_password_never_stands_in_the_record(app: Flask, browser: Browser, ada: str) -> None:
    with log() as written:
        browser.sign_in(ada, "my quiet secret word")
        browser.sign_in(ada)
    with app.app_context():
        told = written.getvalue() + " ".join(row.detail for row in event.following(Wanted()))
    assert "secret word" not in told
    assert PASSWORD not in told
