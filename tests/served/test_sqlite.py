"""SQLite as the site sets it up, and under several writers."""

from concurrent.futures import ThreadPoolExecutor

from flask import Flask
from sqlalchemy import text

from netflix.extensions import db
from tests.served.site import Site


def test_readers_do_not_wait_and_foreign_keys_hold(app: Flask) -> None:
    with app.app_context():
        found = {
            pragma: db.session.scalar(text(f"PRAGMA {pragma}"))
            for pragma in ("journal_mode", "foreign_keys", "busy_timeout", "synchronous")
        }
    assert found == {"journal_mode": "wal", "foreign_keys": 1, "busy_timeout": 5000, "synchronous": 1}


def test_many_who_write_at_once_in_two_processes_all_succeed(site: Site) -> None:
    def live(number: int) -> list[int]:
        person = site.visitor(f"127.0.10.{number}")
        email = f"writer{number}@example.org"
        return [
            person.register(email).status,
            *(person.twin().sign_in(email).status for _ in range(4)),
            person.sign_in(email).status,
            person.sign_out().status,
        ]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(live, range(1, 25)))
    assert found == [[303] * 7] * 24


def test_of_several_who_register_one_email_at_once_one_has_it_and_none_is_told(site: Site) -> None:
    visitors = [site.visitor(f"127.0.11.{n}") for n in range(1, 6)]
    with ThreadPoolExecutor(5) as pool:
        found = list(pool.map(lambda one: one.register("race@example.org", f"seat {one.address}").status, visitors))
    assert found == [303] * 5
    entered = [visitor.sign_in("race@example.org", f"seat {visitor.address}").status for visitor in visitors]
    assert sorted(entered) == [303] + [401] * 4
