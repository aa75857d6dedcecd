"""What a purge does to the database, and to those who use it meanwhile."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest
from flask import Flask

from netflix import clock
from netflix.accounts import invitation
from netflix.accounts.asked import Asked
from netflix.accounts.one_time_link import Purpose
from netflix.accounts.registration import create
from netflix.bans import ban
from netflix.errors import Declined
from netflix.events import ageing, event, verification
from netflix.events.chain import ChainStart
from netflix.events.event import Event, Kind
from netflix.extensions import db
from netflix.factors.challenge import UsedChallenge
from netflix.mail import outbox
from netflix.upkeep import expiry
from netflix.upkeep.expiry import Pace
from tests import history
from tests.conftest import Build
from tests.people import PASSWORD, Browser, link_for
from tests.watching import statements


def a_year_ago() -> datetime:
    return clock.now() - timedelta(days=365)


@pytest.fixture
def old(build: Build, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """A site that has one of everything that ages, two years later."""
    app = build(purge_unverified=True)
    with app.app_context():
        for name in ("ada", "max", "zoe"):
            create(f"{name}@example.org", PASSWORD)
    Browser(app).sign_in("ada@example.org")
    with app.app_context():
        link_for("ada@example.org")
        invitation.invite(1, timedelta(days=1), "for Grace")
        Asked.add(Purpose.RECOVER, "ada@example.org", "192.0.2.10")
        db.session.add(UsedChallenge(digest=bytes(32), expires_at=datetime.now(UTC)))
        outbox.post("ada@example.org", "test")
        ban.add(ip_network("203.0.113.0/24"), until=datetime.now(UTC) + timedelta(days=1))
        ban.add(ip_network("198.51.100.0/24"))
        ban.revoke(ip_network("198.51.100.0/24"))
        db.session.flush()
        db.session.execute(db.text("UPDATE mail SET due_at = NULL"))
        db.session.execute(db.text("UPDATE user SET verified_at = NULL WHERE email LIKE 'max%'"))
        db.session.execute(db.text("UPDATE user SET deleting_at = created_at WHERE email LIKE 'zoe%'"))
        db.session.commit()
    monkeypatch.setattr("netflix.clock.now", lambda: datetime.now(UTC) + timedelta(days=730))
    return app


ALL = {
    "expired session": 1,
    "forgotten browser": 1,
    "expired link": 2,
    "unanswered request": 1,
    "used challenge": 1,
    "ended ban": 2,
    "unsent mail": 1,
    "unconfirmed account": 1,
    "given-up account": 1,
}


def test_everything_that_ages_goes_and_is_counted_before(old: Flask) -> None:
    with old.app_context():
        found = expiry.expired(a_year_ago())
        assert found == expiry.purge(events_before=a_year_ago())
        assert {noun: count for noun, count in found.items() if noun != "old event"} == ALL
        assert found["old event"] > 3
        assert expiry.purge(events_before=a_year_ago()) == {}
        assert list(verification.faults()) == []


def test_no_delete_looks_through_a_table(old: Flask) -> None:
    with statements(old) as seen, old.app_context():
        expiry.purge(events_before=a_year_ago())
        deletes = [one for one in seen if one.startswith("DELETE")]
        plans = [
            str(row) for one in deletes for row in db.session.connection().exec_driver_sql("EXPLAIN QUERY PLAN " + one)
        ]
    assert len(deletes) > len(ALL)
    assert not [plan for plan in plans if "SCAN" in plan]


def test_a_turn_is_sized_by_the_time_that_the_last_one_took(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    pace = Pace(most=1000)
    pace.aim = 0.01
    sizes = []
    for cost in [0.00005] * 8 + [0.0005, 0.00005, 0.00005] + [0.1] * 3:
        sizes.append(pace.size)
        with pace.turn():
            now += cost * pace.size
    assert sizes[:5] == pytest.approx([25, 50, 100, 200, 200], rel=0.02)
    assert sizes[8:11] == pytest.approx([200, 50, 100], rel=0.02)
    assert sizes[-1] == 25
    assert pace.longest > 1


def test_it_begins_small_with_each_kind_and_never_goes_over_what_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    pace = Pace(most=30)
    for _ in range(3):
        with pace.turn():
            assert pace.size <= 30
    pace.begin()
    assert pace.size == 25


@pytest.fixture
def purged(app: Flask) -> Flask:
    """A site of ten events, of which the first five were purged."""
    with app.app_context():
        history.write(5, days_ago=730)
        history.write(5)
        expiry.purge(events_before=a_year_ago())
    return app


def before_the_rest() -> None:
    """As if the purge had gone further."""
    digest = db.session.scalar(db.select(Event.digest).where(Event.id == 7))
    db.session.execute(db.delete(Event).where(Event.id <= 7))
    db.session.execute(db.update(ChainStart).values(number=7, digest=digest))


def brought_back() -> None:
    copied = {column.key: getattr(db.session.get(Event, 6), column.key) for column in Event.__table__.columns}
    db.session.execute(db.insert(Event).values(copied | {"id": 5}))


TAMPERING = {
    "more is removed": (
        lambda: db.session.execute(db.delete(Event).where(Event.id <= 7)),
        ["Events 6 to 7 are missing."],
    ),
    "more is removed as if by a purge": (
        before_the_rest,
        ["What says where the record starts is not what was written.", "Events 1 to 7 are missing."],
    ),
    "the purge is denied": (
        lambda: db.session.execute(db.delete(ChainStart)),
        ["What says where the record starts is not what was written.", "Events 1 to 5 are missing."],
    ),
    "one is brought back": (brought_back, ["Event 5 was purged, and is there again."]),
}


@pytest.mark.parametrize("how", TAMPERING)
def test_a_removal_that_was_no_purge_is_still_found(purged: Flask, how: str) -> None:
    tamper, told = TAMPERING[how]
    with purged.app_context():
        assert list(verification.faults()) == []
        tamper()
        db.session.commit()
        found = list(verification.faults())
        assert found[: len(told)] == told


def test_no_young_event_goes_in_the_name_of_one_that_was_made_old_for_a_while(app: Flask) -> None:
    """Whoever can write the table sets the time back again after the purge, and the rest would be found whole."""
    with app.app_context():
        for number in range(60):
            event.record(Kind.SIGN_IN_FAILED, number, "192.0.2.10")
        db.session.commit()
        at = db.session.scalar(db.select(Event.at).where(Event.id == 40))
        for made in (datetime(2020, 1, 1, tzinfo=UTC), at):
            db.session.execute(db.update(Event).where(Event.id == 40).values(at=made))
            db.session.commit()
            if made is not at:
                with pytest.raises(Declined, match="not whole at event 40"):
                    expiry.purge(Pace(most=10), events_before=a_year_ago())
        assert list(verification.faults()) == []
        assert db.session.scalar(db.select(db.func.min(Event.id))) == 1


def test_a_start_that_somebody_moved_is_not_sealed_anew(app: Flask) -> None:
    """Else a purge would make a removal good."""
    with app.app_context():
        history.write(9, days_ago=730)
        digest = db.session.scalar(db.select(Event.digest).where(Event.id == 4))
        db.session.execute(db.delete(Event).where(Event.id <= 4))
        db.session.execute(db.update(ChainStart).values(number=4, digest=digest))
        db.session.commit()
        with pytest.raises(Declined, match="not whole at event 5"):
            expiry.purge(events_before=a_year_ago())
        assert next(verification.faults()) == "What says where the record starts is not what was written."


def test_what_another_purge_took_away_in_the_last_moment_is_no_fault(
    purged: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ageing, "count", lambda through: 1)
    with purged.app_context():
        assert ageing.remove(5, datetime.now(UTC), 10, telling=True) == 0
        db.session.commit()
        assert list(verification.faults()) == []
        assert event.length() == 11


def test_the_last_events_alone_can_be_looked_at(purged: Flask) -> None:
    with purged.app_context():
        for latest in (1, 3, 100):
            assert list(verification.faults(latest)) == []
        db.session.execute(db.text("UPDATE event SET address = '203.0.113.1' WHERE id = 9"))
        db.session.commit()
        assert list(verification.faults(1)) == []
        assert list(verification.faults(3)) == ["Event 9 is not what was written."]


def test_what_is_written_and_purged_while_the_record_is_read_is_no_fault(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = event.following
    busy: list[Callable[[], None]] = [lambda: purge(), lambda: write(4), lambda: None, lambda: write(1)]

    def purge() -> None:
        with app.app_context():
            expiry.purge(events_before=a_year_ago())

    def write(count: int) -> None:
        with app.app_context():
            history.write(count)

    def following(wanted: event.Wanted, after: int = 0) -> Iterator[Event]:
        for count, row in enumerate(read(wanted, after)):
            yield row
            if count % 2 and busy:
                busy.pop(0)()

    with app.app_context():
        history.write(7, days_ago=730)
        monkeypatch.setattr(event, "BATCH", 2)
        monkeypatch.setattr(verification, "following", following)
        write(5)
        assert list(verification.faults()) == []
        assert not busy
        assert event.length() == 18
