"""What `limits explain` says is what happens when the attempt is then made."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from sqlalchemy import delete

from netflix.accounts import registration
from netflix.accounts.user import User
from netflix.bans import ban, network
from netflix.config import Config
from netflix.extensions import db
from netflix.factors import rehearsal
from netflix.limits import counter, fallback
from netflix.limits import rehearsal as limits_rehearsal
from netflix.limits.policy import Lane
from netflix.lockdown import lockdown
from netflix.signin.device import Device
from netflix.values import rates
from tests.conftest import Build
from tests.people import PASSWORD, Browser

ADDRESSES = ("192.0.2.1", "2001:db8::1")
EMAILS = ("ada@example.org", "bob@example.org", "nobody@example.org")
LIMITED = ("login_limit", "account_limit", "site_limit")
RIGHT, WRONG, CLEAR, PASS = "right", "wrong", "clear", "pass"
WHO = st.tuples(st.sampled_from(ADDRESSES), st.sampled_from(EMAILS), st.sampled_from([False, False, True]))
BURST = st.tuples(st.just(WRONG), WHO, st.integers(2, 6))
STEPS = st.lists(
    BURST
    | BURST
    | st.tuples(st.just(RIGHT), WHO, st.just(1))
    | st.tuples(st.just(CLEAR), WHO, st.just(1))
    | st.tuples(st.just(PASS), st.sampled_from([5, 20, 70, 400, 4000]), st.just(1)),
    min_size=1,
    max_size=8,
)


@pytest.fixture
def site(build: Build) -> Flask:
    """With limits that a few attempts use up, each lane's now and then."""
    site = build(
        login_limit=rates("3 per minute; 4 per hour"),
        account_limit=rates("3 per 10 minutes"),
        site_limit=rates("5 per 5 minutes"),
    )
    with site.app_context():
        for email in EMAILS[:2]:
            registration.create(email, PASSWORD)
    return site


class People:
    """Whoever signs in: strangers, and for each account a browser that it knows."""

    def __init__(self, site: Flask) -> None:
        self.site = site
        with site.app_context():
            db.session.execute(delete(Device))
            db.session.commit()
        self.known = {email: Browser(site) for email in EMAILS[:2]}
        self.digests = {}
        for email, browser in self.known.items():
            assert browser.sign_in(email).status_code == 303
            browser.sign_out()
            with site.app_context():
                (device,) = Device.of(User.named(email).id)
                self.digests[email] = device.digest[:16].hex()

    def attempt(self, who: tuple[str, str, bool], is_right: bool) -> Any:
        address, email, known = who
        browser = self.known[email] if known and email in self.known else Browser(self.site)
        browser.environ["REMOTE_ADDR"] = address
        answer = browser.sign_in(email, PASSWORD if is_right else "not the password")
        if answer.status_code == 303:
            browser.sign_out()
        return answer

    def explained(self, address: str, email: str, known: bool) -> rehearsal.Asked:
        """For a known browser as it is told beside a stranger's, which is what is told for its own digest."""
        with self.site.app_context():
            browsers = {row.who: asked for row, asked in rehearsal.in_known_browsers(address, email)}
            if not known or email not in self.digests:
                return rehearsal.asked(address, email)
            beside, named = browsers[self.digests[email]], rehearsal.asked(address, email, self.digests[email])
            assert [(c.key, c.used) for c in named.counters] == [(c.key, c.used) for c in beside.counters]
            return beside

    def forget(self, address: str, email: str) -> None:
        with self.site.app_context():
            counter.clear(counter.counters().keys(Lane.ADDRESS, address))
            counter.clear(counter.counters().keys(Lane.ACCOUNT, email))


