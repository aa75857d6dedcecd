"""`netflix-admin limits`."""

import json
import re
import socket
import string
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from redis.exceptions import ConnectionError

from cli import main
from cli.lanes import LANES
from netflix.accounts import email as addresses
from netflix.config import Config
from netflix.errors import CountersUnavailable, TooManyAttempts
from netflix.limits import counter, policy, standing
from netflix.signin import attempt
from netflix.signin.visitor import Visitor
from netflix.values import rates
from tests.cli.conftest import Locked, Run
from tests.cli.terminal import at_a_terminal
from tests.conftest import Build
from tests.people import MALLORY, Browser
from tests.watching import round_trips

FOREIGN: dict[str, str | list[str] | tuple[str, str]] = {
    "netflix:limitsX": "1",
    "netflix:limits": ["1"],
    "netflix:limits:unknown:address:60:192.0.2.1": ["1"],
    "netflix:limits:sign-in:village:60:192.0.2.1": ["1"],
    "netflix:limits:sign-in:address:soon:192.0.2.1": ["1"],
    "netflix:limits:sign-in:address": ["1"],
    "xnetflix:limits:sign-in:address:60:192.0.2.1": ["1"],
    "netflix:session:1": "1",
    "LIMITS:LIMITER/192.0.2.1/login/5/1/minute": ["1"],
}


# Under names of ours, but not as we make them.
BROKEN: dict[str, str | list[str] | tuple[str, str]] = {
    "netflix:limits:sign-in:address:60:of another type": "1",
    "netflix:limits:register:address:3600:a hash": ("a", "1"),
}


def surround(redis: Redis) -> None:
    """What others keep in the same Redis."""
    put(redis, FOREIGN)


def put(redis: Redis, keys: dict[str, str | list[str] | tuple[str, str]]) -> None:
    for name, value in keys.items():
        if isinstance(value, str):
            redis.set(name, value)
        elif isinstance(value, list):
            redis.rpush(name, *value)
        else:
            redis.hset(name, items=value)


def dump(redis: Redis) -> dict[bytes, bytes]:
    return {name: redis.dump(name) or b"" for name in redis.scan_iter()}


def guess(app: Flask, address: str = MALLORY, email: str = "ada@example.org", times: int = 5) -> None:
    browser = Browser(app, address)
    for _ in range(times):
        browser.sign_in(email, "not the password")


def listed(run: Run, more: str = "") -> list[dict[str, Any]]:
    return json.loads(run(f"limits list --format json {more}").stdout)


@pytest.fixture
def config(config: Config) -> Config:
    """With one rate for an address, so that it is one counter."""
    return replace(config, login_limit=rates("5 per minute"))


@pytest.fixture
def mallory(app: Flask, ada: str) -> Browser:
    """Who has guessed at Ada's password until told to wait."""
    guess(app)
    return Browser(app, MALLORY)


def test_a_guesser_is_listed_first_with_the_seconds_until_free(run: Run, mallory: Browser, ada: str) -> None:
    blocked, *others = listed(run)
    free_in, first, last = blocked.pop("free_in"), blocked.pop("first"), blocked.pop("last")
    assert 50 <= free_in <= 60
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", first)
    assert first <= last
    assert blocked == {
        "limit": "sign-in",
        "lane": "address",
        "who": MALLORY,
        "used": 5,
        "allowed": 5,
        "left": 0,
        "window": 60,
        "counts": "strangers' failed attempts to sign in",
        "email": None,
        "blocked": True,
    }
    assert {(row["limit"], row["lane"], row["who"], row["used"], row["left"]) for row in others} == {
        ("sign-in", "account", ada, 5, 5),
        ("in-a-row", "account", ada, 5, 95),
        ("sign-in", "site", "all", 5, 995),
    }


def test_only_who_has_to_wait_is_listed_when_asked(run: Run, mallory: Browser) -> None:
    assert [row["who"] for row in listed(run, "--blocked")] == [MALLORY]


def test_an_e_mail_that_nobody_has_is_a_digest(run: Run, app: Flask) -> None:
    guess(app, email="nobody@example.org", times=1)
    who = next(row["who"] for row in listed(run) if row["lane"] == "account")
    assert len(who) == 32
    assert set(who) <= set(string.hexdigits)


def test_a_cleared_address_signs_in_at_once_and_nobody_else_is_touched(
    run: Run, mallory: Browser, app: Flask, redis: Redis, ada: str
) -> None:
    guess(app, "203.0.113.9", "zoe@example.org")
    others = {name: value for name, value in dump(redis).items() if MALLORY.encode() not in name}
    assert mallory.sign_in(ada).status_code == 429
    cleared = run(f"limits clear --address {MALLORY}")
    assert (cleared.exit_code, cleared.output) == (0, f"Cleared 1 counter of {MALLORY}.\n")
    assert dump(redis) == others
    assert mallory.sign_in(ada).status_code == 303


