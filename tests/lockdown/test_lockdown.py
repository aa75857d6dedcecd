"""While it is on only known browsers and second factors sign in, and nobody learns more than without it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from redis import Redis
from werkzeug.test import TestResponse

from netflix import clock
from netflix.accounts import invitation
from netflix.accounts.one_time_link import OneTimeLink, Purpose
from netflix.accounts.registration import create
from netflix.accounts.user import User
from netflix.errors import LockedDown
from netflix.events import story
from netflix.events.event import Event, Kind, Wanted, latest
from netflix.extensions import db
from netflix.lockdown import lockdown
from netflix.signin import access, device, signin
from netflix.signin.device import Device
from netflix.signin.visitor import Visitor
from tests.conftest import Build
from tests.factors.app import App, second, set_up
from tests.people import PASSWORD, Browser, Letters, link_for, links_in
from tests.signin.test_no_telling import ASKED, KNOWN, UNKNOWN, WIDE, answer, send, telling
from tests.test_speed_counts import cost, sending

REASON = "Somebody is trying <stolen> passwords"
SHOWN = "Somebody is trying &lt;stolen&gt; passwords."
Later = Callable[[timedelta], None]


@pytest.fixture
def lock(app: Flask, orders_hold: Callable[[], None]) -> Callable[..., None]:
    """`lock()`, or until a time."""

    def order(until: datetime | None = None) -> None:
        with app.app_context():
            lockdown.turn_on(REASON, until)
        orders_hold()

    return order


@pytest.fixture
def phone(app: Flask, grace: str, later: Later) -> App:
    """Grace's, with two-step sign-in on."""
    hers = Browser(app, "192.0.2.77")
    hers.sign_in(grace)
    found = set_up(hers)
    later(timedelta(minutes=1))
    return found


def stranger(app: Flask) -> Browser:
    return Browser(app, "198.51.100.7")


def test_a_known_browser_signs_in(known: Browser, ada: str, lock: Callable[..., None]) -> None:
    lock()
    assert known.sign_in(ada, "wrong").status_code == 401
    assert known.sign_in(ada).status_code == 303
    assert known.get("/dashboard").status_code == 200


def test_a_known_browser_of_somebody_else_is_a_stranger_s(
    app: Flask, known: Browser, lock: Callable[..., None]
) -> None:
    with app.app_context():
        create("eve@example.org", PASSWORD)
    lock()
    assert known.sign_in("eve@example.org").status_code == 403


def test_a_browser_that_a_mailed_link_let_in_is_a_stranger_s_and_its_owner_sees_it(
    app: Flask, known: Browser, ada: str, lock: Callable[..., None]
) -> None:
    """Whoever reads the mailbox makes as many as they like."""
    known.sign_in(ada)
    let_in = stranger(app)
    with app.app_context():
        link = OneTimeLink.issued(User.named(ada), Purpose.UNLOCK)
        db.session.commit()
    let_in.post("/confirm/unlock", page=f"/confirm/unlock/{link.token}")
    assert "Let in by a mailed link; nobody has signed in with it yet" in known.get("/account/browsers").text
    lock()
    assert let_in.sign_in(ada).status_code == 403


def test_another_browser_does_not_and_reads_why_and_until_when(app: Flask, ada: str, lock: Callable[..., None]) -> None:
    lock(datetime(2126, 3, 9, 17, 5, tzinfo=UTC))
    refused = stranger(app).sign_in(ada)
    assert refused.status_code == 403
    assert "Signing in is limited until 9 Mar 2126, 17:05 UTC." in refused.text
    assert refused.text.count(SHOWN) == 1
    assert f'value="{ada}"' in refused.text


def test_two_step_sign_in_comes_in_from_anywhere(app: Flask, grace: str, phone: App, lock: Callable[..., None]) -> None:
    lock()
    browser = stranger(app)
    assert browser.sign_in(grace, "wrong").status_code == 403
    assert browser.sign_in(grace).location.startswith("/login/second")
    assert second(browser, phone.code()).status_code == 303
    assert browser.get("/dashboard").status_code == 200


