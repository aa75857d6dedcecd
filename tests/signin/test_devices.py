"""A browser that is known to an account is counted in a lane of its own."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from redis import Redis

from netflix.accounts.user import User
from netflix.errors import NotFound
from netflix.events import event
from netflix.events.event import Wanted
from netflix.extensions import db
from netflix.signin import device
from netflix.signin.device import Device
from netflix.upkeep import expiry
from netflix.values import rates
from tests.conftest import KEY, Build
from tests.people import PASSWORD, Browser, Letters
from tests.test_speed_counts import cost

Later = Callable[[timedelta], None]
GUESS = "a wrong guess"


def flood(app: Flask, email: str, attempts: int = 12) -> None:
    """Strangers from everywhere use the account's lane up."""
    answers = [Browser(app, f"203.0.113.{n}").sign_in(email, GUESS).status_code for n in range(attempts)]
    assert answers[-1] == 429


def carried(browser: Browser, name: str = "devices") -> str:
    cookie = browser.client.get_cookie(name)
    return cookie.value if cookie else ""


def with_cookie(app: Flask, value: str, address: str = "198.51.100.7") -> Browser:
    browser = Browser(app, address)
    browser.client.set_cookie("devices", value)
    return browser


def test_a_flood_of_strangers_does_not_keep_the_owner_out_of_a_known_browser(
    app: Flask, known: Browser, ada: str
) -> None:
    flood(app, ada)
    assert Browser(app, "203.0.113.200").sign_in(ada).status_code == 429
    assert known.sign_in(ada).status_code == 303


def test_nor_does_one_from_the_owner_s_own_address(app: Flask, known: Browser, ada: str) -> None:
    for _ in range(6):
        Browser(app).sign_in("somebody@example.org", GUESS)
    assert Browser(app).sign_in(ada).status_code == 429
    assert known.sign_in(ada).status_code == 303


def test_a_known_browser_gets_five_guesses_in_a_minute_and_ten_in_an_hour(
    app: Flask, known: Browser, ada: str, later: Later
) -> None:
    assert [known.sign_in(ada, GUESS).status_code for _ in range(6)] == [401] * 5 + [429]
    later(timedelta(seconds=61))
    assert [known.sign_in(ada, GUESS).status_code for _ in range(6)] == [401] * 5 + [429]
    later(timedelta(seconds=61))
    assert known.sign_in(ada).status_code == 429
    later(timedelta(hours=1))
    assert known.sign_in(ada).status_code == 303


def test_its_guesses_keep_no_stranger_out(app: Flask, known: Browser, ada: str) -> None:
    """Such as the owner on a new browser."""
    for _ in range(6):
        known.sign_in(ada, GUESS)
    assert Browser(app, "203.0.113.1").sign_in(ada).status_code == 303


def test_it_is_known_to_this_account_alone(app: Flask, known: Browser, ada: str, grace: str) -> None:
    flood(app, grace)
    assert known.sign_in(grace).status_code == 429


def test_one_browser_may_be_known_to_several(app: Flask, known: Browser, ada: str, grace: str) -> None:
    known.sign_in(grace)
    known.sign_out()
    flood(app, ada)
    flood(app, grace)
    assert known.sign_in(grace).status_code == 303
    assert known.sign_in(ada).status_code == 303


def test_a_browser_never_seen_before_is_told_of_by_mail_and_the_first_is_not(
    app: Flask, known: Browser, ada: str, letters: Letters
) -> None:
    known.sign_in(ada)
    assert letters.to(ada) == []
    Browser(app, "203.0.113.9", "Mozilla/5.0 (iPhone) Safari/605").sign_in(ada)
    (told,) = letters.to(ada)
    assert "signed in with a browser that had not signed in before" in told
    assert "203.0.113.9" in told
    assert "Safari on iPhone" in told


def test_signing_in_again_makes_no_second_device(app: Flask, known: Browser, ada: str) -> None:
    before = carried(known)
    known.sign_in(ada)
    assert carried(known) == before
    with app.app_context():
        assert [row.browser for row in Device.of(User.named(ada).id)] == ["Firefox on Linux"]


@pytest.mark.parametrize(
    "change",
    [str.upper, lambda text: text[:-1] + ("1" if text[-1] == "0" else "0"), lambda text: "x" + text, lambda _: "~.~."],
)
def test_a_forged_cookie_is_a_stranger_s(app: Flask, known: Browser, ada: str, change: Callable[[str], str]) -> None:
    forged = change(carried(known))
    flood(app, ada)
    assert forged != carried(known)
    assert with_cookie(app, forged).sign_in(ada).status_code == 429


