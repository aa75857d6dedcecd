"""The new address confirms; the old one is told, and can take it back."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask

from netflix.accounts import password as passwords
from netflix.accounts.one_time_link import OneTimeLink, Purpose
from netflix.accounts.registration import create
from netflix.accounts.user import User
from netflix.errors import LinkGone
from netflix.extensions import db
from netflix.mailed import email_change
from netflix.signin import access
from netflix.signin.device import Device
from netflix.signin.visitor import Visitor
from tests.conftest import Build
from tests.people import MALLORY, PASSWORD, Browser, Letters, link_for, links_in
from tests.watching import statements

NEW = "lovelace@example.net"


@pytest.fixture
def member(browser: Browser, ada: str) -> Browser:
    browser.sign_in(ada)
    return browser


def ask(browser: Browser, email: str = NEW, present: str = PASSWORD) -> int:
    form = {"email": email, "current_password": present}
    return browser.post("/account/email", form, page="/account/email").status_code


def confirm(browser: Browser, link: str, password: str = PASSWORD) -> int:
    """On a browser that is not signed in: with the account's password."""
    return browser.post("/confirm/email", {"password": password}, page=link).status_code


def mails(letters: Letters) -> dict[str, str]:
    return {letter["To"]: letter.get_content() for letter in letters()}


def change(app: Flask, member: Browser, letters: Letters, email: str = NEW) -> dict[str, str]:
    """Asks and confirms; answers the mails that the change itself sent."""
    assert ask(member, email) == 303
    link = links_in(mails(letters)[email])[0]
    assert confirm(Browser(app), link) == 303
    return mails(letters)


def names(app: Flask) -> list[str]:
    with app.app_context():
        return [user.email for user in User.everyone()]


def test_the_new_address_confirms_and_the_old_one_is_told_both_times(
    app: Flask, member: Browser, ada: str, letters: Letters
) -> None:
    assert ask(member) == 303
    asked = mails(letters)
    assert set(asked) == {ada, NEW}
    assert NEW in asked[ada]
    link = links_in(asked[NEW])[0]
    phone = Browser(app)
    assert phone.get(link).location == "/confirm/email"
    assert names(app) == [ada]
    assert confirm(phone, "/confirm/email") == 303
    assert names(app) == [NEW]
    changed = mails(letters)
    assert set(changed) == {ada}
    assert "/confirm/undo/" in changed[ada]
    assert NEW in member.get("/account").text
    assert Browser(app).sign_in(NEW).status_code == 303
    assert Browser(app).sign_in(ada).status_code == 401


def test_a_wrong_present_password_changes_nothing_and_counts(
    app: Flask, member: Browser, ada: str, letters: Letters
) -> None:
    assert [ask(member, present="wrong") for _ in range(6)] == [422] * 5 + [429]
    assert letters() == []


def test_it_needs_a_fresh_proof(member: Browser, letters: Letters, later: Callable[[timedelta], None]) -> None:
    later(timedelta(minutes=11))
    form = {"email": NEW, "current_password": PASSWORD}
    for answer in (member.get("/account/email"), member.post("/account/email", form, page="/password")):
        assert answer.location == "/prove?next=%2Faccount%2Femail"
    assert letters() == []


@pytest.mark.parametrize("email", ["", "no address", "ada@example.org"])
def test_what_is_no_new_address_is_told(member: Browser, letters: Letters, email: str) -> None:
    assert ask(member, email) == 422
    assert letters() == []


def test_whose_the_new_address_is_is_told_to_its_owner_alone(
    app: Flask, member: Browser, ada: str, grace: str, letters: Letters
) -> None:
    assert ask(member, grace) == 303
    link = links_in(mails(letters)[grace])[0]
    answer = member.post("/confirm/email", page=link)
    assert answer.status_code == 403
    assert "That e-mail belongs to another account." in answer.text
    assert names(app) == [ada, grace]