def test_who_is_signed_in_goes_on(browser: Browser, ada: str, lock: Callable[..., None]) -> None:
    browser.sign_in(ada)
    lock()
    assert browser.get("/dashboard").status_code == 200
    changed = browser.post(
        "/password", {"current_password": PASSWORD, "password": "eleven patient otters"}, page="/password"
    )
    assert changed.location == "/dashboard"


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_right_wrong_unknown_and_disabled_are_told_the_same(
    app: Flask, ada: str, grace: str, phone: App, lock: Callable[..., None], accept: str
) -> None:
    """Of a browser that is not known: only the right password of who has a second factor goes further."""
    with app.app_context():
        create("out@example.org", PASSWORD)
        access.disable("out@example.org")
    lock()
    tried = [(ada, PASSWORD), (ada, "wrong"), ("nobody@example.org", "wrong"), ("out@example.org", PASSWORD)]
    found = []
    for email, password in [*tried, (grace, "wrong")]:
        browser = stranger(app)
        browser.environ["HTTP_ACCEPT"] = accept
        refused = browser.sign_in(email, password)
        # The e-mail stands in it again, and is of another length.
        del refused.headers["Content-Length"]
        found.append(answer(refused, email))
    assert found[0][0] == 403
    assert found == [found[0]] * 5