def test_several_addresses_are_cleared_at_once(run: Run, app: Flask) -> None:
    for address in (MALLORY, "203.0.113.9", "203.0.113.10"):
        guess(app, address, f"{address}@example.org", times=1)
    assert run(f"limits clear --address {MALLORY} --address 203.0.113.9").output.startswith("Cleared 2 counters of ")
    assert [row["who"] for row in listed(run) if row["lane"] == "address"] == ["203.0.113.10"]


def test_who_is_listed_by_a_digest_is_shown_and_cleared_by_it(run: Run, app: Flask) -> None:
    guess(app, email="nobody@example.org", times=1)
    who = next(row["who"] for row in listed(run) if row["lane"] == "account")
    assert json.loads(run(f"limits show --account {who} --format json").stdout)[0]["used"] == 1
    assert run(f"limits clear --account {who}").output == f"Cleared 2 counters of {who}.\n"


def test_the_longest_wait_is_listed_first(run: Run, app: Flask, redis: Redis) -> None:
    for number, address in enumerate(("203.0.113.2", "203.0.113.1", "203.0.113.3")):
        guess(app, address, f"{address}@example.org", times=5 if number else 2)
    rows = [(row["free_in"], row["used"]) for row in listed(run)]
    assert rows == sorted(rows, reverse=True)
    assert rows[0][0] > rows[-1][0]


def test_what_is_no_time_in_a_counter_is_passed_over(run: Run, mallory: Browser, redis: Redis) -> None:
    redis.lpush(f"netflix:limits:sign-in:address:60:{MALLORY}", "not a number")
    assert listed(run)[0]["used"] == 5


def test_every_counter_of_an_address_is_cleared(run: Run, app: Flask) -> None:
    guess(app, times=1)
    Browser(app, MALLORY).register("new@example.org")
    assert run(f"limits clear --address {MALLORY}").output == f"Cleared 2 counters of {MALLORY}.\n"


def test_a_cleared_account_is_free_from_any_address(run: Run, app: Flask, ada: str) -> None:
    guess(app, "203.0.113.1")
    guess(app, "203.0.113.2")
    assert Browser(app, "203.0.113.3").sign_in(ada).status_code == 429
    assert run("limits clear --account ADA@example.ORG").exit_code == 0
    assert Browser(app, "203.0.113.3").sign_in(ada).status_code == 303


@pytest.mark.parametrize(
    ("seen", "given"),
    [
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2:ffff::1"),
        ("192.0.2.7", "::ffff:192.0.2.7"),
        ("192.0.2.7", "192.0.2.7:4711"),
        ("fe80::1", "fe80::1%eth0"),
        ("", "unknown"),
    ],
)
def test_an_address_may_be_given_as_it_is_listed_or_met(run: Run, app: Flask, seen: str, given: str) -> None:
    guess(app, seen, times=1)
    assert json.loads(run(f"limits show --address {given} --format json").stdout)[0]["used"] == 1
    assert run(f"limits clear --address {given}").stdout.startswith("Cleared 1 counter of")


@pytest.mark.parametrize(
    "option",
    [
        "--address nonsense",
        "--address 192.0.2.0/24",
        "--address 1.2.3.4/64",
        "--address 2001:db8::/32",
        "--account ada",
        "--device 192.0.2.7",
    ],
)
@pytest.mark.parametrize("command", ["show", "clear"])
def test_garbage_is_a_slip_with_a_remedy(run: Run, command: str, option: str) -> None:
    refused = run(f"limits {command} {option}")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert (
        "such as 192.0.2.7" in refused.stderr
        or "like you@example.org" in refused.stderr
        or "limits list" in refused.stderr
    )


def test_a_known_browser_is_listed_shown_and_cleared_by_its_digest(run: Run, app: Flask, ada: str) -> None:
    browser = Browser(app)
    browser.sign_in(ada)
    browser.sign_out()
    for _ in range(5):
        browser.sign_in(ada, "not the password")
    row = next(row for row in listed(run, "--blocked") if row["lane"] == "device")
    (known,) = json.loads(run("devices list --format json").stdout)
    assert row["who"] == known["limit"]
    assert json.loads(run(f"limits show --device {row['who']} --format json").stdout)[0]["used"] == 5
    assert run(f"limits clear --device {row['who']}").output == f"Cleared 3 counters of {row['who']}.\n"
    assert browser.sign_in(ada).status_code == 303


@pytest.fixture
def shut_out(app: Flask, ada: str) -> Browser:
    """Ada's own browser, after as many wrong passwords as it has."""
    browser = Browser(app)
    browser.sign_in(ada)
    browser.sign_out()
    for _ in range(5):
        browser.sign_in(ada, "not the password")
    assert browser.sign_in(ada).status_code == 429
    return browser


