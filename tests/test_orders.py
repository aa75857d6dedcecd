"""How a process that serves comes to know what was ordered at the terminal."""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from netflix import orders
from netflix.bans import ban
from netflix.bans.network import read
from netflix.extensions import db
from netflix.orders import OrderCount, Orders
from tests.people import Browser
from tests.watching import log, statements


@pytest.fixture
def told(app: Flask) -> list[int]:
    return []


@pytest.fixture
def known(app: Flask, told: list[int]) -> Iterator[Orders]:
    """Orders whose reader writes down after which it was asked to read."""
    with app.app_context():
        yield Orders(app, [told.append])
        db.session.remove()


def order() -> None:
    orders.number()
    db.session.commit()


def test_a_look_is_one_statement_and_nothing_is_read_unless_something_was_ordered(
    app: Flask, known: Orders, told: list[int]
) -> None:
    order()
    known.look()
    order()
    order()
    known.look()
    with statements(app) as asked:
        known.look()
    assert len(asked) == 1
    assert told == [0, 1]


def test_what_is_not_committed_is_not_known(known: Orders, told: list[int]) -> None:
    orders.number()
    db.session.rollback()
    known.look()
    assert told == []


def test_after_a_database_was_put_back_all_is_read_anew(known: Orders, told: list[int]) -> None:
    for _ in range(3):
        order()
    known.look()
    db.session.execute(db.update(OrderCount).values(count=1))
    db.session.commit()
    known.look()
    assert told == [0, 0]


def test_while_the_database_is_away_what_was_known_holds_and_that_is_said_once(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    known: Orders = app.extensions["netflix-orders"]
    with app.app_context():
        ban.add(read("192.0.2.10"))
    known._round()

    def away() -> list[int]:
        raise OperationalError("SELECT", None, Exception("it is away"))

    with monkeypatch.context() as patch, log() as written:
        patch.setattr(orders, "COUNT", away)
        known._round()
        known._round()
    assert written.getvalue().count("netflix.orders: the database failed") == 1
    assert Browser(app).get("/login").status_code == 403
    with app.app_context():
        ban.revoke(1)
    known._round()
    assert Browser(app).get("/login").status_code == 200