def test_whoever_registers_the_new_address_and_does_not_confirm_it_gives_way(
    app: Flask, member: Browser, ada: str, letters: Letters
) -> None:
    ask(member)
    link = links_in(mails(letters)[NEW])[0]
    Browser(app).register(NEW)
    assert confirm(Browser(app), link) == 303
    assert names(app) == [NEW]
    with app.app_context():
        assert User.named(NEW).id == 1


def test_but_it_may_have_become_somebody_s_meanwhile(app: Flask, member: Browser, ada: str, letters: Letters) -> None:
    ask(member)
    link = links_in(mails(letters)[NEW])[0]
    with app.app_context():
        create(NEW, PASSWORD)
    assert confirm(Browser(app), link) == 403
    assert names(app) == [ada, NEW]


def test_of_two_confirmations_at_once_one_changes_it(app: Flask, member: Browser, letters: Letters) -> None:
    ask(member)
    carried = links_in(mails(letters)[NEW])[0].rpartition("/")[2]

    def confirm(_: int) -> bool:
        with app.app_context():
            try:
                email_change.confirm(carried, None, PASSWORD, Visitor("192.0.2.1"))
            except LinkGone:
                return False
            return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(confirm, range(2))) == [False, True]
    assert names(app) == [NEW]


def test_whoever_reads_the_new_mailbox_but_does_not_hold_the_account_changes_nothing(
    app: Flask, member: Browser, ada: str, grace: str, letters: Letters
) -> None:
    """Else somebody moves their own account to another's address, and both have it from then on."""
    assert ask(member, "victim@example.org") == 303
    link = links_in(mails(letters)["victim@example.org"])[0]
    victim = Browser(app)
    victim.sign_in(grace)
    assert "not signed in to the account" in victim.get(link, follow_redirects=True).text
    assert [confirm(victim, link, password) for password in ("", "a wrong guess")] == [422, 422]
    assert names(app) == [ada, grace]
    assert "opened a link that was mailed to you" in member.get("/activity").text


def test_a_guess_at_the_password_there_counts_as_one_to_sign_in(
    app: Flask, member: Browser, ada: str, letters: Letters
) -> None:
    ask(member)
    link, stranger = links_in(mails(letters)[NEW])[0], Browser(app, MALLORY)
    assert [confirm(stranger, link, "a wrong guess") for _ in range(6)] == [422] * 5 + [429]
    assert stranger.sign_in(ada).status_code == 429
    assert names(app) == [ada]


