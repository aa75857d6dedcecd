import re
import threading
from collections.abc import Callable, Iterable
from datetime import timedelta

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import select

from netflix import clock
from netflix.accounts import password as passwords
from netflix.accounts.user import User
from netflix.events import event
from netflix.events.event import Kind, Wanted
from netflix.extensions import db
from netflix.factors import recovery_code, second_step, totp, two_step
from netflix.factors.recovery_code import RecoveryCode
from netflix.factors.totp import Key
from netflix.limits import counter, policy
from netflix.signin import access, device
from netflix.signin.first_step import FirstStep
from netflix.signin.session import Session
from tests.factors.app import App, hidden, second, secret_of, set_up
from tests.people import MALLORY, PASSWORD, Browser, Letters, link_for
from tests.watching import hashes, log

Later = Callable[[timedelta], None]
STEP = timedelta(seconds=30)


@pytest.fixture
def member(browser: Browser, ada: str, later: Later) -> Browser:
    """Ada's own browser, signed in, with most of a code's half minute ahead."""
    later(STEP - timedelta(seconds=clock.now().timestamp() % STEP.total_seconds() - 1))
    browser.sign_in(ada)
    return browser


@pytest.fixture
def phone(member: Browser, later: Later) -> App:
    """Ada's two-step sign-in is on, and the code that turned it on is over."""
    app = set_up(member)
    later(STEP)
    return app


@pytest.fixture
def half_in(app: Flask, ada: str, phone: App) -> Browser:
    """Another browser, after the first step."""
    browser = Browser(app)
    browser.sign_in(ada)
    return browser


def is_in(browser: Browser) -> bool:
    return browser.get("/dashboard").status_code == 200


def signed_in(app: Flask) -> list[str]:
    """By which factors, the latest first."""
    with app.app_context():
        return [row.details["factor"] for row in event.latest(Wanted(kinds=(Kind.SIGNED_IN,)), 9)]


# Turning it on.


def test_a_new_key_is_shown_as_picture_and_in_groups_and_is_not_kept_yet(app: Flask, member: Browser, ada: str) -> None:
    page = member.get("/account/two-step").text
    secret = secret_of(page)
    assert re.fullmatch("[A-Z2-7]{32}", secret)
    assert "<svg" in page
    assert "style=" not in page
    assert f"secret={secret}" in page
    with app.app_context():
        assert not User.named(ada).has_second_factor
    assert secret_of(member.get("/account/two-step").text) != secret


def test_a_right_code_turns_it_on_and_ten_recovery_codes_are_shown_once(member: Browser, later: Later) -> None:
    phone = set_up(member)
    assert len(set(phone.spare)) == 10
    page = member.get("/account/two-step").text
    assert "is on" in page
    assert not any(code in page for code in phone.spare)
    assert "It is on" in member.get("/account").text


@pytest.mark.parametrize(
    "code", ["000000", "00000", "é12345", "١٢٣٤٥٦", "\uff11\uff12\uff13\uff14\uff15\uff16"], ids=ascii
)
def test_a_wrong_code_turns_nothing_on_and_keeps_the_key(member: Browser, code: str) -> None:
    page = member.get("/account/two-step").text
    sent = {"setup": hidden(page, "setup"), "code": code}
    answer = member.post("/account/two-step", sent, page="/account/two-step")
    assert answer.status_code == 422
    assert "not right" in answer.text
    assert secret_of(answer.text) == secret_of(page)
    assert "It is off" in member.get("/account").text


def test_a_key_of_somebody_else_or_of_yesterday_is_not_taken(
    app: Flask, member: Browser, grace: str, later: Later
) -> None:
    other = Browser(app)
    other.sign_in(grace)
    page = other.get("/account/two-step").text
    stolen = {"setup": hidden(page, "setup"), "code": App(secret_of(page), []).code()}
    assert member.post("/account/two-step", stolen, page="/account/two-step").status_code == 422
    later(two_step.LASTS)


def test_the_key_and_the_codes_are_kept_so_that_the_database_alone_tells_none(app: Flask, phone: App, ada: str) -> None:
    with app.app_context():
        user = User.named(ada)
        assert phone.secret not in (user.totp_secret or "")
        kept = db.session.scalars(select(RecoveryCode.hashed)).all()
        assert Key.of(user).secret == phone.secret
    assert len(kept) == 10
    assert not any(recovery_code.bare(code) in one for code in phone.spare for one in kept)


