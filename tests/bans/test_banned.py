"""What somebody from a banned network gets, and who does not."""

import random
import re
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from flask import Flask

from netflix import clock, orders
from netflix.bans import ban
from netflix.bans.network import read
from netflix.bans.table import Table
from netflix.errors import Declined, NotAccepted, NotFound
from netflix.events.event import Kind, Wanted, latest
from netflix.extensions import db
from netflix.headers import POLICY
from netflix.limits.address import UNKNOWN
from netflix.upkeep import expiry
from netflix.values import networks
from tests.conftest import Build
from tests.people import Browser
from tests.watching import hashes, round_trips, statements

OUT = "192.0.2.10"
Hold = Callable[[], None]


@pytest.fixture
def shut_out(app: Flask, orders_hold: Hold) -> Callable[..., None]:
    """`shut_out("192.0.2.0/24")`, known to the site at once."""

    def order(text: str, until: datetime | None = None, reason: str = "") -> None:
        with app.app_context():
            ban.add(read(text), until, reason)
        orders_hold()

    return order


@pytest.mark.parametrize(
    "path", ["/", "/login", "/dashboard", "/healthz", "/static/css/app.css", "/static/icons/icon.svg", "/nowhere"]
)
def test_nothing_is_let_through(browser: Browser, shut_out: Callable[..., None], path: str) -> None:
    shut_out("192.0.2.0/24")
    answer = browser.get(path)
    assert answer.status_code == 403
    assert "The network that you come from is shut out here." in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    with Browser(browser.client.application, "198.51.100.1").get(path) as other:
        assert other.status_code != 403


def test_no_method_goes_round_it(browser: Browser, shut_out: Callable[..., None]) -> None:
    shut_out(OUT)
    for method in ("post", "put", "delete", "options", "patch"):
        assert getattr(browser.client, method)("/login", environ_base=browser.environ).status_code == 403
    head = browser.client.head("/login", environ_base=browser.environ)
    assert (head.status_code, head.data) == (403, b"")


def test_it_costs_no_statement_no_round_trip_and_no_hash(
    app: Flask, browser: Browser, ada: str, shut_out: Callable[..., None]
) -> None:
    token = browser.token()
    shut_out(OUT)
    fields = {"csrf_token": token, "email": ada, "password": "a guess"}
    with statements(app) as asked, round_trips() as trips, hashes() as done:
        assert browser.client.post("/login", data=fields, environ_base=browser.environ).status_code == 403
    assert (asked, trips, done) == ([], [], [])


def test_who_is_signed_in_from_there_is_out_too_and_stays_signed_in(
    app: Flask, browser: Browser, ada: str, orders_hold: Hold, shut_out: Callable[..., None]
) -> None:
    browser.sign_in(ada)
    shut_out(OUT)
    assert browser.get("/dashboard").status_code == 403
    with app.app_context():
        ban.revoke(read(OUT))
    orders_hold()
    assert browser.get("/dashboard").status_code == 200


def test_it_ends_by_itself(browser: Browser, shut_out: Callable[..., None], later: Callable[[timedelta], None]) -> None:
    shut_out(OUT, clock.now() + timedelta(hours=1))
    assert browser.get("/login").status_code == 403
    later(timedelta(hours=1, seconds=1))
    assert browser.get("/login").status_code == 200


def test_when_it_ends_is_told_and_the_reason_is_not(browser: Browser, shut_out: Callable[..., None]) -> None:
    shut_out(OUT, datetime(2126, 3, 9, 17, 5, tzinfo=UTC), "guessed all night")
    page = browser.get("/login").text
    assert "shut out here until 9 Mar 2126, 17:05 UTC." in page
    assert "guessed" not in page


def test_of_two_that_cover_somebody_the_later_end_counts(browser: Browser, shut_out: Callable[..., None]) -> None:
    shut_out("192.0.2.0/24", datetime(2126, 3, 9, tzinfo=UTC))
    shut_out(OUT, datetime(2125, 3, 9, tzinfo=UTC))
    assert "until 9 Mar 2126" in browser.get("/login").text