@pytest.mark.parametrize("value", ["", "~" * 5000, "é.é", "a.b~c", "\\udcff.x", "%00", ".", "x" * 900])
def test_garbage_in_the_cookie_hurts_nothing(app: Flask, ada: str, value: str) -> None:
    browser = Browser(app)
    token = browser.token()
    session = browser.client.get_cookie("session")
    assert session
    answer = app.test_client(use_cookies=False).post(
        "/login",
        data={"csrf_token": token, "email": ada, "password": PASSWORD},
        headers={"Cookie": f"devices={value.encode().decode('latin-1')}; session={session.value}"},
    )
    assert answer.status_code == 303


def test_a_known_browser_that_was_ended_is_a_stranger(app: Flask, known: Browser, ada: str, redis: Redis) -> None:
    cookie = carried(known)
    with app.app_context():
        assert device.end_devices(User.named(ada).id, "192.0.2.10") == 1
    flood(app, ada)
    assert with_cookie(app, cookie).sign_in(ada).status_code == 429
    assert redis.keys("*device*") == []


def test_an_ended_one_is_counted_as_a_stranger_and_nowhere_else(
    app: Flask, known: Browser, ada: str, redis: Redis
) -> None:
    with app.app_context():
        device.end_devices(User.named(ada).id, "192.0.2.10")
    assert known.sign_in(ada, GUESS).status_code == 401
    assert redis.keys("*device*") == []
    assert len(redis.keys("*:address:*")) == 2
    assert known.sign_in(ada).status_code == 303


def test_one_of_a_deleted_account_is_a_stranger_s(app: Flask, known: Browser, ada: str, redis: Redis) -> None:
    with app.app_context():
        db.session.delete(User.named(ada))
        db.session.commit()
    assert known.sign_in(ada).status_code == 401
    assert redis.keys("*device*") == []


def test_nobody_ends_another_s(app: Flask, known: Browser, ada: str, grace: str) -> None:
    with app.app_context():
        (row,) = Device.of(User.named(ada).id)
        with pytest.raises(NotFound):
            device.end_device(row.id, User.named(grace).id, "192.0.2.1")
        device.end_device(row.id, User.named(ada).id, "192.0.2.1")
        assert Device.of(User.named(ada).id) == []
        assert event.latest(Wanted(kinds=("authn_device_revoked",)), 9)[0].user_id == User.named(ada).id


LOVELACE = "lovelace@example.net"


def rename(app: Flask, email: str) -> None:
    """The e-mail was changed, by a link that another browser opened."""
    with app.app_context():
        user = User.named(email)
        user.email = user.email_key = LOVELACE
        db.session.commit()


def test_it_stays_known_when_the_e_mail_is_changed(app: Flask, known: Browser, ada: str, grace: str) -> None:
    for email in (grace, ada):
        known.sign_in(email)
    before = carried(known)
    rename(app, ada)
    assert cost(app, lambda: known.get("/dashboard")) == (3, 0, 0)
    assert cost(app, lambda: known.get("/dashboard")) == (2, 0, 0)
    assert len(carried(known)) == len(before)
    known.sign_out()
    flood(app, LOVELACE)
    assert known.sign_in(LOVELACE).status_code == 303
    flood(app, grace)
    assert known.sign_in(grace).status_code == 303


def test_and_counts_as_known_before_it_has_another_cookie(app: Flask, known: Browser, ada: str) -> None:
    known.sign_in(ada)
    token = known.token("/prove")
    rename(app, ada)
    flood(app, LOVELACE)
    sent = {"password": PASSWORD, "csrf_token": token}
    assert known.client.post("/prove", data=sent, environ_base=known.environ).status_code == 303


def test_one_that_is_known_no_more_gets_no_other_cookie(app: Flask, known: Browser, ada: str) -> None:
    known.sign_in(ada)
    with app.app_context():
        device.end_devices(User.named(ada).id)
    rename(app, ada)
    before = carried(known)
    known.get("/dashboard")
    assert carried(known) == before


def test_a_sign_in_as_somebody_else_is_not_written_over(app: Flask, known: Browser, ada: str, grace: str) -> None:
    known.sign_in(ada)
    token = known.token("/password")
    rename(app, ada)
    sent = {"email": grace, "password": PASSWORD, "csrf_token": token}
    assert known.client.post("/login", data=sent, environ_base=known.environ).status_code == 303
    known.sign_out()
    flood(app, grace)
    assert known.sign_in(grace).status_code == 303


def test_a_year_unseen_makes_a_stranger(app: Flask, known: Browser, ada: str, later: Later) -> None:
    later(timedelta(days=366))
    flood(app, ada)
    assert known.sign_in(ada).status_code == 429
    with app.app_context():
        expiry.purge()
        assert db.session.query(Device).count() == 0