def test_turning_it_on_asks_for_a_fresh_proof(member: Browser, later: Later) -> None:
    later(Session.PROVED_FOR)
    for path in ("/account/two-step", "/account/two-step/off", "/account/recovery-codes"):
        answer = member.post(path, {}, page="/password")
        assert answer.headers["Location"] == "/prove?next=%2Faccount%2Ftwo-step"
    assert member.get("/account/two-step").headers["Location"] == "/prove?next=%2Faccount%2Ftwo-step"


def test_on_twice_keeps_the_first_key(app: Flask, member: Browser, ada: str) -> None:
    page = member.get("/account/two-step").text
    first = set_up(member)
    late = {"setup": hidden(page, "setup"), "code": App(secret_of(page), []).code()}
    answer = member.post("/account/two-step", late, page="/account/two-step")
    assert answer.status_code == 403
    with app.app_context():
        assert Key.of(User.named(ada)).secret == first.secret


# Signing in.


def test_the_right_password_alone_opens_nothing(app: Flask, ada: str, phone: App) -> None:
    browser = Browser(app)
    answer = browser.sign_in(ada, next="/activity")
    assert answer.headers["Location"] == "/login/second?next=%2Factivity"
    assert not is_in(browser)
    with app.app_context():
        assert len(Session.everywhere()) == 1


def test_the_code_opens_it_and_leads_where_one_wanted(half_in: Browser, phone: App, app: Flask) -> None:
    page = half_in.get("/login/second?next=/activity").text
    assert 'autocomplete="one-time-code"' in page
    assert 'inputmode="numeric"' in page
    assert hidden(page, "next") == "/activity"
    assert second(half_in, phone.code(), next="/activity").headers["Location"] == "/activity"
    assert is_in(half_in)
    assert signed_in(app)[0] == "password+totp"


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_a_clock_may_be_half_a_minute_off(half_in: Browser, phone: App, steps: int, later: Later) -> None:
    later(STEP)
    assert second(half_in, phone.code(steps)).status_code == 303
    assert is_in(half_in)


@pytest.mark.parametrize("steps", [-3, -2, 2, 3])
def test_but_not_a_minute(half_in: Browser, phone: App, steps: int, later: Later) -> None:
    later(STEP * 3)
    assert second(half_in, phone.code(steps)).status_code == 422
    assert not is_in(half_in)


def test_a_code_may_be_pasted_with_spaces(half_in: Browser, phone: App) -> None:
    code = phone.code()
    assert second(half_in, f" {code[:3]} {code[3:]}\n").status_code == 303


def test_each_code_is_good_once(app: Flask, half_in: Browser, ada: str, phone: App, later: Later) -> None:
    code = phone.code()
    assert second(half_in, code).status_code == 303
    again = Browser(app)
    again.sign_in(ada)
    assert second(again, code).status_code == 422
    assert second(again, phone.code(-1)).status_code == 422
    later(STEP)
    assert second(again, phone.code()).status_code == 303


def test_the_code_that_turned_it_on_does_not_sign_in(app: Flask, member: Browser, ada: str) -> None:
    phone = set_up(member)
    other = Browser(app)
    other.sign_in(ada)
    assert second(other, phone.code()).status_code == 422


