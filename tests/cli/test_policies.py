"""`netflix-admin limits explain` and `limits policy`: the rules, and what they would say."""

import json
import re
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import update

from cli import main
from netflix.accounts import registration
from netflix.accounts.user import User
from netflix.config import Config
from netflix.extensions import db
from netflix.limits.policy import LIMITS
from netflix.lockdown import lockdown
from netflix.signin import access
from netflix.signin.device import Device
from netflix.values import rates
from tests.cli.conftest import Run
from tests.cli.terminal import at_a_terminal
from tests.conftest import Build
from tests.people import MALLORY, Browser

HOME = "192.0.2.10"


def explain(run: Run, address: str = HOME, account: str = "ada@example.org", more: str = "") -> Any:
    return run(f"limits explain --address {address} --account {account} {more} --format json")


def guess(app: Flask, times: int, address: str = MALLORY, email: str = "ada@example.org") -> None:
    browser = Browser(app, address)
    for _ in range(times):
        browser.sign_in(email, "not the password")


def digest(app: Flask, email: str) -> str:
    with app.app_context():
        (device,) = Device.of(User.named(email).id)
        return device.digest[:16].hex()


def decided(told: Any) -> list[tuple[str, str, int | None]]:
    """The rule that decides, if one does, or what else."""
    return [(row["limit"], row["lane"], row["window"]) for row in json.loads(told.stdout) if row["decides"]]


def notes(told: Any) -> list[str]:
    """Each line of standard error is JSON, as the rows are."""
    return [line["note"] for line in map(json.loads, told.stderr.splitlines()) if "note" in line]


def test_who_has_attempts_left_would_be_let_in(run: Run, app: Flask, ada: str) -> None:
    guess(app, 2, HOME)
    told = explain(run)
    assert (told.exit_code, notes(told), decided(told)) == (0, ["It would be let in."], [])
    fields = ("lane", "who", "window", "used", "allowed")
    assert [tuple(row[field] for field in fields) for row in json.loads(told.stdout)] == [
        ("address", HOME, 60, 2, 5),
        ("address", HOME, 3600, 2, 20),
        ("account", ada, 3600, 2, 10),
        ("account", ada, 2592000, 2, 100),
        ("site", "all", 300, 2, 1000),
    ]


def test_the_rule_that_decides_is_named_with_its_wait_and_its_remedy(run: Run, app: Flask, ada: str) -> None:
    guess(app, 6)
    told = explain(run, MALLORY)
    assert (told.exit_code, decided(told)) == (7, [("sign-in", "address", 60)])
    (row,) = [row for row in json.loads(told.stdout) if row["decides"]]
    assert 50 <= row.pop("free_in") <= 60
    assert row == {
        "limit": "sign-in",
        "lane": "address",
        "who": MALLORY,
        "window": 60,
        "used": 5,
        "allowed": 5,
        "decides": True,
        "counts": "strangers' failed attempts to sign in",
    }
    error = json.loads(told.stderr)["error"]
    assert error["exit_code"] == 7
    assert f"to sign in ({MALLORY}) 5 of 5 are used up" in error["detail"]
    assert f"`netflix-admin limits clear --address {MALLORY}`" in error["detail"]


@pytest.mark.parametrize("fields", ["", " --fields limit,lane,decides"])
def test_people_are_told_in_words_beside_the_table(run: Run, app: Flask, ada: str, fields: str) -> None:
    guess(app, 6)
    told = run(f"limits explain --address {MALLORY} --account ADA@example.org{fields}")
    assert told.stderr.startswith("Error: It would be refused. Of strangers' failed attempts to sign in")
    assert len(told.stdout.splitlines()) == 5


def test_a_known_browser_is_counted_alone(run: Run, app: Flask, browser: Browser, ada: str) -> None:
    browser.sign_in(ada)
    guess(app, 20)
    guess(app, 20, "198.51.100.67")
    known = explain(run, more=f"--device {digest(app, ada)}")
    assert (known.exit_code, {row["lane"] for row in json.loads(known.stdout)}) == (0, {"device"})
    assert "strangers' attempts do not count" in known.stderr
    assert (explain(run).exit_code, decided(explain(run))) == (7, [("sign-in", "account", 3600)])


def test_each_browser_that_the_account_knows_is_answered_for_too(run: Run, app: Flask, ada: str) -> None:
    own, other = Browser(app), Browser(app)
    for browser in (own, other):
        browser.sign_in(ada)
        browser.sign_out()
    for _ in range(5):
        own.sign_in(ada, "not the password")
    told = explain(run)
    (decides,) = (row for row in json.loads(told.stdout) if row["decides"])
    assert (told.exit_code, decides["lane"], decides["window"], decides["used"]) == (0, "device", 60, 5)
    assert f"which it knows ({decides['who']}), it would be refused. Of failed attempts" in told.stderr
    assert f"`netflix-admin limits clear --device {decides['who']}`" in told.stderr
    assert notes(told)[-2:] == [
        "In the other browser that it knows it would be let in.",
        "In any other it would be let in.",
    ]
    guess(app, 6, HOME)
    told = explain(run)
    assert (told.exit_code, [row["lane"] for row in json.loads(told.stdout) if row["decides"]]) == (
        7,
        ["address", "device"],
    )
    assert len(notes(told)) == len(told.stderr.splitlines()) - 1
    refused = json.loads(told.stderr.splitlines()[-1])["error"]["detail"]
    assert refused.startswith("In any other it would be refused. Of strangers'")
    run(f"limits clear --device {decides['who']}")
    with app.app_context():
        access.disable(ada)
    told = explain(run)
    assert "In the 2 browsers that it knows it would be refused as elsewhere." in told.stderr