def test_a_new_key_beside_the_old_one_makes_no_strangers(known: Browser, ada: str, build: Build) -> None:
    fresh = "another key of enough characters, and new"
    with build(secret_key=(fresh, KEY)).app_context():
        assert device.carried_in(carried(known), ada)
        renewed = device.cookie_with(carried(known), ada, device.carried_in(carried(known), ada))
    with build(secret_key=(fresh,)).app_context():
        assert not device.carried_in(carried(known), ada)
        assert device.carried_in(renewed, ada)


def test_an_account_has_so_many_known_browsers_and_no_more(app: Flask, ada: str) -> None:
    for _ in range(Device.MOST + 2):
        browser = Browser(app)
        browser.sign_in(ada)
    with app.app_context():
        assert len(Device.of(User.named(ada).id)) == Device.MOST
        told = event.latest(Wanted(kinds=("authn_device_revoked",)), 9)
    assert [row.details for row in told] == [{"reason": "too many", "devices": 1}] * 2
    assert "one of them is not any more" in browser.get("/activity").text


def test_the_cookie_names_nobody_and_stays_short(app: Flask, browser: Browser, ada: str, grace: str) -> None:
    for email in (ada, grace):
        browser.sign_in(email)
    assert re.fullmatch(r"([\w-]{43}\.[0-9a-f]{32}~?){2}", carried(browser))
    longest = "~".join(["x" * 43 + "." + "0" * 32] * device.MOST_IN_A_COOKIE)
    with app.app_context():
        assert len(device.cookie_with(longest, ada, "y" * 43)) <= len(longest) <= device.LONGEST_COOKIE


def test_changing_the_password_is_counted_in_the_known_browser_s_lane(app: Flask, browser: Browser, ada: str) -> None:
    """Or strangers would keep the owner from changing it."""
    browser.sign_in(ada)
    flood(app, ada)
    changed = {"current_password": PASSWORD, "password": "another seven lanterns"}
    assert browser.post("/password", changed, page="/password").status_code == 303


@pytest.mark.parametrize("email", ["ada@example.org", "nobody@example.org"])
def test_after_a_hundred_in_a_row_strangers_wait_for_a_right_one(
    app: Flask, known: Browser, ada: str, email: str, later: Later
) -> None:
    """NIST SP 800-63B-4, 3.2.2; the same for an e-mail that nobody has."""
    for _day in range(10):
        for n in range(10):
            assert Browser(app, f"203.0.113.{n}").sign_in(email, GUESS).status_code == 401
        later(timedelta(hours=2))
    refused = Browser(app, "203.0.113.77").sign_in(email)
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 28 * 86_400
    if email == ada:
        assert known.sign_in(ada).status_code == 303
        assert Browser(app, "203.0.113.77").sign_in(email).status_code == 303


def test_after_a_hundred_in_a_row_a_known_browser_waits_too(app: Flask, known: Browser, ada: str, later: Later) -> None:
    """And its owner gets in by another, or by this one without its cookies."""
    for _day in range(10):
        for _ in range(2):
            assert [known.sign_in(ada, GUESS).status_code for _ in range(5)] == [401] * 5
            later(timedelta(minutes=2))
        later(timedelta(hours=2))
    refused = known.sign_in(ada)
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 28 * 86_400
    assert Browser(app, "192.0.2.10").sign_in(ada).status_code == 303


def test_a_right_one_in_between_begins_a_new_row(known: Browser, ada: str, later: Later, redis: Redis) -> None:
    known.sign_in(ada, GUESS)
    assert known.sign_in(ada).status_code == 303
    assert not [name for name in redis.scan_iter() if b"in-a-row" in name]


def test_a_flood_of_the_whole_site_slows_strangers_alone(
    app: Flask, build: Build, known: Browser, ada: str, grace: str, later: Later
) -> None:
    site = build(site_limit=rates("7 per 5 minutes"))
    answers = [Browser(site, f"203.0.113.{n}").sign_in(f"{n}@x", GUESS).status_code for n in range(9)]
    assert answers == [401] * 7 + [429] * 2
    assert Browser(site, "198.51.100.9").sign_in(grace).status_code == 429
    assert with_cookie(site, carried(known)).sign_in(ada).status_code == 303
    later(timedelta(minutes=5, seconds=1))
    assert Browser(site, "198.51.100.9").sign_in(grace).status_code == 303


def test_a_right_one_uses_nothing_up(app: Flask, known: Browser, ada: str, redis: Redis) -> None:
    assert [known.sign_in(ada).status_code for _ in range(7)] == [303] * 7
    assert redis.dbsize() == 0
