import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from netflix.accounts.user import User
from netflix.errors import Declined
from netflix.events import event
from netflix.events.event import Kind, Wanted
from netflix.extensions import db
from netflix.factors import ceremony
from netflix.factors.ceremony import Party
from netflix.factors.challenge import Challenge, UsedChallenge
from netflix.factors.passkey import Passkey
from netflix.signin import access
from netflix.signin.session import Session
from tests.conftest import Build
from tests.factors.app import set_up
from tests.factors.authenticator import JSON, Authenticator, add, options, packed, send, sign_in, unpacked
from tests.people import Browser
from tests.test_speed_counts import cost
from tests.watching import log, statements

Later = Callable[[timedelta], None]


@pytest.fixture
def member(browser: Browser, ada: str) -> Browser:
    browser.sign_in(ada)
    return browser


@pytest.fixture
def phone(member: Browser) -> Authenticator:
    """Ada's, with a passkey for her account."""
    device = Authenticator()
    assert add(member, device).status_code == 200
    return device


@pytest.fixture
def stranger(app: Flask, phone: Authenticator) -> Browser:
    """A browser that nobody has signed in with."""
    return Browser(app, address="203.0.113.7")


def is_in(browser: Browser) -> bool:
    return browser.get("/dashboard").status_code == 200


def latest(app: Flask) -> tuple[str, dict[str, Any]]:
    with app.app_context():
        row = event.latest(Wanted(), 1)[0]
        return row.kind, row.details


# Adding.


def test_what_is_asked_for_is_found_without_an_email_and_never_without_its_user(member: Browser, ada: str) -> None:
    asked = options(member, "/account/passkeys", "/account/passkeys")
    assert asked["rp"] == {"id": "localhost", "name": "Netflix"}
    assert asked["authenticatorSelection"]["residentKey"] == "required"
    assert asked["authenticatorSelection"]["userVerification"] == "required"
    assert asked["attestation"] == "none"
    assert len(unpacked(asked["challenge"])) == 32
    assert len(unpacked(asked["user"]["id"])) == 32
    assert asked["challenge"] != options(member, "/account/passkeys", "/account/passkeys")["challenge"]


def test_a_passkey_is_added_named_and_listed(app: Flask, member: Browser, phone: Authenticator, ada: str) -> None:
    page = member.get("/account/passkeys").text
    assert "My phone" in page
    assert "not used yet" in page
    assert "You have 1" in member.get("/account").text
    assert "added the passkey “My phone”" in member.get("/activity").text
    with app.app_context():
        (row,) = Passkey.of(User.named(ada).id)
    assert (row.credential_id, row.handle, row.transports) == (phone.id, phone.handle, "internal")


def test_the_second_has_the_same_handle_and_the_first_is_not_made_again(member: Browser, phone: Authenticator) -> None:
    asked = options(member, "/account/passkeys", "/account/passkeys")
    assert unpacked(asked["user"]["id"]) == phone.handle
    assert [one["id"] for one in asked["excludeCredentials"]] == [packed(phone.id)]


@pytest.mark.parametrize(
    "lie", [{"origin": "https://evil.example"}, {"rp": "evil.example"}, {"verified": False}], ids=str
)
def test_one_made_elsewhere_or_unverified_is_not_added(member: Browser, lie: dict[str, Any]) -> None:
    answer = add(member, Authenticator(), **lie)
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    assert "You have none yet" in member.get("/account/passkeys").text


def test_one_that_is_known_is_not_added_to_another_account(
    app: Flask, phone: Authenticator, grace: str, member: Browser
) -> None:
    other = Browser(app)
    other.sign_in(grace)
    assert add(other, phone).status_code == 422
    assert "You have none yet" in other.get("/account/passkeys").text


def test_adding_asks_for_a_fresh_proof(member: Browser, phone: Authenticator, later: Later) -> None:
    later(Session.PROVED_FOR)
    assert member.get("/account/passkeys").headers["Location"] == "/prove?next=%2Faccount%2Fpasskeys"
    for path in ("", "/options"):
        assert send(member, f"/account/passkeys{path}", {}, "/password").status_code == 401
    for act in ("rename", "remove"):
        assert member.post(f"/account/passkeys/1/{act}", page="/password").headers["Location"].startswith("/prove")