def test_of_many_who_send_the_same_code_at_once_one_gets_in(app: Flask, ada: str, phone: App) -> None:
    code, answers = phone.code(), []
    start = threading.Barrier(4)

    def try_it(browser: Browser, token: str) -> None:
        start.wait()
        sent = {"code": code, "csrf_token": token}
        answers.append(browser.client.post("/login/second", data=sent, environ_base=browser.environ).status_code)

    browsers = [Browser(app) for _ in range(4)]
    for browser in browsers:
        browser.sign_in(ada)
    threads = [threading.Thread(target=try_it, args=(one, one.token("/login/second"))) for one in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [303, 422, 422, 422]


def test_a_wrong_code_is_told_kindly_and_written_down(app: Flask, half_in: Browser, member: Browser) -> None:
    answer = second(half_in, "000000", next="/activity")
    assert answer.status_code == 422
    assert "not right" in answer.text
    assert "000000" not in answer.text
    assert hidden(answer.text, "next") == "/activity"
    assert "knew your password" in member.get("/activity").text
    assert second(half_in, "").status_code == 422


def test_wrong_codes_are_limited_for_the_account_whatever_the_address(app: Flask, ada: str, phone: App) -> None:
    browsers = [Browser(app, address=f"203.0.113.{n}") for n in range(6)]
    for browser in browsers:
        browser.sign_in(ada)
    answers = [second(browser, "000000").status_code for browser in browsers]
    assert answers == [422] * 5 + [429]
    assert second(browsers[0], phone.code()).status_code == 429


def test_a_known_browser_has_codes_of_its_own(app: Flask, member: Browser, ada: str, phone: App, later: Later) -> None:
    member.sign_out()
    browsers = [Browser(app, address=f"203.0.113.{n}") for n in range(6)]
    for browser in (*browsers, member):
        browser.sign_in(ada)
    assert [second(browser, "000000").status_code for browser in browsers] == [422] * 5 + [429]
    assert [second(member, "000000").status_code for _ in range(6)] == [422] * 5 + [429]
    later(timedelta(minutes=5))
    assert second(member, phone.code()).status_code == 303


def test_one_that_is_known_no_more_has_none(app: Flask, member: Browser, ada: str, phone: App, redis: Redis) -> None:
    member.sign_out()
    member.sign_in(ada)
    with app.app_context():
        device.end_devices(1)
    assert second(member, "000000").status_code == 422
    assert not redis.keys("*second-step:device*")
    assert redis.keys("*second-step:account*")


def test_a_hundred_wrong_codes_in_a_row_are_the_most(
    app: Flask, member: Browser, ada: str, phone: App, later: Later
) -> None:
    """NIST SP 800-63B-4 3.2.2. A right one, also on a known browser, begins anew."""
    with app.app_context():
        for _ in range(99):
            counter.hit((policy.CODES_IN_A_ROW, ada))
    stranger = Browser(app, MALLORY)
    stranger.sign_in(ada)
    assert [second(stranger, "000000").status_code for _ in range(2)] == [422, 429]
    later(timedelta(days=20))
    stranger.sign_in(ada)
    assert second(stranger, phone.code()).status_code == 429
    member.sign_in(ada)
    assert second(member, phone.code()).status_code == 303
    later(STEP)
    assert second(stranger, phone.code()).status_code == 303


def test_a_new_password_by_link_frees_the_codes_of_who_had_the_old_one(
    app: Flask, ada: str, phone: App, member: Browser
) -> None:
    for n in range(6):
        stranger = Browser(app, f"203.0.113.{n}")
        stranger.sign_in(ada)
        second(stranger, "000000")
    with app.app_context():
        link = link_for(ada)
    new = Browser(app)
    new.post("/recover/", {"password": "a quite new password"}, page=link)
    new.sign_in(ada, "a quite new password")
    assert second(new, phone.code()).status_code == 303


def test_right_codes_give_themselves_back(app: Flask, ada: str, phone: App, later: Later) -> None:
    for _ in range(7):
        browser = Browser(app)
        browser.sign_in(ada)
        assert second(browser, phone.code()).status_code == 303
        later(STEP)


def begin(app: Flask, email: str, addresses: Iterable[str]) -> list[int]:
    """First steps alone."""
    return [Browser(app, address).sign_in(email).status_code for address in addresses]


def test_a_first_step_counts_until_the_second_is_right(app: Flask, ada: str, phone: App, half_in: Browser) -> None:
    """Else who has the password could begin without end, and fill the record."""
    assert begin(app, ada, ["192.0.2.10"] * 5) == [303] * 4 + [429]
    half_in.environ["REMOTE_ADDR"] = "203.0.113.1"
    assert second(half_in, phone.code()).status_code == 303
    assert begin(app, ada, ["192.0.2.10"] * 2) == [303, 429]


def test_for_the_account_too_whatever_the_address(app: Flask, ada: str, phone: App, member: Browser) -> None:
    assert begin(app, ada, [f"203.0.113.{n}" for n in range(11)]) == [303] * 10 + [429]
    member.sign_out()
    assert member.sign_in(ada).status_code == 303
    assert second(member, phone.code()).status_code == 303


def test_a_known_browser_gets_its_first_step_back_too(member: Browser, ada: str, phone: App, later: Later) -> None:
    for _ in range(6):
        member.sign_out()
        assert member.sign_in(ada).status_code == 303
        assert second(member, phone.code()).status_code == 303
        later(STEP)


def test_a_right_password_is_written_down_and_told_to_its_owner(
    app: Flask, member: Browser, ada: str, phone: App, letters: Letters
) -> None:
    letters()
    Browser(app, MALLORY, "Mozilla/5.0 (iPhone) Safari/605").sign_in(ada)
    with app.app_context():
        (row,) = event.latest(Wanted(kinds=(Kind.SIGN_IN_BEGUN,)), 9)
    assert (row.user_id, row.by, row.address) == (1, "stranger", MALLORY)
    assert row.details == {"browser": "Safari on iPhone", "known": False, "told": True}
    page = member.get("/activity").text
    assert "Your right password was typed with Safari on iPhone, and a code was asked for." in page
    assert f"/account/alarm?event={row.id}" in page
    (told,) = letters.to(ada)
    assert "somebody typed the right password with a browser that had not signed in before" in told
    assert MALLORY in told


def test_but_not_at_each_one_and_not_of_a_known_browser(
    app: Flask, member: Browser, ada: str, phone: App, letters: Letters, later: Later
) -> None:
    letters()
    member.sign_out()
    member.sign_in(ada)
    assert letters() == []
    for hour in range(2):
        begin(app, ada, [f"203.0.113.{n}" for n in range(5)])
        assert len(letters.to(ada)) == 1, hour
        later(timedelta(minutes=61))


def test_nobody_sees_without_the_password_that_there_is_a_second_step(
    app: Flask, ada: str, grace: str, phone: App
) -> None:
    with_one, without = Browser(app).sign_in(ada, "wrong"), Browser(app).sign_in(grace, "wrong")
    assert with_one.status_code == without.status_code == 401
    assert len(with_one.text) == len(without.text) + len(ada) - len(grace)


# No way round it.


def test_there_is_no_second_step_without_the_first(app: Flask, ada: str, phone: App) -> None:
    stranger = Browser(app)
    assert stranger.get("/login/second").headers["Location"] == "/login"
    assert stranger.post("/login/second", {"code": phone.code()}).headers["Location"] == "/login"
    assert "Sign in again" in stranger.get("/login").text


def test_the_first_step_is_good_for_ten_minutes(half_in: Browser, phone: App, later: Later) -> None:
    half_in.token("/login/second")
    later(timedelta(minutes=10))
    answer = half_in.post("/login/second", {"code": phone.code()})
    assert answer.headers["Location"] == "/login"
    assert not is_in(half_in)


@pytest.mark.parametrize(
    "act",
    [
        access.disable,
        lambda email: access.set_password(email, "a quite new password"),
        access.reset_by_link,
        access.remove,
    ],
)
def test_what_happens_to_the_account_meanwhile_ends_the_first_step(
    app: Flask, half_in: Browser, phone: App, ada: str, act: Callable[[str], object]
) -> None:
    token = half_in.token("/login/second")
    with app.app_context():
        act(ada)
    sent = {"csrf_token": token, "code": phone.code()}
    answer = half_in.client.post("/login/second", data=sent, environ_base=half_in.environ)
    assert answer.headers["Location"] == "/login"
    assert not is_in(half_in)


def test_what_happens_while_the_code_is_checked_opens_nothing_either(
    app: Flask, half_in: Browser, phone: App, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = second_step.used

    def used(user: User, code: str) -> str | None:
        with app.app_context():
            access.set_password(ada, "a quite new password")
        return check(user, code)

    monkeypatch.setattr(second_step, "used", used)
    assert second(half_in, phone.code()).status_code == 401
    assert not is_in(half_in)


def test_a_sign_in_that_was_under_way_when_it_was_turned_on_opens_nothing(
    app: Flask, member: Browser, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = passwords.is_outdated

    def is_outdated(kept: str) -> bool:
        meanwhile = threading.Thread(target=set_up, args=(member,))
        meanwhile.start()
        meanwhile.join()
        return check(kept)

    other = Browser(app)
    other.token()
    monkeypatch.setattr(passwords, "is_outdated", is_outdated)
    assert other.sign_in(ada).status_code == 401
    assert not is_in(other)


def test_a_new_password_by_link_does_not_skip_it(app: Flask, ada: str, phone: App) -> None:
    with app.app_context():
        link = link_for(ada)
    browser = Browser(app)
    browser.get(link)
    browser.post("/recover/", {"password": "a quite new password"}, page="/recover/")
    assert browser.sign_in(ada, "a quite new password").headers["Location"].startswith("/login/second")


def test_a_mark_that_was_made_up_is_worth_nothing(app: Flask, ada: str, phone: App) -> None:
    with app.app_context():
        user = User.named(ada)
        step = FirstStep.of(user, False, 0, "")
        assert step.user().id == user.id
        for wrong in (step._replace(state="0" * 32), step._replace(user_id=user.id + 1)):
            with pytest.raises(Exception, match="took a while"):
                wrong.user()


def test_a_program_is_told_by_problem_details(app: Flask, ada: str, phone: App) -> None:
    browser = Browser(app)
    asked = {"Accept": "application/json"}
    sent = {"email": ada, "password": PASSWORD}
    answer = browser.post("/login", sent, headers=asked)
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
    assert "/login/second" in answer.get_json()["detail"]
    assert browser.post("/login/second", {"code": phone.code()}, page="/login/second", headers=asked).status_code == 303


# Recovery codes.


def test_a_recovery_code_opens_it_once_however_it_is_typed(app: Flask, ada: str, phone: App, half_in: Browser) -> None:
    page = half_in.get("/login/second?by=recovery-code").text
    assert 'inputmode="text"' in page
    code = phone.spare[0]
    assert second(half_in, f" {code.upper().replace('-', ' ')} ").status_code == 303
    assert is_in(half_in)
    assert signed_in(app)[0] == "password+recovery code"
    other = Browser(app)
    other.sign_in(ada)
    assert second(other, code).status_code == 422
    assert second(other, phone.spare[1]).status_code == 303


def test_a_letter_that_looks_like_a_digit_is_read_as_it() -> None:
    assert recovery_code.bare("OIL0-1kq") == "01101kq"


def test_what_was_wrong_is_told_as_of_the_code_that_was_typed(phone: App, half_in: Browser) -> None:
    for typed in ("000 000", "1234"):
        assert "check your device&#39;s clock" in second(half_in, typed).text
    for typed in ("7h2kq-9m4xz", "7h2kq"):
        assert "That recovery code is not right" in second(half_in, typed, by="recovery-code").text


def test_the_last_recovery_codes_are_told_in_plain_words(monkeypatch: pytest.MonkeyPatch) -> None:
    told = dict(enumerate(("You have no recovery codes", "You have 1 recovery code left", "You have 2 recovery codes")))
    for left, sentence in told.items():
        monkeypatch.setattr(RecoveryCode, "left", lambda _, left=left: left)
        assert (second_step.warning(Session(user_id=1)) or "").startswith(sentence)


def test_who_comes_to_the_second_step_without_the_first_is_told_what_is_amiss(browser: Browser) -> None:
    assert browser.get("/login/second").location == "/login"
    assert '<p class="alert" role="alert">That took a while' in browser.get("/login").text


def test_a_recovery_code_costs_one_hash(half_in: Browser, phone: App) -> None:
    with hashes() as done:
        second(half_in, phone.spare[3])
    assert len(done) == 1


def test_new_codes_end_the_old_ones(app: Flask, member: Browser, ada: str, phone: App) -> None:
    answer = member.post("/account/recovery-codes", page="/account/two-step")
    assert answer.status_code == 200
    assert phone.spare[0] not in answer.text
    other = Browser(app)
    other.sign_in(ada)
    assert second(other, phone.spare[0]).status_code == 422


def test_one_is_warned_when_few_are_left(app: Flask, member: Browser, ada: str, phone: App) -> None:
    assert "Make new ones soon" not in member.get("/account/two-step").text
    for code in phone.spare[:7]:
        other = Browser(app)
        other.sign_in(ada)
        assert second(other, code).status_code == 303
    assert "You have 3 left" in member.get("/account/two-step").text
    assert "Make new ones soon" in member.get("/account/two-step").text
    assert "3 recovery codes left" in other.get("/dashboard").text


@pytest.mark.parametrize("path", ["/account/two-step", "/account/recovery-codes"])
def test_a_session_that_ends_meanwhile_leaves_no_codes_behind(
    app: Flask, member: Browser, ada: str, later: Later, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    page = member.get("/account/two-step").text
    sent = {"setup": hidden(page, "setup"), "code": App(secret_of(page), []).code()}
    if path == "/account/recovery-codes":
        set_up(member)
    hashed = recovery_code.hashed

    def ended(codes: list[str]) -> list[str]:
        with app.app_context():
            access.end_sessions_of(ada)
        return hashed(codes)

    with app.app_context():
        before = set(db.session.scalars(select(RecoveryCode.hashed)))
    monkeypatch.setattr(recovery_code, "hashed", ended)
    assert member.post(path, sent, page="/account/two-step").headers["Location"].startswith("/login")
    with app.app_context():
        assert set(db.session.scalars(select(RecoveryCode.hashed))) == before
        assert User.named(ada).has_second_factor is bool(before)


# Turning it off, and proving it again.


def test_to_turn_it_off_counts_as_a_change_like_the_others(app: Flask, member: Browser, ada: str, phone: App) -> None:
    with app.app_context():
        for _ in range(29):
            counter.hit((policy.FACTORS_OF_ACCOUNT, ada))
    assert member.post("/account/two-step/off", page="/account/two-step").status_code == 429
    with app.app_context():
        assert User.named(ada).has_second_factor


def test_turned_off_the_password_alone_opens_it_again(app: Flask, member: Browser, ada: str, phone: App) -> None:
    assert member.post("/account/two-step/off", page="/account/two-step").headers["Location"] == "/account"
    other = Browser(app)
    assert other.sign_in(ada).headers["Location"] == "/dashboard"
    with app.app_context():
        assert db.session.scalars(select(RecoveryCode)).all() == []


def test_who_took_over_a_session_uses_up_no_codes(
    app: Flask, member: Browser, ada: str, phone: App, later: Later
) -> None:
    """Without the password no code is counted, and none is checked."""
    sent = {"password": "a wrong guess", "code": phone.code()}
    assert [member.post("/prove", sent, page="/prove").status_code for _ in range(6)] == [422] * 5 + [429]
    other = Browser(app, "203.0.113.1")
    other.sign_in(ada)
    assert second(other, phone.code()).status_code == 303


def test_wrong_codes_of_a_proof_are_limited_as_at_signing_in(member: Browser, phone: App) -> None:
    sent = {"password": PASSWORD, "code": "000000"}
    assert [member.post("/prove", sent, page="/prove").status_code for _ in range(6)] == [422] * 5 + [429]


def test_a_right_proof_gives_both_back(member: Browser, ada: str, phone: App, later: Later) -> None:
    for _ in range(7):
        sent = {"password": PASSWORD, "code": phone.code()}
        assert member.post("/prove", sent, page="/prove").status_code == 303
        later(STEP)


def test_a_proof_takes_the_code_too(member: Browser, phone: App, later: Later) -> None:
    later(Session.PROVED_FOR)
    page = member.get("/prove?next=/account/two-step").text
    assert 'name="code"' in page
    sent = {"password": PASSWORD, "next": "/account/two-step"}
    assert member.post("/prove", sent, page="/prove").status_code == 422
    assert member.post("/prove", {**sent, "code": "000000"}, page="/prove").status_code == 422
    assert member.get("/account/two-step").status_code == 303
    answer = member.post("/prove", {**sent, "code": phone.code()}, page="/prove")
    assert answer.headers["Location"] == "/account/two-step"
    assert "is on" in member.get("/account/two-step").text


def test_each_change_is_told_in_plain_words(member: Browser, phone: App) -> None:
    member.post("/account/recovery-codes", page="/account/two-step")
    member.post("/account/two-step/off", page="/account/two-step")
    page = member.get("/activity").text
    for told in ("turned two-step sign-in on", "made new recovery codes", "turned two-step sign-in off"):
        assert told in page


def test_changes_are_limited(member: Browser, phone: App) -> None:
    answers = [member.post("/account/recovery-codes", page="/account/two-step").status_code for _ in range(30)]
    assert answers == [200] * 29 + [429]


def test_no_secret_is_in_the_log(member: Browser, app: Flask, ada: str) -> None:
    with log() as written:
        phone = set_up(member)
        other = Browser(app)
        other.sign_in(ada)
        second(other, phone.spare[0])
        second(other, "123456")
    for secret in (phone.secret, *phone.spare, "123456"):
        assert secret not in written.getvalue()


def test_a_key_that_cannot_be_read_lets_nobody_in(app: Flask, half_in: Browser, phone: App, ada: str) -> None:
    with app.app_context():
        User.named(ada).totp_secret = "another key sealed this"
        db.session.commit()
    with log() as written:
        assert second(half_in, phone.code()).status_code == 422
    assert "reset-second-factor" in written.getvalue()
    assert second(half_in, phone.spare[0]).status_code == 303


def test_codes_are_those_of_the_standard(app: Flask) -> None:
    """RFC 6238 appendix B, in six digits."""
    with app.app_context():
        otp = totp.Key("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")._otp()
    assert [otp.generate_otp(seconds // 30) for seconds in (59, 1111111109, 20000000000)] == [
        "287082",
        "081804",
        "353130",
    ]