@pytest.mark.parametrize(
    ("contact", "told"),
    [
        ("", "ask whoever runs this site, and"),
        (
            "ada&co@example.org",
            'write to <a href="mailto:ada&amp;co@example.org" rel="noreferrer">ada&amp;co@example.org</a>',
        ),
        ("https://example.org/?a=<b>", 'go to <a href="https://example.org/?a=&lt;b&gt;" rel="noreferrer">'),
    ],
)
def test_it_tells_whom_to_ask_and_what_to_say(build: Build, contact: str, told: str) -> None:
    site = build(contact=contact)
    with site.app_context():
        ban.add(read(OUT))
        site.extensions["netflix-orders"].look()
    page = Browser(site, OUT).get("/login").text
    assert told in page
    assert f"<strong>{OUT}</strong>" in page


def test_a_program_gets_problem_details(browser: Browser, shut_out: Callable[..., None]) -> None:
    shut_out(OUT)
    answer = browser.get("/dashboard", headers={"Accept": "application/json"})
    assert answer.mimetype == "application/problem+json"
    told = answer.get_json()
    assert told["status"] == 403
    assert told["detail"].endswith(f"ask whoever runs this site, and say that your address is {OUT}.")


def test_the_page_needs_no_other_file_and_its_policy_lets_none_in(
    browser: Browser, shut_out: Callable[..., None]
) -> None:
    shut_out(OUT)
    answer = browser.get("/login")
    (style,) = re.findall("<style>(.*?)</style>", answer.text, re.S)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    (policy,) = answer.headers.getlist(POLICY[0])
    assert f"style-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert not re.search(r"<script|<img|stylesheet", answer.text)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer.headers


def test_a_forged_header_neither_lets_in_nor_shuts_another_out(build: Build) -> None:
    site = build(trusted_proxies=networks("10.0.0.0/8"))
    with site.app_context():
        ban.add(read("203.0.113.7"))
        site.extensions["netflix-orders"].look()

    def status(peer: str, forwarded: str) -> int:
        return Browser(site, peer).get("/login", headers={"X-Forwarded-For": forwarded}).status_code

    assert status("10.0.0.1", "203.0.113.7") == 403
    assert status("10.0.0.1", "198.51.100.1, 203.0.113.7") == 403
    assert status("203.0.113.7", "198.51.100.1") == 403
    assert status("10.0.0.1", "::ffff:203.0.113.7") == 403
    assert status("10.0.0.1", "203.0.113.7, 198.51.100.1") == 200
    assert status("198.51.100.1", "203.0.113.7") == 200


def test_an_ipv6_address_stands_for_its_household_unless_it_is_written_otherwise(
    app: Flask, shut_out: Callable[..., None]
) -> None:
    shut_out("2001:db8::7")
    shut_out("2001:db8:1::7/128")
    found = {
        address: Browser(app, address).get("/login").status_code
        for address in ("2001:db8::99:1", "2001:db8:0:1::7", "2001:db8:1::7", "2001:db8:1::8")
    }
    assert list(found.values()) == [403, 200, 403, 200]


def test_somebody_without_an_address_is_not_shut_out(app: Flask, shut_out: Callable[..., None]) -> None:
    with app.app_context():
        ban.add(read("0.0.0.0/0"), despite=True)
        ban.add(read("::/0"), despite=True)
    shut_out("192.0.2.0/24")
    assert Browser(app, "203.0.113.1").get("/login").status_code == 403
    assert Browser(app, UNKNOWN).get("/login").status_code == 200


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("192.0.2.7", "192.0.2.7/32"),
        (" 192.0.2.0/24 ", "192.0.2.0/24"),
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("192.0.2.0/255.255.255.0", "192.0.2.0/24"),
        ("2001:DB8::7", "2001:db8::/64"),
        ("2001:db8::/48", "2001:db8::/48"),
        ("2001:db8::7/128", "2001:db8::7/128"),
    ],
)
def test_a_network_is_read_in_any_spelling(typed: str, meant: str) -> None:
    assert str(read(typed)) == meant


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("192.0.2.7/24", "the network is 192.0.2.0/24"),
        ("2001:db8::7/64", "the network is 2001:db8::/64"),
        ("192.0.2", "no address"),
        ("films.example.org", "no address"),
        ("", "no address"),
        ("192.0.2.0/33", "no address"),
        ("unknown", "no address"),
    ],
)
def test_what_is_none_is_said(typed: str, told: str) -> None:
    with pytest.raises(NotAccepted, match=told):
        read(typed)