def test_a_browser_of_another_account_is_a_stranger(run: Run, app: Flask, browser: Browser, ada: str) -> None:
    browser.sign_in(ada)
    with app.app_context():
        registration.create("bob@example.org", "seven quiet lanterns")
    told = explain(run, account="bob@example.org", more=f"--device {digest(app, ada)}")
    assert {row["lane"] for row in json.loads(told.stdout)} == {"address", "account", "site"}
    assert "counts as a stranger" in told.stderr


def test_a_browser_that_was_ended_is_counted_as_known_and_as_a_stranger(
    run: Run, app: Flask, browser: Browser, ada: str
) -> None:
    browser.sign_in(ada)
    known = digest(app, ada)
    browser.sign_out()
    guess(app, 3, HOME)
    for _ in range(5):
        browser.sign_in(ada, "not the password")
    run(f"devices end --user {ada}")
    assert decided(explain(run, more=f"--device {known}")) == [("sign-in", "device", 60)]
    assert browser.sign_in(ada).status_code == 429
    run(f"limits clear --device {known}")
    told = explain(run, more=f"--device {known}")
    assert (told.exit_code, {row["lane"] for row in json.loads(told.stdout)}) == (
        0,
        {"device", "address", "account", "site"},
    )
    assert browser.sign_in(ada).status_code == 303


def test_codes_are_limits_of_the_second_step(run: Run, app: Flask, ada: str) -> None:
    with app.app_context():
        User.named(ada).totp_secret = "sealed"
        db.session.commit()
    told = explain(run)
    assert told.exit_code == 0
    assert [row["lane"] for row in json.loads(told.stdout) if row["limit"] == "second-step"] == [
        "address",
        "address",
        "account",
        "account",
        "account",
    ]
    assert notes(told) == ["A code is asked for after the password.", "It would be let in."]


def test_codes_of_a_browser_that_only_a_link_made_known_are_a_stranger_s(
    run: Run, app: Flask, browser: Browser, ada: str
) -> None:
    browser.sign_in(ada)
    known = digest(app, ada)
    with app.app_context():
        User.named(ada).totp_secret = "sealed"
        db.session.execute(update(Device).values(by_link=True))
        db.session.commit()
    told = explain(run, more=f"--device {known}")
    assert {row["lane"] for row in json.loads(told.stdout) if row["limit"] == "codes-in-a-row"} == {"account"}
    assert {row["lane"] for row in json.loads(told.stdout) if row["limit"] == "in-a-row"} == {"device"}
    assert "Nobody has signed in on it since a mailed link made it known" in told.stderr


def test_nobody_is_let_in_to_no_account(run: Run, ada: str) -> None:
    told = explain(run, account="nobody@example.org")
    assert (told.exit_code, decided(told)) == (7, [("no-user", "account", None)])
    assert "No user has the e-mail nobody@example.org. See `netflix-admin users list`." in told.stderr


def test_a_disabled_user_and_one_without_a_password_are_named(run: Run, app: Flask, ada: str) -> None:
    with app.app_context():
        access.disable(ada)
    assert f"{ada} is disabled. `netflix-admin users enable {ada}`" in explain(run).stderr
    with app.app_context():
        access.enable(ada)
        access.reset_by_link(ada)
    told = explain(run)
    assert (told.exit_code, f"{ada} has no password." in told.stderr) == (7, True)


def test_what_decides_is_a_row_also_when_it_is_no_limit(run: Run, app: Flask, ada: str) -> None:
    with app.app_context():
        access.disable(ada)
        lockdown.turn_on("stolen passwords")
    told = explain(run)
    assert decided(told) == [("disabled", "account", None)]
    others = {row["limit"]: row for row in json.loads(told.stdout) if row["window"] is None}
    assert set(others) == {"disabled", "lockdown"}
    assert others["disabled"] == {
        "limit": "disabled",
        "lane": "account",
        "who": ada,
        "counts": f"{ada} is disabled.",
        "decides": True,
        "free_in": None,
        "window": None,
        "used": None,
        "allowed": None,
    }
    with app.app_context():
        access.enable(ada)
    assert decided(explain(run)) == [("lockdown", "site", None)]
    with app.app_context():
        access.reset_by_link(ada)
    assert decided(explain(run)) == [("no-password", "account", None)]