def test_a_challenge_for_signing_in_adds_nothing(member: Browser) -> None:
    device = Authenticator()
    asked = options(member, "/account/passkeys", "/account/passkeys")
    made = device.make({**asked, "challenge": options(member, "/login/passkey", "/password")["challenge"]})
    answer = send(member, "/account/passkeys", {"credential": made, "name": "x"}, "/account/passkeys")
    assert answer.status_code == 422


def test_a_session_that_ends_meanwhile_leaves_no_passkey_behind(
    app: Flask, member: Browser, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = ceremony.made

    def made(answer: object, asked: Challenge) -> Any:
        with app.app_context():
            access.end_sessions_of(ada)
        return checked(answer, asked)

    monkeypatch.setattr(ceremony, "made", made)
    assert add(member, Authenticator()).status_code == 401
    with app.app_context():
        assert Passkey.of(User.named(ada).id) == []


@pytest.mark.parametrize("name", ["", "   ", "x" * 61])
def test_a_name_is_asked_for_and_bounded(member: Browser, name: str) -> None:
    answer = add(member, Authenticator(), name)
    assert answer.status_code == 422
    assert "name" in answer.get_json()["errors"]


# Signing in.


def test_it_signs_in_with_nothing_typed_and_leads_where_one_wanted(
    app: Flask, stranger: Browser, phone: Authenticator, member: Browser
) -> None:
    answer = sign_in(stranger, phone, next="/activity")
    assert answer.get_json() == {"next": "/activity"}
    assert is_in(stranger)
    with app.app_context():
        assert event.latest(Wanted(kinds=(Kind.SIGNED_IN,)), 1)[0].details["factor"] == "passkey"
    assert "last used" in member.get("/account/passkeys").text


def test_it_is_both_factors(app: Flask, member: Browser, stranger: Browser, phone: Authenticator) -> None:
    set_up(member)
    assert sign_in(stranger, phone).status_code == 200
    assert is_in(stranger)


def test_in_the_place_of_a_code_it_gives_the_right_password_back(
    member: Browser, stranger: Browser, phone: Authenticator, ada: str
) -> None:
    """So that who signs in like this every day is kept waiting no more than others."""
    set_up(member)
    for _ in range(7):
        assert stranger.sign_in(ada).headers["Location"].startswith("/login/second")
        assert sign_in(stranger, phone).status_code == 200
        stranger.sign_out()


def test_a_first_step_of_somebody_else_is_not_given_back(
    member: Browser, stranger: Browser, phone: Authenticator, grace: str, app: Flask
) -> None:
    other = Browser(app)
    other.sign_in(grace)
    set_up(other)
    for left in (5, 4, 3, 2, 1, 0):
        assert stranger.sign_in(grace).status_code == (303 if left else 429)
        sign_in(stranger, phone)
        stranger.sign_out()


def test_its_user_is_held_before_anything_of_theirs_is_written(
    app: Flask, stranger: Browser, phone: Authenticator
) -> None:
    """As everywhere: else two who write wait for each other."""
    with statements(app) as asked:
        sign_in(stranger, phone)
    written = [" ".join(one.split()[:3]) for one in asked if not one.startswith("SELECT")]
    assert written[0] == "UPDATE user SET"
    assert "INSERT INTO used_challenge" in written


def test_it_makes_the_browser_known_and_the_session_proved(stranger: Browser, phone: Authenticator) -> None:
    sign_in(stranger, phone)
    assert stranger.client.get_cookie("devices")
    assert stranger.get("/account/passkeys").status_code == 200


def test_what_is_asked_is_the_same_for_everybody(stranger: Browser) -> None:
    asked = options(stranger, "/login/passkey")
    assert asked["allowCredentials"] == []
    assert asked["userVerification"] == "required"
    assert asked["rpId"] == "localhost"


def test_one_is_led_nowhere_else(stranger: Browser, phone: Authenticator) -> None:
    assert sign_in(stranger, phone, next="//evil.example").get_json() == {"next": "/dashboard"}


LIES: list[dict[str, Any]] = [
    {"origin": "https://evil.example"},
    {"origin": "http://localhost"},
    {"origin": "http://127.0.0.1:5000"},
    {"rp": "evil.example"},
    {"verified": False},
    {"handle": b"somebody else"},
    {"handle": b""},
    {"kind": "webauthn.create"},
]


@pytest.mark.parametrize("lie", LIES, ids=str)
def test_whoever_lies_is_not_let_in(app: Flask, stranger: Browser, phone: Authenticator, lie: dict[str, Any]) -> None:
    answer = sign_in(stranger, phone, **lie)
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    assert "password" in answer.get_json()["detail"]
    assert not is_in(stranger)
    assert latest(app)[0] == Kind.SIGN_IN_FAILED


def test_another_key_under_a_known_name_is_not_let_in(stranger: Browser, phone: Authenticator) -> None:
    forger = Authenticator(counts=9)
    forger.id, forger.handle = phone.id, phone.handle
    assert sign_in(stranger, forger).status_code == 422
    assert not is_in(stranger)


def test_one_that_nobody_here_has_is_told_the_same(app: Flask, stranger: Browser, phone: Authenticator) -> None:
    unknown = sign_in(stranger, Authenticator())
    with app.app_context():
        access.disable("ada@example.org")
    disabled = sign_in(stranger, phone)
    assert unknown.status_code == disabled.status_code == 422
    assert unknown.text == disabled.text
    assert not is_in(stranger)


def test_an_answer_is_good_once_even_with_the_cookie_of_its_moment(
    app: Flask, stranger: Browser, phone: Authenticator
) -> None:
    phone.counts = 0
    with app.app_context():
        db.session.query(Passkey).update({"sign_count": 0})
        db.session.commit()
    body = {"credential": phone.use(options(stranger, "/login/passkey"))}
    cookie = stranger.client.get_cookie("session")
    assert send(stranger, "/login/passkey", body).status_code == 200
    thief = Browser(app)
    thief.client.set_cookie("session", cookie.value)  # type: ignore[union-attr]
    answer = send(thief, "/login/passkey", body)
    assert answer.status_code == 422
    assert "done before" in answer.get_json()["detail"]
    assert not is_in(thief)


def test_a_challenge_is_given_to_one_browser_and_ends_after_five_minutes(
    app: Flask, stranger: Browser, phone: Authenticator, later: Later
) -> None:
    phone.counts += 1
    body = {"credential": phone.use(options(stranger, "/login/passkey"))}
    assert send(Browser(app), "/login/passkey", body).status_code == 422
    later(timedelta(minutes=5))
    answer = send(stranger, "/login/passkey", body)
    assert answer.status_code == 422
    assert "took too long" in answer.get_json()["detail"]
    assert not is_in(stranger)


def test_within_the_five_minutes_it_is_good(stranger: Browser, phone: Authenticator, later: Later) -> None:
    phone.counts += 1
    body = {"credential": phone.use(options(stranger, "/login/passkey"))}
    later(timedelta(minutes=4, seconds=59))
    assert send(stranger, "/login/passkey", body).status_code == 200
    assert is_in(stranger)


def test_of_the_used_ones_those_that_ran_out_are_forgotten(
    app: Flask, stranger: Browser, phone: Authenticator, later: Later
) -> None:
    sign_in(stranger, phone)
    later(timedelta(minutes=6))
    sign_in(stranger, phone)
    with app.app_context():
        assert db.session.query(UsedChallenge).count() == 1


@pytest.mark.parametrize("back", [0, 1])
def test_a_counter_that_goes_back_or_stands_still_is_refused_and_written_down(
    app: Flask, stranger: Browser, phone: Authenticator, member: Browser, back: int
) -> None:
    phone.counts = 7
    assert sign_in(stranger, phone).status_code == 200
    phone.counts -= 1 + back
    copy = Browser(app)
    assert sign_in(copy, phone).status_code == 422
    assert not is_in(copy)
    assert latest(app) == (Kind.PASSKEY_COPIED, {"passkey": "copied"})
    assert "copy of one of your passkeys" in member.get("/activity").text


def test_a_device_that_does_not_count_signs_in_again_and_again(app: Flask, member: Browser) -> None:
    device = Authenticator(counts=0)
    add(member, device)
    for _ in range(3):
        assert sign_in(Browser(app), device).status_code == 200


GARBAGE: list[object] = [
    None,
    [],
    "x",
    {},
    {"credential": None},
    {"credential": "x"},
    {"credential": {"id": 7}},
    {"credential": {"id": "%%%"}},
    {"credential": {"id": "AA", "response": None}},
    {"credential": {"id": "A" * 5000, "response": {}}},
]


@pytest.mark.parametrize("body", GARBAGE, ids=lambda body: json.dumps(body)[:40])
def test_what_cannot_be_read_is_refused(stranger: Browser, body: object) -> None:
    options(stranger, "/login/passkey")
    assert send(stranger, "/login/passkey", body).status_code == 422


@pytest.mark.parametrize("part", ["clientDataJSON", "authenticatorData", "signature", "userHandle"])
@pytest.mark.parametrize("sent", ["", "AAAA", "%", None, 7, {}], ids=str)
def test_a_broken_part_is_refused(stranger: Browser, phone: Authenticator, part: str, sent: object) -> None:
    credential = phone.use(options(stranger, "/login/passkey"))
    credential["response"][part] = sent
    assert send(stranger, "/login/passkey", {"credential": credential}).status_code == 422
    assert not is_in(stranger)


def test_without_the_pages_token_or_from_another_site_nothing_is_done(stranger: Browser, phone: Authenticator) -> None:
    for headers in (JSON, {**JSON, "X-CSRFToken": stranger.token(), "Sec-Fetch-Site": "cross-site"}):
        answer = stranger.client.post("/login/passkey/options", json={}, headers=headers)
        assert answer.status_code in (400, 403)


def test_asking_costs_no_statement_and_one_round_trip(app: Flask, stranger: Browser) -> None:
    token = stranger.token()

    def ask() -> None:
        headers = {**JSON, "X-CSRFToken": token}
        stranger.client.post("/login/passkey/options", json={}, headers=headers, environ_base=stranger.environ)

    ask()
    assert cost(app, ask) == (0, 1, 0)


def test_wrong_ones_are_limited_and_right_ones_are_given_back(
    app: Flask, stranger: Browser, phone: Authenticator
) -> None:
    assert [sign_in(stranger, phone).status_code for _ in range(12)] == [200] * 12
    answers = [sign_in(stranger, Authenticator()).status_code for _ in range(11)]
    assert answers == [422] * 10 + [429]


def test_without_a_script_one_is_told_the_same_on_a_page(stranger: Browser, phone: Authenticator) -> None:
    answers = [stranger.post("/login/passkey") for _ in range(11)]
    assert [answer.status_code for answer in answers] == [422] * 11
    asked = [stranger.post("/login/passkey/options") for _ in range(61)]
    assert asked[-1].status_code == 429
    assert "Too many attempts" in asked[-1].text


def test_asking_is_limited(stranger: Browser) -> None:
    answers = [send(stranger, "/login/passkey/options", {}).status_code for _ in range(61)]
    assert answers[-2:] == [200, 429]


# Keeping them.


def test_one_renames_and_removes_ones_own(app: Flask, member: Browser, phone: Authenticator) -> None:
    member.post("/account/passkeys/1/rename", {"name": "Blue phone"}, page="/account/passkeys")
    assert "Blue phone" in member.get("/account/passkeys").text
    member.post("/account/passkeys/1/remove", page="/account/passkeys")
    assert "You have none yet" in member.get("/account/passkeys").text
    assert "removed the passkey “Blue phone”" in member.get("/activity").text
    assert sign_in(Browser(app), phone).status_code == 422


def test_a_name_that_cannot_be_taken_is_told_on_the_page(member: Browser, phone: Authenticator) -> None:
    answer = member.post("/account/passkeys/1/rename", {"name": " "}, page="/account/passkeys")
    assert answer.status_code == 422
    assert "Give it a name" in answer.text
    assert "My phone" in answer.text


@pytest.mark.parametrize("act", ["rename", "remove"])
def test_nobody_touches_anybody_elses(app: Flask, phone: Authenticator, grace: str, act: str) -> None:
    other = Browser(app)
    other.sign_in(grace)
    answer = other.post(f"/account/passkeys/1/{act}", {"name": "mine"}, page="/account/passkeys")
    assert answer.status_code == 404
    assert sign_in(Browser(app), phone).status_code == 200


def test_too_many_are_too_many(app: Flask, member: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Passkey, "MOST", 1)
    add(member, Authenticator())
    assert send(member, "/account/passkeys/options", {}, "/account/passkeys").status_code == 403


# Proving it again.


def prove(browser: Browser, device: Authenticator, **lies: Any) -> int:
    device.counts += 1
    asked = options(browser, "/prove/passkey", "/prove")
    body = {"credential": device.use(asked, **lies), "next": "/account/passkeys"}
    return send(browser, "/prove/passkey", body, "/prove").status_code


def test_a_passkey_proves_it_again_with_a_fresh_token(
    app: Flask, member: Browser, phone: Authenticator, later: Later
) -> None:
    later(Session.PROVED_FOR)
    before = member.client.get_cookie("session")
    asked = options(member, "/prove/passkey", "/prove")
    assert [one["id"] for one in asked["allowCredentials"]] == [packed(phone.id)]
    assert prove(member, phone) == 200
    assert member.get("/account/passkeys").status_code == 200
    thief = Browser(app)
    thief.client.set_cookie("session", before.value)  # type: ignore[union-attr]
    assert not is_in(thief)


def test_it_is_offered_to_who_has_one(app: Flask, member: Browser, grace: str) -> None:
    assert "Use a passkey" not in member.get("/prove").text
    add(member, Authenticator())
    assert "Use a passkey" in member.get("/prove").text


def test_somebody_elses_proves_nothing(app: Flask, member: Browser, phone: Authenticator, grace: str) -> None:
    other = Browser(app)
    other.sign_in(grace)
    hers = Authenticator()
    add(other, hers)
    assert prove(member, hers) == 422
    assert prove(member, phone, verified=False) == 422
    assert prove(member, phone, rp="evil.example") == 422


def test_a_challenge_for_signing_in_proves_nothing(member: Browser, phone: Authenticator) -> None:
    asked = options(member, "/login/passkey", "/prove")
    phone.counts += 1
    assert send(member, "/prove/passkey", {"credential": phone.use(asked)}, "/prove").status_code == 422


# Whose they are.


@pytest.mark.parametrize(
    ("settings", "party"),
    [
        ({}, Party("localhost", "http://localhost:5000")),
        ({"host": "localhost", "port": 8000}, Party("localhost", "http://localhost:8000")),
        ({"host": "::1"}, Party("localhost", "http://localhost:5000")),
        ({"port": 80}, Party("localhost", "http://localhost")),
        ({"host": "Films", "port": 80}, Party("films", "http://films")),
        ({"url": "https://films.example.org"}, Party("films.example.org", "https://films.example.org")),
        ({"url": "https://films.example.org:8443"}, Party("films.example.org", "https://films.example.org:8443")),
    ],
    ids=str,
)
def test_the_sites_name_is_that_of_its_settings(build: Build, settings: dict[str, Any], party: Party) -> None:
    with build(**settings).app_context():
        assert ceremony.party() == party


def test_a_site_without_a_name_takes_none(build: Build) -> None:
    with build(url="http://192.0.2.1").app_context(), pytest.raises(Declined, match="NETFLIX_URL"):
        ceremony.party()


def test_at_an_address_of_numbers_the_page_leads_to_the_name(member: Browser, phone: Authenticator) -> None:
    session = member.client.get_cookie("session")
    member.client.set_cookie("session", session.value, domain="127.0.0.1")  # type: ignore[union-attr]
    link = 'href="http://localhost:5000/account/passkeys"'
    page = member.get("/account/passkeys", base_url="http://127.0.0.1:5000")
    assert page.status_code == 200
    assert link in page.text
    assert link not in member.get("/account/passkeys").text


def test_no_part_of_an_answer_is_in_the_log(stranger: Browser, phone: Authenticator) -> None:
    with log() as written:
        credential = phone.use(options(stranger, "/login/passkey"), verified=False)
        send(stranger, "/login/passkey", {"credential": credential})
    assert "passkey" in written.getvalue()
    for part in (credential["id"], *credential["response"].values()):
        assert part not in written.getvalue()


def test_json_beyond_depth_is_no_fault_of_ours(browser: Browser) -> None:
    headers = {**JSON, "X-CSRFToken": browser.token(), "Content-Type": "application/json"}
    answer = browser.client.post("/login/passkey", data="[" * 60_000, headers=headers, environ_base=browser.environ)
    assert answer.status_code == 422


def test_a_passkey_s_answer_without_its_parts_is_refused(stranger: Browser, phone: Authenticator) -> None:
    body = {"credential": phone.answer({}) | {"response": None}}
    options(stranger, "/login/passkey")
    assert send(stranger, "/login/passkey", body).status_code == 422
    del body["credential"]["response"]
    options(stranger, "/login/passkey")
    assert send(stranger, "/login/passkey", body).status_code == 422