def agree(people: People, who: tuple[str, str, bool], is_right: bool) -> None:
    said = people.explained(*who)
    with people.site.app_context():
        reasons = rehearsal.against(said)
    answer = people.attempt(who, is_right)
    if said.decides:
        assert answer.status_code == 429
        assert abs(int(answer.headers["Retry-After"]) - said.decides.wait) <= 1.5
        assert said.decides.used >= said.decides.amount
        assert reasons
    elif is_right:
        assert (answer.status_code == 303) == (not reasons)
    else:
        assert answer.status_code == 401


def play(people: People, history: list[Any], later: Callable[[timedelta], None]) -> None:
    """Before each attempt it is explained."""
    for what, told, times in history:
        if what == PASS:
            later(timedelta(seconds=told))
        elif what == CLEAR:
            people.forget(*told[:2])
        else:
            for _ in range(times):
                agree(people, told, what == RIGHT)


@settings(max_examples=30, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=STEPS)
def test_what_is_explained_is_what_happens(
    history: list[Any], site: Flask, redis: Redis, later: Callable[[timedelta], None]
) -> None:
    redis.flushall()
    people = People(site)
    play(people, history, later)


@pytest.fixture
def passing(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Time passes, at once, for the journal."""
    passed = 0

    def pass_by(while_: timedelta) -> None:
        nonlocal passed
        passed += int(while_.total_seconds()) * 1_000_000_000

    clock = SimpleNamespace(time_ns=lambda: time.time_ns() + passed, time=time.time, sleep=time.sleep)
    for module in (fallback, limits_rehearsal):
        monkeypatch.setattr(module, "time", clock)
    return pass_by


@pytest.fixture
def lonely(site: Flask, build: Build, config: Config, tmp_path: Path) -> Iterator[Flask]:
    """A process of the site that does not reach Redis."""
    set_up = {key: getattr(site.extensions["netflix-config"], key) for key in LIMITED}
    lonely = build(redis_url=f"unix://{tmp_path / 'gone.sock'}", **set_up)
    yield lonely
    lonely.extensions["netflix-counters"].store.degraded = False


@settings(max_examples=15, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=STEPS)
def test_it_is_what_happens_without_redis_too(
    history: list[Any], lonely: Flask, passing: Callable[[timedelta], None]
) -> None:
    lonely.extensions["netflix-counters"].store.fallback.clear_all()
    people = People(lonely)
    assert people.explained(ADDRESSES[0], EMAILS[0], False).steps[0].in_journal
    play(people, [step for step in history if step[0] != CLEAR], passing)


def test_what_another_process_let_in_without_redis_is_known(site: Flask, lonely: Flask) -> None:
    who = (ADDRESSES[0], EMAILS[2], False)
    for _ in range(3):
        assert Browser(lonely, who[0]).sign_in(who[1], "x").status_code == 401
    people = People(site)
    said = people.explained(*who)
    assert said.decides
    assert not said.steps[0].in_journal
    agree(people, who, is_right=False)


def test_a_key_of_another_type_is_decided_by_the_journal(site: Flask, redis: Redis) -> None:
    redis.set(f"netflix:limits:sign-in:address:60:{ADDRESSES[0]}", "1")
    people, who = People(site), (ADDRESSES[0], EMAILS[0], False)
    for _ in range(3):
        agree(people, who, is_right=False)
    said = people.explained(*who)
    assert said.decides
    assert not said.steps[0].in_journal
    agree(people, who, is_right=True)


def test_a_ban_and_a_lockdown_are_told(site: Flask) -> None:
    address, email = "192.0.2.1", EMAILS[0]
    with site.app_context():
        assert rehearsal.against(rehearsal.asked(address, email)) == []
        ban.add(network.read("192.0.2.0/24"))
        lockdown.turn_on("stolen passwords")
        told = [str(one.refusal) for one in rehearsal.against(rehearsal.asked(address, email))]
        assert told[0].startswith("192.0.2.0/24 is banned.")
        assert told[-1].startswith("There is a lockdown")
        ban.revoke(1)
        user = User.named(email)
        user.totp_secret = "sealed"
        db.session.commit()
        assert rehearsal.against(rehearsal.asked(address, email)) == []