@pytest.mark.parametrize("typed", ["10.0.0.1", "10.0.0.0/16", "0.0.0.0/0", "127.0.0.1", "::1/128", "::/0"])
def test_proxies_and_this_machine_are_not_shut_out_unasked(build: Build, typed: str) -> None:
    with build(trusted_proxies=networks("10.0.0.0/8")).app_context():
        with pytest.raises(Declined, match="--yes"):
            ban.add(read(typed))
        assert list(ban.Ban.all()) == []
        assert ban.add(read(typed), despite=True) is ban.Outcome.ADDED


def test_reading_what_changed_comes_to_the_same_as_reading_all(app: Flask, later: Callable[[timedelta], None]) -> None:
    drawn = random.Random(7)  # noqa: S311
    typed = ["192.0.2.7", "192.0.2.0/24", "192.0.2.0/25", "2001:db8::/48", "2001:db8::7", "2001:db8::7/128"]
    asked = ["192.0.2.7", "192.0.2.77", "192.0.2.200", "203.0.113.1", "2001:db8::7", "2001:db8::8", "2001:db8:0:9::1"]
    followed, last = Table(), 0
    with app.app_context():
        for _ in range(120):
            network = read(drawn.choice(typed))
            if drawn.random() < 0.4:
                with suppress(NotFound):
                    ban.revoke(network)
            else:
                lasts = drawn.choice([None, timedelta(minutes=3), timedelta(minutes=9)])
                ban.add(network, clock.now() + lasts if lasts else None)
            later(timedelta(seconds=40))
            if drawn.random() < 0.5:
                followed.read(last)
                last = next(iter(orders.COUNT()))
                fresh = Table()
                fresh.read(0)
                assert [followed.until(one) for one in asked] == [fresh.until(one) for one in asked]
        db.session.remove()


def test_each_order_is_an_event_that_names_who_gave_it(app: Flask) -> None:
    with app.app_context():
        ban.add(read("192.0.2.7"), reason="spam")
        ban.add(read("192.0.2.7"), reason="spam")
        ban.add(read("192.0.2.7"), datetime(2126, 1, 1, tzinfo=UTC))
        ban.revoke(1)
        rows = latest(Wanted(), 9)
        assert [row.kind for row in rows] == [Kind.BAN_REVOKED, Kind.BAN_RENEWED, Kind.BAN_ADDED]
        assert all(row.by.startswith("operator:") and row.details["network"] == "192.0.2.7/32" for row in rows)
        assert rows[2].details["reason"] == "spam"
        db.session.remove()


def test_many_are_let_in_by_one_order_and_each_is_an_event(app: Flask) -> None:
    with app.app_context():
        ban.add_all([read(f"192.0.2.{n}") for n in range(1, 5)])
        outcomes = ban.revoke_all([read("192.0.2.1"), 2, read("203.0.113.7"), read("192.0.2.2"), 4])
        assert [isinstance(one, NotFound) for one in outcomes] == [False, False, True, False, False]
        assert [row.network for row in ban.Ban.all()] == ["192.0.2.3/32"]
        rows = latest(Wanted(kinds=(Kind.BAN_REVOKED,)), 9)
        assert sorted(row.details["network"] for row in rows) == ["192.0.2.1/32", "192.0.2.2/32", "192.0.2.4/32"]
        assert len({one.order_number for one in outcomes if isinstance(one, ban.Ban)}) == 1
        db.session.remove()


def test_what_ended_long_ago_is_purged(app: Flask, later: Callable[[timedelta], None]) -> None:
    with app.app_context():
        for n, lasts in enumerate((None, timedelta(hours=1), timedelta(days=80)), 1):
            ban.add(read(f"192.0.2.{n}"), clock.now() + lasts if lasts else None)
        ban.add(read("192.0.2.4"))
        ban.revoke(4)
        later(timedelta(days=91))
        assert expiry.purge()["ended ban"] == 2
        assert [row.id for row in ban.Ban.all(ended_too=True)] == [3, 1]
        db.session.remove()


def test_what_is_not_banned_by_itself_is_told_by_what_it_is(app: Flask) -> None:
    with app.app_context():
        ban.add(read("192.0.2.0/24"))
        with pytest.raises(NotFound, match=r"bans revoke 192\.0\.2\.0/24"):
            ban.revoke(read("192.0.2.7"))
        with pytest.raises(NotFound, match="is not banned"):
            ban.revoke(read("203.0.113.7"))
        with pytest.raises(NotFound, match="There is no ban 99"):
            ban.revoke(99)
        ban.revoke(1)
        with pytest.raises(NotFound, match="ended already"):
            ban.revoke(1)