def test_who_is_limited_in_their_own_browser_is_found_by_their_e_mail(
    run: Run, config: Config, shut_out: Browser, ada: str
) -> None:
    for more in ("--blocked", f"--match {ada}", "--match *@example.org --lane device"):
        rows = [row for row in listed(run, more) if row["lane"] == "device" and row["blocked"]]
        assert [(row["email"], row["used"]) for row in rows] == [(ada, 5)]
    shown = [json.loads(run(f"limits show --account {ada} --format json").stdout)]
    assert [row["used"] for row in shown[0] if row["lane"] == "device" and row["blocked"]] == [5]
    assert {row["lane"] for row in shown[0]} == {"account", "device"}
    seen = at_a_terminal(config, "limits", "list", "--blocked")
    assert f"{ada} in {rows[0]['who'][:4]}" in seen.screen


def test_who_is_limited_in_their_own_browser_is_freed_by_their_e_mail(
    run: Run, app: Flask, redis: Redis, shut_out: Browser, ada: str
) -> None:
    guess(app, email="zoe@example.org", times=1)
    others = {name for name in dump(redis) if b":device:" not in name}
    before = dump(redis)
    assert run(f"limits clear --account {ada} --dry-run").output == (
        f"Would clear 3 counters of {ada} and 1 known browser.\n"
    )
    assert dump(redis) == before
    assert run(f"limits clear --account {ada}").output == f"Cleared 3 counters of {ada} and 1 known browser.\n"
    assert set(dump(redis)) == others
    (told,) = json.loads(run("events list --kind excess_rate_limit_cleared --format json").stdout)
    assert (told["user"], told["detail"]["devices"], told["detail"]["counters"]) == (ada, 1, 3)
    assert shut_out.sign_in(ada).status_code == 303


def test_to_find_an_e_mail_s_browsers_no_counter_is_searched(run: Run, shut_out: Browser, ada: str) -> None:
    with round_trips() as asked:
        listed(run, f"--match {ada}")
        run(f"limits show --account {ada}")
        run(f"limits clear --account {ada}")
    assert not [command for command in asked if "SCAN" in str(command).upper()]


def test_all_strangers_are_freed_at_once(run: Run, build: Any) -> None:
    site = build(site_limit=rates("2 per 5 minutes"))
    assert [Browser(site, f"203.0.113.{n}").sign_in(f"{n}@x", "x").status_code for n in range(3)] == [401, 401, 429]
    assert run("limits clear --site").output == "Cleared 1 counter of all strangers.\n"
    assert Browser(site, "203.0.113.9").sign_in("9@x", "x").status_code == 401


@pytest.mark.parametrize("args", ["show", "clear", "show --address ::1 --account a@b.c", "clear --all --address ::1"])
def test_whose_counters_is_said_in_one_way(run: Run, args: str) -> None:
    assert run(f"limits {args}").exit_code == 2


def test_every_limit_of_one_is_shown_used_or_not(run: Run, mallory: Browser) -> None:
    shown = json.loads(run(f"limits show --address {MALLORY} --format json").stdout)
    stands = [(row["limit"], row["used"], row["left"], row["free_in"] > 0) for row in shown]
    assert stands[:3] == [("sign-in", 5, 0, True), ("register", 0, 10, False), ("recover", 0, 20, False)]
    assert not [row for row in stands[3:] if row[1]]


def test_an_account_is_shown_by_its_e_mail(run: Run, mallory: Browser, ada: str) -> None:
    shown = [json.loads(run(f"limits show --account {one} --format json").stdout) for one in (ada, "x@y.z")]
    assert [{row["limit"]: row["used"] for row in rows if row["used"]} for rows in shown] == [
        {"sign-in": 5, "in-a-row": 5},
        {},
    ]


def test_a_dry_run_says_the_number_and_changes_nothing(run: Run, mallory: Browser, redis: Redis) -> None:
    before = dump(redis)
    assert run("limits clear --all --dry-run").output == "Would clear 4 counters.\n"
    assert run(f"limits clear --address {MALLORY} --dry-run").output == f"Would clear 1 counter of {MALLORY}.\n"
    assert dump(redis) == before


def test_what_was_cleared_is_on_record_and_nothing_else(run: Run, app: Flask, mallory: Browser, ada: str) -> None:
    run(f"limits clear --address {MALLORY} --dry-run")
    run("limits clear --address ::1")
    for options in (f"--address {MALLORY}", "--account ADA@example.org", "--site", "--all --yes"):
        run(f"limits clear {options}")
    guess(app, times=1)
    run(f"limits clear --address {MALLORY} --address ::1")
    run("limits clear --all --yes")
    rows = json.loads(run("events list --kind excess_rate_limit_cleared --format json").stdout)
    assert all(row["by"].startswith("operator:") for row in rows)
    told = [(row["user"], row["detail"]) for row in reversed(rows)]
    assert told[0] == (None, {"lane": "address", "counters": 1, "who": MALLORY})
    assert (told[1][0], told[1][1]["counters"]) == (ada, 2)
    assert told[2:] == [
        (None, {"lane": "site", "counters": 1, "who": "all"}),
        (None, {"lane": "address", "counters": 1, "of": 2}),
        (None, {"counters": 3}),
    ]