def test_a_ban_decides_before_every_limit_and_alone(run: Run, app: Flask, ada: str) -> None:
    guess(app, 6)
    run(f"bans add {MALLORY} --for 1h")
    told = explain(run, MALLORY)
    assert decided(told) == [("ban", "address", None)]
    (first, *_) = json.loads(told.stdout)
    assert (first["who"], first["counts"]) == (MALLORY, f"{MALLORY} is banned.")
    assert 3590 <= first["free_in"] <= 3600
    run("bans revoke 1")
    run(f"bans add {MALLORY}")
    assert json.loads(explain(run, MALLORY).stdout)[0]["free_in"] is None


def test_what_decides_stands_in_the_table_too(config: Config, run: Run, ada: str) -> None:
    run("bans add 203.0.113.0/24")
    seen = at_a_terminal(config, "limits", "explain", "--address", "203.0.113.9", "--account", ada)
    rows = [line for line in re.sub("\x1b[^m]*m", "", seen.screen).splitlines() if line.startswith("ban ")]
    assert [row.split()[-2:] for row in rows] == [["this", "one"]]


def test_all_that_stands_against_it_is_told_what_decides_first(run: Run, app: Flask) -> None:
    guess(app, 6, email="nobody@example.org")
    told = json.loads(explain(run, MALLORY, "nobody@example.org").stderr)["error"]["detail"]
    assert 0 < told.index("are used up") < told.index("No user has")


def test_explaining_changes_nothing(run: Run, app: Flask, redis: Redis, config: Config, ada: str) -> None:
    guess(app, 6)

    def everything() -> tuple[dict[bytes, Any], dict[Path, bytes], list[str]]:
        kept = {name: (redis.dump(name), redis.pexpiretime(name)) for name in redis.scan_iter()}
        files = {path: path.read_bytes() for path in config.instance.glob("limits.*")}
        with closing(sqlite3.connect(config.instance / "netflix.db")) as database:
            return kept, files, list(database.iterdump())

    before = everything()
    for address in (MALLORY, HOME, "2001:db8::1"):
        explain(run, address)
    assert everything() == before
    assert before[0]
    assert config.instance / "limits.journal" in before[1]


def test_no_journal_is_made_by_looking(run: Run, config: Config, ada: str) -> None:
    assert explain(run).exit_code == 0
    assert not list(config.instance.glob("limits.*"))


def test_an_ipv6_household_is_its_64(run: Run, app: Flask, ada: str) -> None:
    guess(app, 6, "2001:db8:1:2::7")
    assert decided(explain(run, "2001:db8:1:2:ffff::1")) == [("sign-in", "address", 60)]
    assert decided(explain(run, "2001:db8:1:3::7")) == []


@pytest.mark.parametrize(
    "args",
    [
        "",
        "--address ::1",
        "--account ada@example.org",
        "--address nonsense --account ada@example.org",
        "--address ::1 --account ada",
        "--address ::1 --account ada@example.org --device 7",
        "--address ::1 --address ::2 --account ada@example.org",
        "--address ::1 --account ada@example.org --account bob@example.org",
    ],
)
def test_a_slip_is_told_before_anything_is_looked_at(run: Run, args: str) -> None:
    told = run(f"limits explain {args}")
    assert (told.exit_code, told.stdout) == (2, "")


def test_the_journal_decides_while_redis_is_away(build: Build, admin: Any, tmp_path: Path, ada: str) -> None:
    site = build(redis_url=f"unix://{tmp_path / 'gone.sock'}")
    guess(site, 6)
    args = f"limits explain --address {MALLORY} --account {ada} --format json".split()
    told = site.test_cli_runner().invoke(main, args)
    assert (told.exit_code, decided(told)) == (7, [("sign-in", "address", 60)])
    assert "Redis does not answer" in told.stderr
    site.extensions["netflix-counters"].store.degraded = False


def test_the_table_of_limits_is_shown_whole(run: Run, build: Build) -> None:
    rows = json.loads(run("limits policy --format json").stdout)
    assert {(row["limit"], row["lane"]) for row in rows} == {(limit.name, str(limit.lane)) for limit in LIMITS}
    assert [row for row in rows if row["setting"] == "NETFLIX_LOGIN_LIMIT"] == [
        {
            "limit": "sign-in",
            "lane": "address",
            "amount": amount,
            "window": window,
            "counts": "strangers' failed attempts to sign in",
            "setting": "NETFLIX_LOGIN_LIMIT",
        }
        for amount, window in ((5, 60), (20, 3600))
    ]
    assert {row["setting"] for row in rows if row["limit"] == "in-a-row"} == {None}


def test_a_setting_changes_the_table(build: Build) -> None:
    site = build(account_limit=rates("7 per 2 hours"))
    told = site.test_cli_runner().invoke(main, ["limits", "policy", "--format", "jsonl"])
    rows = [json.loads(line) for line in told.stdout.splitlines()]
    assert [(r["amount"], r["window"]) for r in rows if r["setting"] == "NETFLIX_ACCOUNT_LIMIT"] == [(7, 7200)]


def test_what_was_used_long_ago_does_not_count(run: Run, app: Flask, later: Any, ada: str) -> None:
    guess(app, 5)
    later(timedelta(seconds=61))
    told = explain(run, MALLORY)
    assert [(r["window"], r["used"]) for r in json.loads(told.stdout) if r["lane"] == "address"] == [(60, 0), (3600, 5)]