def test_nor_does_the_time_tell_a_right_password(build: Build, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    site = build(bcrypt_rounds=6, login_limit=WIDE, account_limit=WIDE, site_limit=WIDE)
    with site.app_context():
        create(KNOWN, PASSWORD)
        lockdown.turn_on(REASON)
        site.extensions["netflix-orders"].look()

    def ask(browser: Browser, email: str, token: str) -> TestResponse:
        """Of one account the right password, or one of the same length."""
        password = PASSWORD if email == KNOWN else PASSWORD[::-1]
        refused = send(browser, "/login", token, email=KNOWN, password=password)
        assert refused.status_code == 403
        return refused

    monkeypatch.setitem(ASKED, "locked", (ask, "/login"))
    assert telling(site, redis, "locked", (KNOWN, UNKNOWN)) == set()


def test_a_right_password_that_is_kept_out_costs_and_counts_as_a_wrong_one(
    app: Flask, ada: str, lock: Callable[..., None]
) -> None:
    lock()
    browser = stranger(app)
    browser.sign_in(ada, "wrong")
    assert cost(app, sending(browser, ada, "wrong")) == cost(app, sending(browser, ada, PASSWORD)) == (4, 1, 1)
    browser.sign_in(ada)
    assert browser.sign_in(ada).status_code == 403
    assert browser.sign_in(ada).status_code == 429


def test_the_owner_is_told_that_somebody_who_knew_the_password_was_kept_out(
    app: Flask, ada: str, lock: Callable[..., None]
) -> None:
    lock()
    stranger(app).sign_in(ada)
    with app.app_context():
        (row,) = latest(Wanted(kinds=(str(Kind.SIGN_IN_FAILED),)), 5)
        assert story.told(row).startswith("Somebody who typed your password was kept out")


def test_no_way_to_open_a_session_by_the_password_alone_goes_round_it(
    app: Flask, ada: str, lock: Callable[..., None]
) -> None:
    lock()
    with app.app_context():
        with pytest.raises(LockedDown):
            signin.opened(User.named(ada), None, False, Visitor("198.51.100.7"))
        assert db.session.scalar(db.select(Device.id)) is None


def test_it_ends_by_itself(app: Flask, ada: str, lock: Callable[..., None], later: Later) -> None:
    lock(clock.now() + timedelta(hours=2))
    assert stranger(app).sign_in(ada).status_code == 403
    later(timedelta(hours=2, seconds=1))
    assert stranger(app).sign_in(ada).status_code == 303
    assert SHOWN not in stranger(app).get("/login").text
    with app.app_context():
        assert lockdown.Lockdown.present() is None
        assert lockdown.turn_off() is False


def test_and_when_it_is_turned_off(
    app: Flask, ada: str, lock: Callable[..., None], orders_hold: Callable[[], None]
) -> None:
    lock()
    with app.app_context():
        assert lockdown.turn_off() is True
    orders_hold()
    assert stranger(app).sign_in(ada).status_code == 303


def test_the_sign_in_page_shows_it_to_everybody_at_no_statement(
    app: Flask, browser: Browser, lock: Callable[..., None]
) -> None:
    assert SHOWN not in browser.get("/login").text
    lock()
    assert cost(app, lambda: browser.get("/login")) == (0, 0, 0)
    assert browser.get("/login").text.count(SHOWN) == 1
    assert browser.get("/login?next=/account").text.count(SHOWN) == 1


def test_so_does_the_page_that_asks_to_wait(app: Flask, ada: str, lock: Callable[..., None]) -> None:
    lock()
    browser = stranger(app)
    for _ in range(5):
        browser.sign_in(ada, "wrong")
    refused = browser.sign_in(ada, "wrong")
    assert refused.status_code == 429
    assert SHOWN in refused.text


@pytest.mark.parametrize("path", ["/register", "/recover", "/unlock"])
def test_what_makes_accounts_passwords_and_known_browsers_is_closed(
    app: Flask, browser: Browser, lock: Callable[..., None], path: str
) -> None:
    token = browser.token()
    lock()
    refused = browser.get(path)
    assert refused.status_code == 403
    assert SHOWN in refused.text
    fields = {"csrf_token": token, "email": "ada@example.org", "password": PASSWORD}
    assert browser.client.post(path, data=fields, environ_base=browser.environ).status_code == 403
    with app.app_context():
        assert User.everyone() == []
        assert db.session.scalar(db.text("SELECT count(*) FROM asked")) == 0


def test_an_invitation_waits(build: Callable[..., Flask], browser: Browser) -> None:
    site = build(registration="invite")
    guest = Browser(site)
    with site.app_context():
        path = invitation.invite().partition("5000")[2]
        lockdown.turn_on(REASON)
        site.extensions["netflix-orders"].look()
        assert guest.get(path, follow_redirects=True).status_code == 403
        lockdown.turn_off()
        site.extensions["netflix-orders"].look()
    assert guest.register("guest@example.org").status_code == 303


def test_a_mailed_link_waits_and_is_not_used_up(
    app: Flask, ada: str, lock: Callable[..., None], orders_hold: Callable[[], None]
) -> None:
    with app.app_context():
        path = link_for(ada)
    browser = stranger(app)
    page = browser.get(path, follow_redirects=True).text
    assert "password" in page
    token = browser.token("/recover/")
    lock()
    assert browser.get("/recover/").status_code == 403
    fields = {"csrf_token": token, "password": "eleven patient otters"}
    assert browser.client.post("/recover/", data=fields, environ_base=browser.environ).status_code == 403
    with app.app_context():
        lockdown.turn_off()
    orders_hold()
    assert browser.client.post("/recover/", data=fields, environ_base=browser.environ).status_code == 303


def test_a_link_that_makes_a_browser_known_waits_too(
    app: Flask, ada: str, letters: Letters, lock: Callable[..., None]
) -> None:
    browser = stranger(app)
    browser.post("/unlock", {"email": ada}, page="/unlock")
    (path,) = [one for text in letters.to(ada) for one in links_in(text) if "unlock" in one]
    lock()
    browser.get(path)
    assert browser.post("/confirm/unlock", page="/confirm/unlock").status_code == 403
    with app.app_context():
        assert Device.everywhere() == []


def test_so_does_one_by_which_an_account_is_taken_over(app: Flask, letters: Letters, lock: Callable[..., None]) -> None:
    browser = stranger(app)
    browser.register("new@example.org")
    link = links_in(letters.to("new@example.org")[0])[0]
    lock()
    assert browser.post("/confirm/verify/password", page=link).status_code == 403
    with app.app_context():
        assert User.named("new@example.org").has_password


@pytest.mark.parametrize("password", [PASSWORD, "another's"])
def test_so_does_one_that_confirms_an_e_mail_but_for_who_is_signed_in(
    app: Flask, browser: Browser, letters: Letters, lock: Callable[..., None], password: str
) -> None:
    browser.register("new@example.org")
    link = links_in(letters.to("new@example.org")[0])[0]
    browser.sign_in("new@example.org")
    lock()
    refused = stranger(app).post("/confirm/verify", {"password": password}, page=link)
    assert refused.status_code == 403
    assert SHOWN in refused.text
    assert browser.post("/confirm/verify", page=link).status_code == 303


def test_who_says_that_it_was_not_them_is_not_shut_out_by_it(
    app: Flask, browser: Browser, ada: str, lock: Callable[..., None]
) -> None:
    thief = stranger(app)
    thief.sign_in(ada)
    browser.sign_in(ada)
    before = browser.client.get_cookie("devices")
    lock()
    sent = {"current_password": PASSWORD, "password": "eleven patient otters"}
    assert browser.post("/account/alarm", sent, page="/account/alarm").status_code == 303
    assert browser.client.get_cookie("devices") != before
    assert thief.sign_in(ada, "eleven patient otters").status_code == 403
    assert browser.sign_in(ada, "eleven patient otters").status_code == 303


def test_nor_by_a_link_that_opens_nothing_meanwhile(
    app: Flask, browser: Browser, ada: str, letters: Letters, lock: Callable[..., None]
) -> None:
    browser.sign_in(ada)
    lock()
    refused = browser.post("/account/alarm/mail", page="/account/alarm")
    assert refused.status_code == 403
    assert "This is closed" in refused.text
    assert browser.get("/dashboard").status_code == 200
    assert letters() == []


def test_the_way_back_to_an_old_email_waits_and_is_not_used_up(
    app: Flask, browser: Browser, ada: str, letters: Letters, lock: Callable[..., None], orders_hold: Callable[[], None]
) -> None:
    browser.sign_in(ada)
    form = {"email": "lovelace@example.net", "current_password": PASSWORD}
    browser.post("/account/email", form, page="/account/email")
    browser.post("/confirm/email", page=links_in(letters.to("lovelace@example.net")[0])[0])
    undo = links_in(letters.to(ada)[-1])[0]
    lock()
    other = stranger(app)
    refused = other.post("/confirm/undo", page=undo)
    assert refused.status_code == 403
    assert "This is closed" in refused.text
    assert browser.get("/dashboard").status_code == 200
    with app.app_context():
        assert User.named("lovelace@example.net").has_password
        lockdown.turn_off()
    orders_hold()
    assert other.post("/confirm/undo", page="/confirm/undo").location == "/recover/"


def test_administrators_see_a_banner_and_nobody_else(
    app: Flask, browser: Browser, ada: str, grace: str, lock: Callable[..., None]
) -> None:
    hers = Browser(app, "192.0.2.77")
    hers.sign_in(grace)
    browser.sign_in(ada)
    assert "Signing in is limited" not in hers.get("/admin/users").text
    lock()
    for path in ("/admin/users", "/admin/invitations", "/admin/events", "/admin/users/1"):
        assert SHOWN in hers.get(path).text
    assert SHOWN not in browser.get("/dashboard").text


def test_each_order_is_an_event_that_names_who_gave_it(app: Flask) -> None:
    with app.app_context():
        assert lockdown.turn_on("Stop.", datetime(2126, 1, 1, tzinfo=UTC)) is False
        assert lockdown.turn_on("Stop still") is True
        lockdown.turn_off()
        lockdown.turn_off()
        rows = latest(Wanted(), 9)
        assert [row.kind for row in rows] == [Kind.LOCKDOWN_OFF, Kind.LOCKDOWN_ON, Kind.LOCKDOWN_ON]
        assert all(by(row) == "operator" for row in rows)
        assert rows[2].details == {"reason": "Stop.", "until": "2126-01-01T00:00:00+00:00"}


def by(row: Event) -> str:
    return row.by.partition(":")[0]


def test_a_device_that_was_ended_is_no_known_browser(
    app: Flask, known: Browser, ada: str, lock: Callable[..., None]
) -> None:
    with app.app_context():
        device.end_devices(User.named(ada).id)
    lock()
    assert known.sign_in(ada).status_code == 403