CLEARING = [f"--address {MALLORY}", "--all --yes"]


def cleared_on_record(run: Run) -> list[dict[str, Any]]:
    rows = json.loads(run("events list --kind excess_rate_limit_cleared --format json").stdout)
    return [row["detail"] for row in rows]


@pytest.mark.parametrize("whose", CLEARING)
def test_where_the_record_cannot_be_written_nothing_is_cleared(
    run: Run, mallory: Browser, redis: Redis, locked: Locked, whose: str
) -> None:
    before = dump(redis)
    with locked():
        refused = run(f"limits clear {whose}")
    assert (refused.exit_code, refused.stdout) == (6, "")
    assert dump(redis) == before
    assert run(f"limits clear {whose}").stdout.startswith("Cleared ")
    assert len(cleared_on_record(run)) == 1


@pytest.mark.parametrize("whose", CLEARING)
def test_where_redis_is_away_nothing_is_told_of_it(run: Run, build: Build, mallory: Browser, whose: str) -> None:
    away = build(redis_url="unix:///nowhere/redis.sock", login_limit=rates("5 per minute"))
    journal = away.extensions["netflix-config"].instance / "limits.journal"
    before = journal.read_bytes()
    refused = away.test_cli_runner().invoke(main, ["limits", "clear", *whose.split()])
    assert refused.exit_code == 5
    assert cleared_on_record(run) == []
    # What it forgot alone would be told to nobody, and Redis would go on refusing.
    assert journal.read_bytes() == before


@pytest.mark.parametrize("whose", CLEARING)
def test_where_redis_goes_half_way_it_is_told_and_a_second_run_ends_it(
    run: Run, mallory: Browser, redis: Redis, monkeypatch: pytest.MonkeyPatch, whose: str
) -> None:
    """It may have forgotten what it did not live to say."""
    unlink = Redis.unlink

    def last_word(self: Redis, *names: str) -> int:
        unlink(self, names[0])
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(Redis, "unlink", last_word)
        assert run(f"limits clear {whose}").exit_code == 5
    (told,) = cleared_on_record(run)
    assert told["counters"] == (4 if "all" in whose else 1)
    assert run(f"limits clear {whose}").exit_code == 0
    assert mallory.sign_in("ada@example.org").status_code == 303


def test_clearing_all_wants_to_be_told_twice(run: Run, mallory: Browser, redis: Redis) -> None:
    before = dump(redis)
    refused = run("limits clear --all", given="y\n")
    assert refused.exit_code == 7
    assert "Add --yes" in refused.stderr
    assert dump(redis) == before
    assert run("limits clear --all --yes").output == "Cleared 4 counters.\n"
    assert dump(redis) == {}


def test_what_bears_a_name_of_ours_is_cleared_with_all_whatever_it_is(run: Run, redis: Redis) -> None:
    surround(redis)
    put(redis, BROKEN)
    redis.set(b"netflix:limits:sign-in:address:60:\xff", "1")
    assert run("limits clear --all --dry-run").output == "Would clear 3 counters.\n"
    assert run("limits clear --all --yes").output == "Cleared 3 counters.\n"
    assert {name.decode() for name in redis.scan_iter()} == set(FOREIGN)


def test_clearing_nothing_says_so(run: Run) -> None:
    assert run("limits clear --all --yes").output == "Nothing was counted.\n"
    assert run("limits clear --address ::1").output == "Nothing was counted of ::1.\n"


def test_an_attempt_at_the_web_is_listed_and_cleared_among_what_others_keep(
    run: Run, mallory: Browser, redis: Redis
) -> None:
    surround(redis)
    assert len(listed(run)) == 4
    assert run("limits clear --all --yes").output == "Cleared 4 counters.\n"
    assert listed(run) == []
    assert {name.decode() for name in redis.scan_iter()} == set(FOREIGN)


EMAILS = st.text(max_size=60) | st.emails() | st.from_regex(r"\w{1,9}@\w{1,9}", fullmatch=True)
SEEN = st.ip_addresses().map(str) | st.text(max_size=30) | st.sampled_from(["", "::ffff:192.0.2.1", "192.0.2.1:80"])
ATTEMPTS = st.lists(st.tuples(SEEN, EMAILS), min_size=1, max_size=6)