def test_a_password_that_was_replaced_while_it_was_checked_confirms_nothing(
    app: Flask, member: Browser, ada: str, letters: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(member)
    link = links_in(mails(letters)[NEW])[0]
    true = passwords.matches

    def replaced_meanwhile(*known: object) -> bool:
        right = true(*known)  # type: ignore[arg-type]
        monkeypatch.undo()
        with app.app_context():
            User.named(ada).password_hash = None
            db.session.commit()
        return right

    browser = Browser(app)
    token = browser.token(link)
    monkeypatch.setattr(passwords, "matches", replaced_meanwhile)
    form = {"password": PASSWORD, "csrf_token": token}
    assert browser.client.post("/confirm/email", data=form, environ_base=browser.environ).status_code == 422
    assert names(app) == [ada]


def test_a_new_password_stops_a_change_that_waits(app: Flask, member: Browser, ada: str, letters: Letters) -> None:
    ask(member)
    link = links_in(mails(letters)[NEW])[0]
    with app.app_context():
        access.set_password(ada, "another quiet password")
    assert Browser(app).get(link).status_code == 410


def test_so_does_a_recovery(app: Flask, member: Browser, ada: str, letters: Letters) -> None:
    """Else whoever had taken the account over takes it with them after all."""
    ask(member)
    link = links_in(mails(letters)[NEW])[0]
    with app.app_context():
        way = link_for(ada)
    assert Browser(app).post("/recover/", {"password": "another quiet password"}, page=way).status_code == 303
    assert Browser(app).get(link).status_code == 410


def test_links_that_went_to_the_old_address_end_with_it(
    app: Flask, member: Browser, ada: str, letters: Letters
) -> None:
    with app.app_context():
        recovery = link_for(ada)
        verification = f"/confirm/verify/{OneTimeLink.issued(User.named(ada), Purpose.VERIFY).token}"
        unlocking = f"/confirm/unlock/{OneTimeLink.issued(User.named(ada), Purpose.UNLOCK).token}"
        db.session.commit()
    links = (recovery, verification, unlocking)
    assert {Browser(app).get(link).status_code for link in links} == {303}
    change(app, member, letters)
    assert {Browser(app).get(link).status_code for link in links} == {410}


def test_the_old_address_takes_it_back(app: Flask, member: Browser, ada: str, letters: Letters) -> None:
    """A thief changed it: signed in, and knowing the password."""
    undo = links_in(change(app, member, letters)[ada])[0]
    owner = Browser(app, "192.0.2.77")
    page = owner.get(undo, follow_redirects=True)
    assert ada in page.text
    assert names(app) == [NEW]
    answer = owner.post("/confirm/undo", page="/confirm/undo")
    assert (answer.status_code, answer.location) == (303, "/recover/")
    assert names(app) == [ada]
    assert member.get("/dashboard").status_code == 303
    with app.app_context():
        assert Device.everywhere() == []
    assert Browser(app).sign_in(ada).status_code == 401
    assert owner.post("/recover/", {"password": "a quite new password"}, page="/recover/").status_code == 303
    assert owner.sign_in(ada, "a quite new password").status_code == 303
    assert Browser(app).get(undo).status_code == 410


def test_the_address_that_loses_the_account_is_told(app: Flask, member: Browser, ada: str, letters: Letters) -> None:
    """The old mailbox may be one that somebody else reads, and was left for that."""
    undo = links_in(change(app, member, letters)[ada])[0]
    Browser(app, MALLORY).post("/confirm/undo", page=undo)
    (letter,) = letters()
    assert letter["To"] == NEW
    assert f"{ada} again" in letter.get_content()
    assert MALLORY in letter.get_content()


@pytest.mark.parametrize(
    "act",
    [lambda: access.set_password(NEW, "another quiet password"), lambda: access.reset_by_link(NEW)],
    ids=["a password", "a link"],
)
def test_what_the_operator_gives_ends_the_way_back(
    app: Flask, member: Browser, ada: str, letters: Letters, act: Callable[[], object]
) -> None:
    undo = links_in(change(app, member, letters)[ada])[0]
    with app.app_context():
        act()
    assert Browser(app).get(undo).status_code == 410


def test_what_a_thief_can_do_themselves_does_not(app: Flask, member: Browser, ada: str, letters: Letters) -> None:
    undo = links_in(change(app, member, letters)[ada])[0]
    form = {"current_password": PASSWORD, "password": "another quiet password"}
    assert member.post("/password", form, page="/password").status_code == 303
    form = {"current_password": "another quiet password", "password": "a third quiet password"}
    assert member.post("/account/alarm", form, page="/account/alarm").status_code == 303
    assert Browser(app).post("/confirm/undo", page=undo).status_code == 303
    assert names(app) == [ada]


def test_a_second_change_does_not_end_the_first_one_s_undoing(
    app: Flask, member: Browser, ada: str, letters: Letters
) -> None:
    undo = links_in(change(app, member, letters)[ada])[0]
    told = change(app, member, letters, "third@example.org")
    assert "/confirm/undo/" not in told[NEW]
    assert Browser(app).post("/confirm/undo", page=undo).status_code == 303
    assert names(app) == [ada]


def test_whoever_registers_the_old_address_meanwhile_gives_way(
    app: Flask, member: Browser, ada: str, letters: Letters
) -> None:
    undo = links_in(change(app, member, letters)[ada])[0]
    thief = Browser(app, "192.0.2.66")
    thief.register(ada, "the thief's password")
    assert thief.sign_in(ada, "the thief's password").status_code == 303
    assert Browser(app).post("/confirm/undo", page=undo).status_code == 303
    assert names(app) == [ada]
    assert thief.get("/dashboard").status_code == 303


def test_the_record_is_held_last_when_somebody_gives_way(
    app: Flask, member: Browser, ada: str, letters: Letters
) -> None:
    """Or who signs out meanwhile and who takes the change back could wait for each other."""
    undo = links_in(change(app, member, letters)[ada])[0]
    Browser(app, MALLORY).register(ada, "the thief's password")
    owner = Browser(app)
    token = owner.token(undo)
    with statements(app) as seen:
        sent = owner.client.post("/confirm/undo", data={"csrf_token": token}, environ_base=owner.environ)
    assert sent.status_code == 303
    held = next(number for number, statement in enumerate(seen) if statement.startswith("UPDATE event_chain"))
    changed = [s for s in seen[held:] if s.startswith(("UPDATE", "DELETE")) and "event_chain" not in s]
    assert (changed, any("DELETE FROM user" in s for s in seen[:held])) == ([], True)


def test_but_no_administrator(app: Flask, member: Browser, ada: str, letters: Letters) -> None:
    undo = links_in(change(app, member, letters)[ada])[0]
    Browser(app, "192.0.2.66").register(ada, "somebody else's password")
    with app.app_context():
        access.promote(ada)
    assert Browser(app).post("/confirm/undo", page=undo).status_code == 403
    assert sorted(names(app)) == sorted([ada, NEW])


def test_but_nobody_whose_it_was_shown_to_be(app: Flask, member: Browser, ada: str, letters: Letters) -> None:
    undo = links_in(change(app, member, letters)[ada])[0]
    with app.app_context():
        create(ada, PASSWORD)
    assert Browser(app).post("/confirm/undo", page=undo).status_code == 403
    assert sorted(names(app)) == sorted([ada, NEW])


def test_the_way_back_lasts_seven_days(
    app: Flask, member: Browser, ada: str, letters: Letters, later: Callable[[timedelta], None]
) -> None:
    undo = links_in(change(app, member, letters)[ada])[0]
    later(timedelta(days=6, hours=23))
    assert Browser(app).get(undo).status_code == 303
    later(timedelta(hours=1))
    assert Browser(app).get(undo).status_code == 410


def test_an_address_that_was_never_confirmed_is_not_written_to(app: Flask, browser: Browser, letters: Letters) -> None:
    browser.register("slip@example.org")
    browser.sign_in("slip@example.org")
    letters()
    assert ask(browser) == 303
    asked = mails(letters)
    assert set(asked) == {NEW}
    confirm(Browser(app), links_in(asked[NEW])[0])
    assert letters() == []
    with app.app_context():
        assert User.named(NEW).is_verified


def test_nobody_can_make_us_write_to_another_s_address_without_end(
    app: Flask, member: Browser, grace: str, letters: Letters
) -> None:
    assert [ask(member) for _ in range(6)] == [303] * 5 + [429]
    other = Browser(app)
    other.sign_in(grace)
    assert ask(other) == 429


def test_nobody_uses_up_what_another_may_ask_for(
    app: Flask, member: Browser, ada: str, grace: str, letters: Letters
) -> None:
    other = Browser(app)
    other.sign_in(grace)
    assert [ask(other, ada) for _ in range(6)] == [303] * 5 + [429]
    assert ask(member) == 303


def test_without_mail_it_says_whom_to_ask(build: Build, ada: str) -> None:
    browser = Browser(build(host="192.0.2.1"))
    browser.sign_in(ada)
    assert "Ask the person who runs it." in browser.get("/account/email").text
    assert ask_without_page(browser) == 403


def ask_without_page(browser: Browser) -> int:
    form = {"email": NEW, "current_password": PASSWORD}
    return browser.post("/account/email", form, page="/password").status_code