@settings(max_examples=40, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(attempts=ATTEMPTS)
def test_whatever_the_web_counts_is_listed_and_cleared_and_nothing_else(
    attempts: list[tuple[str, str]], app: Flask, run: Run, redis: Redis
) -> None:
    redis.flushall()
    surround(redis)
    foreign = dump(redis)
    with app.test_request_context():
        for seen, email in attempts:
            with suppress(TooManyAttempts):
                counter.hit(*attempt.subjects(email, Visitor(seen)))
            for limit in (policy.REGISTRATION_FROM_ADDRESS, policy.RECOVERY_FROM_ADDRESS):
                with suppress(TooManyAttempts):
                    counter.hit((limit, seen))
    written = set(dump(redis)) - set(foreign)
    rows = listed(run)
    names = {f"netflix:limits:{row['limit']}:{row['lane']}:{row['window']}:{row['who']}".encode() for row in rows}
    assert names == written
    with app.app_context():
        for seen, email in attempts:
            counter.clear(counter.counters().keys(policy.Lane.ADDRESS, seen))
            counter.clear(counter.counters().keys(policy.Lane.ACCOUNT, addresses.normalised(email)))
        counter.clear(counter.counters().keys(policy.Lane.SITE, ""))
    assert dump(redis) == foreign


@settings(max_examples=15, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(attempts=ATTEMPTS)
def test_what_is_posted_to_the_site_is_listed_and_cleared_from_the_terminal(
    attempts: list[tuple[str, str]], app: Flask, run: Run, redis: Redis
) -> None:
    redis.flushall()
    surround(redis)
    foreign = dump(redis)
    for seen, email in attempts:
        Browser(app, seen).sign_in(email, "not the password")
    written = set(dump(redis)) - set(foreign)
    assert len(listed(run)) == len(written)
    run("limits clear --all --yes")
    assert dump(redis) == foreign


def test_many_are_listed_and_cleared_without_naming_all_keys_at_once(app: Flask, run: Run, redis: Redis) -> None:
    with app.app_context():
        rules = [counter.counters().rules(policy.SIGN_IN_FROM_ADDRESS, f"10.{n >> 8}.{n & 255}.1") for n in range(2500)]
    now = int(redis.time()[0]) * 1_000_000
    with redis.pipeline(transaction=False) as pipe:
        for (rule,) in rules:
            pipe.lpush(rule.key, now)
        pipe.execute()
    redis.config_resetstat()
    assert len(run("limits list").stdout.splitlines()) == 2500
    assert run("limits clear --all --yes").output == "Cleared 2,500 counters.\n"
    asked = redis.info("commandstats")
    assert "cmdstat_keys" not in asked
    assert "cmdstat_del" not in asked
    assert asked["cmdstat_unlink"]["calls"] <= 6
    assert asked["cmdstat_lrange"]["calls"] <= 2600


def many(redis: Redis, count: int, limit: str = "sign-in:address:60", attempts: int = 1) -> None:
    """Counters of addresses 10.0.0.0 and up, with so many attempts just made."""
    now = int(redis.time()[0]) * 1_000_000
    with redis.pipeline(transaction=False) as pipe:
        for n in range(count):
            pipe.rpush(f"netflix:limits:{limit}:10.0.{n >> 8}.{n & 255}", *[now] * attempts)
        pipe.execute()


def test_a_thousand_rows_come_sorted_and_more_as_they_are_read_the_same_to_the_letter(run: Run, redis: Redis) -> None:
    many(redis, 999)
    many(redis, 1, attempts=4)
    few = run("limits list --format jsonl").stdout.splitlines()
    assert json.loads(few[0])["used"] == 5
    many(redis, 500, "register:address:3600", attempts=10)
    lines = run("limits list --format jsonl").stdout.splitlines()
    assert len(lines) == 1499
    # The seconds until free go on meanwhile.
    assert {re.sub('"free_in": [0-9]+', "", line) for line in few} < {
        re.sub('"free_in": [0-9]+', "", line) for line in lines
    }


def test_chosen_fields_of_many_come_in_the_order_asked_for(run: Run, redis: Redis) -> None:
    many(redis, 1500)
    lines = run("limits list --format jsonl --fields blocked,counts,who,used").stdout.splitlines()
    assert (
        '{"blocked": false, "counts": "strangers\' failed attempts to sign in", "who": "10.0.0.7", "used": 1}' in lines
    )


@pytest.mark.parametrize("form", ["json", "csv", "table"])
def test_many_are_printed_in_every_format(run: Run, redis: Redis, form: str) -> None:
    many(redis, 1500)
    printed = run(f"limits list --format {form}").stdout
    assert {f"10.0.{n >> 8}.{n & 255}" for n in range(1500)} <= set(re.findall(r"10\.0\.\d+\.\d+", printed))


def test_what_a_stranger_put_into_a_key_steers_no_terminal(run: Run, redis: Redis) -> None:
    many(redis, 1500)
    redis.rpush('netflix:limits:sign-in:address:60:"\\\x1b[31m\n%s', int(redis.time()[0]) * 1_000_000)
    lines = run("limits list --format jsonl").stdout.splitlines()
    assert len([json.loads(line) for line in lines]) == 1501
    assert '"who": "\\"\\\\\\u001b[31m\\n%s"' in "".join(lines)


def test_the_longest_waits_are_chosen_from_all(run: Run, redis: Redis) -> None:
    many(redis, 1500)
    many(redis, 30, attempts=4)
    many(redis, 3, "register:address:3600", attempts=10)
    rows = listed(run, "--top 5")
    assert [(row["limit"], row["blocked"]) for row in rows] == [("register", True)] * 3 + [("sign-in", True)] * 2
    assert len(listed(run, "--blocked")) == 33
    assert len(listed(run, "--blocked --top 40")) == 33


@pytest.mark.parametrize(
    ("choice", "found"),
    [
        ("--limit sign-in", {"address", "account", "site", "device"}),
        ("--limit in-a-row", {"account", "device"}),
        ("--lane address", {"address"}),
        ("--lane site --limit sign-in", {"site"}),
        ("--lane site --limit register", set()),
    ],
)
def test_a_limit_or_a_lane_is_listed_alone(run: Run, app: Flask, ada: str, choice: str, found: set[str]) -> None:
    known = Browser(app)
    known.sign_in(ada)
    known.sign_out()
    known.sign_in(ada, "not the password")
    guess(app)
    assert {row["lane"] for row in listed(run, choice)} == found


def test_the_lanes_that_may_be_named_are_those_there_are() -> None:
    assert set(LANES) == {str(lane) for lane in policy.Lane}


@pytest.mark.parametrize(
    ("match", "found"),
    [
        ("192.0.2.7", {"192.0.2.7"}),
        ("::ffff:192.0.2.7", {"192.0.2.7"}),
        ("192.0.2.0/24", {"192.0.2.7", "192.0.2.200"}),
        ("192.0.2.0/25", {"192.0.2.7"}),
        ("0.0.0.0/0", {"192.0.2.7", "192.0.2.200", "203.0.113.9"}),
        ("192.0.2.*", {"192.0.2.7", "192.0.2.200"}),
        ("*.?", {"192.0.2.7", "203.0.113.9"}),
        ("2001:db8:1:2::9", {"2001:db8:1:2::/64"}),
        ("2001:db8:1:2::/64", {"2001:db8:1:2::/64"}),
        ("2001:db8:1:2:3::/80", {"2001:db8:1:2::/64"}),
        ("2001:db8::/32", {"2001:db8:1:2::/64"}),
        ("2001:db8:*", {"2001:db8:1:2::/64"}),
        ("unknown", {"unknown"}),
        ("all", {"all"}),
        ("198.51.100.0/24", set()),
        ("ada@example.org", {"ada@example.org"}),
        ("Ada@Example.org", {"ada@example.org"}),
        ("ada*", {"ada@example.org"}),
        ("*@Example.ORG", {"ada@example.org"}),
        ("dada*", set()),
        ("un*", {"unknown"}),
    ],
)
def test_who_is_listed_is_chosen_by_address_network_e_mail_or_pattern(
    run: Run, app: Flask, ada: str, match: str, found: set[str]
) -> None:
    for address in ("192.0.2.7", "192.0.2.200", "203.0.113.9", "2001:db8:1:2:3::4", ""):
        guess(app, address, times=1)
    assert {
        row["who"] for row in json.loads(run("limits", "list", "--format", "json", "--match", match).stdout)
    } == found


def test_a_single_one_is_not_searched_for(run: Run, mallory: Browser, redis: Redis) -> None:
    redis.config_resetstat()
    assert listed(run, f"--match {MALLORY}")[0]["blocked"]
    for words in ("limits show --address", "limits clear --dry-run --address", "limits clear --address"):
        assert run(f"{words} {MALLORY}").exit_code == 0
    for account in ("ada@example.org", "0123456789abcdef" * 2):
        assert run(f"limits clear --account {account}").exit_code == 0
    assert run("limits clear --site").exit_code == 0
    assert not {name for name in redis.info("commandstats") if "scan" in name or "keys" in name}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("--match 192.0.2.7/24", "the network is 192.0.2.0/24"),
        ("--match 2001:db8::1/32", "the network is 2001:db8::/32"),
        ("--match 192.0.2.0/99", "such as 192.0.2.7"),
        ("--match 192.0.2", "'192.0.2.*'"),
        ("--match @", "like you@example.org"),
        ("--limit sign-on", "There is no limit 'sign-on'. There are: sign-in, in-a-row"),
        ("--lane village", "'address', 'account', 'device', 'site'"),
        ("--top 0", "x>=1"),
        ("--watch", "needs a terminal"),
        ("--watch --format jsonl", "needs a terminal"),
    ],
)
def test_a_slip_in_choosing_is_told_with_its_remedy(run: Run, options: str, sentence: str) -> None:
    refused = run(f"limits list {options}")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert sentence in refused.stderr.replace('\\"', '"')


def test_a_digest_chooses_the_account_or_device_that_it_stands_for(run: Run, app: Flask) -> None:
    guess(app, email="nobody@example.org", times=1)
    who = next(row["who"] for row in listed(run) if row["lane"] == "account")
    assert {row["lane"] for row in listed(run, f"--match {who}")} == {"account"}
    assert listed(run, "--match nobody@example.org") == listed(run, f"--match {who}")


def test_a_pattern_that_can_be_like_nobody_is_told(run: Run, app: Flask, ada: str) -> None:
    guess(app, email="zoe@example.org")
    for pattern in ("zoe*", "*@example.com", "192.0.2.x*"):
        refused = run(f"limits list --match {pattern}")
        assert (refused.exit_code, refused.stdout) == (3, "")
        assert f"No user has an e-mail like '{pattern}'" in refused.stderr
        assert "counted by a digest: give a whole one" in refused.stderr


def test_a_digest_is_known_by_its_beginning_as_the_record_has_it(run: Run, app: Flask, redis: Redis) -> None:
    guess(app, email="nobody@example.org", times=2)
    guess(app, email="somebody.else@example.org", times=1)
    (failed, *_) = json.loads(run("events list --kind authn_login_fail --format json").stdout)[1:]
    begun = failed["detail"]["account"]
    assert len(begun) == 12
    (whole,) = {row["who"] for row in listed(run, f"--match {begun}")}
    assert whole.startswith(begun)
    shown = json.loads(run(f"limits show --account {begun} --format json").stdout)
    assert shown == json.loads(run(f"limits show --account {whole} --format json").stdout)
    assert shown[0]["used"] == 2
    assert run(f"limits clear --account {begun} --dry-run").output == f"Would clear 2 counters of {begun}.\n"
    assert run(f"limits clear --account {begun}").output == f"Cleared 2 counters of {begun}.\n"
    assert {row["used"] for row in listed(run, "--lane account")} == {1}
    assert run(f"limits clear --account {begun}").output == f"Nothing was counted of {begun}.\n"
    missed = run(f"limits show --account {begun}")
    assert (missed.exit_code, missed.stdout) == (3, "")
    assert "limits list --lane account" in missed.stderr


def test_the_beginning_of_several_digests_is_of_none(run: Run, redis: Redis) -> None:
    for last in "01":
        redis.rpush(f"netflix:limits:sign-in:account:3600:{'0' * 31}{last}", int(redis.time()[0]) * 1_000_000)
    for command in ("show", "clear"):
        refused = run(f"limits {command} --account {'0' * 12}")
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert "of 2 e-mails begin with 000000000000. Give more of it." in refused.stderr
    assert len(listed(run, f"--match {'0' * 12}")) == 2
    assert run(f"limits clear --account {'0' * 11}").exit_code == 2


NOTE = "under the site's prefix are not the site's; see `netflix-admin doctor`.\n"


@pytest.mark.parametrize("options", ["", "--top 5", "--format json", "--blocked", "--blocked --format jsonl"])
def test_keys_that_are_not_the_site_s_are_told_of_once(run: Run, redis: Redis, mallory: Browser, options: str) -> None:
    assert run(f"limits list {options}").stderr == ""
    surround(redis)
    put(redis, BROKEN)
    redis.rpush("netflix:limits:sign-in:address:61:192.0.2.1", int(redis.time()[0]) * 1_000_000)
    told = run(f"limits list {options}")
    said = f"{json.loads(told.stderr)['note']}\n" if "json" in options else told.stderr
    assert (told.exit_code, said) == (0, f"6 keys {NOTE}")


def test_one_key_that_is_not_the_site_s_is_one(run: Run, redis: Redis) -> None:
    redis.set("netflix:limits:of another", 1)
    assert run("limits list").stderr == f"1 key {NOTE.replace('are', 'is')}"


def test_those_on_standard_input_are_shown_and_cleared(run: Run, app: Flask, ada: str) -> None:
    addresses = [f"203.0.113.{n}" for n in range(8)]
    for address in addresses:
        guess(app, address, times=1)
    given = "\n".join(addresses)
    assert len(json.loads(run("limits show --address - --format json", given=given).stdout)) == 8 * 10
    cleared = run("limits clear --address - --address 203.0.113.1", given=given).output
    assert cleared.startswith("Cleared 8 counters of 203.0.113.0, ")
    assert "and 3 more." in cleared
    refused = run("limits clear --account -", given="ada@example.org\nnonsense\n")
    assert refused.exit_code == 2
    assert "nonsense" in refused.stderr
    assert {row["lane"] for row in listed(run)} == {"account", "site"}


def test_the_first_and_the_last_attempt_are_told(run: Run, app: Flask, later: Callable[[timedelta], None]) -> None:
    guess(app, times=1)
    later(timedelta(seconds=30))
    guess(app, times=2)
    row = listed(run, f"--match {MALLORY}")[0]
    first, last = (datetime.fromisoformat(row[name]) for name in ("first", "last"))
    assert timedelta(seconds=29) <= last - first <= timedelta(seconds=32)
    (untouched, *_) = json.loads(run("limits show --address ::1 --format json").stdout)
    assert (untouched["first"], untouched["last"], untouched["used"]) == (None, None, 0)


def test_a_long_counter_is_told_as_exactly_as_a_short_one(run: Run, redis: Redis, later: Any) -> None:
    now = int(redis.time()[0]) * 1_000_000
    name = f"netflix:limits:in-a-row:account:2592000:{'0' * 32}"
    for length in (15, 16, 17, 60, 100):
        redis.delete(name)
        redis.rpush(name, *(now - n * 1_000_000 for n in range(length)), *([now - 2592001 * 1_000_000] * 3))
        redis.expire(name, 60)
        (row,) = listed(run, "--limit in-a-row")
        assert (row["used"], row["left"], row["blocked"]) == (length, 100 - length, length == 100)
        assert row["free_in"] > 0 if length == 100 else row["free_in"] == 0


@pytest.mark.parametrize(
    "text", ["no time", "nan", "inf", "1e400", "-1", "", "99999999999999999999", "0x7fffffffffffffff"]
)
@pytest.mark.parametrize("count", [1, 40])
def test_values_that_are_no_times_are_not_told_as_such(run: Run, redis: Redis, text: str, count: int) -> None:
    redis.rpush("netflix:limits:sign-in:address:60:192.0.2.1", *[text] * count)
    assert listed(run) == []


def test_a_redis_that_goes_half_way_leaves_whole_lines(
    build: Build, redis: Redis, redis_url: str, short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(redis, 3000)
    road = short_folder / "half-way.sock"
    road.symlink_to(redis_url.removeprefix("unix://"))
    site = build(redis_url=f"unix://{road}")
    true, calls = Redis.scan, []

    def scan(self: Redis, *args: Any, **options: Any) -> Any:
        calls.append(args)
        if len(calls) == 5:
            road.unlink()
            self.connection_pool.disconnect()
        return true(self, *args, **options)

    monkeypatch.setattr(Redis, "scan", scan)
    stopped = site.test_cli_runner().invoke(main, ["limits", "list", "--format", "jsonl"])
    assert stopped.exit_code == 5
    assert "Start it, or check NETFLIX_REDIS_URL." in stopped.stderr
    assert 1000 < len([json.loads(line) for line in stopped.stdout.splitlines()]) < 3000


def test_no_call_asks_redis_for_many_keys_at_once(run: Run, redis: Redis) -> None:
    many(redis, 3000)
    with round_trips() as trips:
        run("limits list --format jsonl")
    assert all(b"".join(one).count(b"netflix:limits:sign") <= 1000 for one in trips)
    assert len(trips) < 30


@pytest.fixture
def hung(config: Config, tmp_path_factory: pytest.TempPathFactory, short_folder: object) -> Iterator[str]:
    """The address of a Redis that takes connections and never answers."""
    with socket.socket(socket.AF_UNIX) as listening:
        path = f"{short_folder}/hung.sock"
        listening.bind(path)
        listening.listen()
        yield f"unix://{path}"


def test_a_hung_redis_is_told_within_seconds(build: Any, hung: str) -> None:
    answer = build(redis_url=hung).test_cli_runner().invoke(main, ["limits", "list"])
    assert answer.exit_code == 5


def test_a_redis_that_is_away_is_told_and_the_rest_of_the_terminal_goes_on(build: Any, ada: str) -> None:
    terminal = build(redis_url="unix:///nowhere/redis.sock").test_cli_runner()
    for args in (["list"], ["show", "--address", "::1"], ["clear", "--all", "--yes"]):
        refused = terminal.invoke(main, ["limits", *args])
        assert (refused.exit_code, refused.stdout) == (5, "")
        assert "Start it, or check NETFLIX_REDIS_URL." in refused.stderr
    assert ada in terminal.invoke(main, ["users", "list"]).stdout


def test_the_counters_themselves_tell_that_redis_is_away(build: Any) -> None:
    with build(redis_url="unix:///nowhere/redis.sock").app_context():
        with pytest.raises(CountersUnavailable):
            list(standing.read())
        with pytest.raises(CountersUnavailable):
            counter.clear()
