"""`netflix-admin limits simulate`: the numbers of a log that was worked out by hand, and of logs that are not in order.

`sign-ins.jsonl`: a botnet of three guesses at Ada's account (8, 8 and 3 times within 23 seconds); Ada signs in
rightly from home 30 seconds after it began, mistypes at 40, comes from a known browser elsewhere at 50, and from home
again after an hour; Bob, at the same home, mistypes twice and is right at the third time; somebody there mistypes
an e-mail.
"""

import gzip
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from redis import Redis

from netflix.signin import logged, replay, simulation
from tests.cli.conftest import Run
from tests.people import Browser

POST = "POST /login HTTP/1.1"
LOG = Path(__file__).with_name("sign-ins.jsonl")


def numbers(told: Any, which: str = "present") -> dict[tuple[str, str], int]:
    assert told.exit_code == 0, told.output
    return {(row["of"], row["what"]): row[which] for row in json.loads(told.stdout) if row[which] is not None}


@pytest.fixture
def policy(tmp_path: Path) -> Any:
    """A file that proposes these lines."""

    def written(*lines: str) -> Path:
        path = tmp_path / "policy.env"
        path.write_text("\n".join(lines))
        return path

    return written


@pytest.fixture
def log(tmp_path: Path) -> Any:
    """A log of these lines."""

    def written(*lines: str | bytes) -> Path:
        path = tmp_path / "a.log"
        path.write_bytes(b"".join((line if isinstance(line, bytes) else line.encode()) + b"\n" for line in lines))
        return path

    return written


def test_a_botnet_and_a_household_are_told_apart(run: Run) -> None:
    assert numbers(run(f"limits simulate {LOG} --format json")) == {
        ("all", "attempts"): 27,
        ("all", "attempts refused"): 11,
        ("attackers", "addresses"): 3,
        ("attackers", "attempts"): 19,
        ("attackers", "attempts refused"): 9,
        ("people", "people"): 3,
        ("people", "people hit"): 1,
        ("people", "attempts"): 7,
        ("people", "attempts refused"): 2,
        ("people", "right passwords refused"): 1,
        ("unclear", "attempts"): 1,
        ("unclear", "attempts refused"): 0,
        ("rules", "refused by sign-in, address: 5 in 1 min"): 3,
        ("rules", "refused by sign-in, address: 20 in 1 h"): 0,
        ("rules", "refused by sign-in, account: 10 in 1 h"): 8,
        ("rules", "refused by in-a-row, account: 100 in 30 d"): 0,
        ("rules", "refused by sign-in, site: 1000 in 5 min"): 0,
        ("rules", "refused by sign-in, device: 5 in 1 min"): 0,
        ("rules", "refused by sign-in, device: 10 in 1 h"): 0,
        ("rules", "refused by in-a-row, device: 100 in 30 d"): 0,
        ("hit", "ada@example.org from 192.0.2.7"): 3570,
    }


def test_a_stricter_policy_stops_more_and_hits_others(run: Run, policy: Any) -> None:
    stricter = policy("# fewer", "NETFLIX_LOGIN_LIMIT=2 per minute")
    told = run(f"limits simulate {LOG} --policy {stricter} --format json")
    assert numbers(told)["attackers", "attempts refused"] == 9
    proposed = numbers(told, "proposed")
    assert proposed["all", "attempts refused"] == 16
    assert proposed["attackers", "attempts refused"] == 13
    assert (proposed["people", "people hit"], proposed["people", "attempts refused"]) == (1, 2)
    assert proposed["people", "right passwords refused"] == 1
    assert proposed["unclear", "attempts refused"] == 1
    assert proposed["rules", "refused by sign-in, address: 2 in 1 min"] == 16
    assert ("rules", "refused by sign-in, address: 20 in 1 h") not in proposed
    assert {what: row for (of, what), row in proposed.items() if of == "hit"} == {
        "ada@example.org from 192.0.2.7": 0,
        "bob@example.org from 192.0.2.7": 39,
    }


def test_a_looser_policy_stops_fewer_and_hits_nobody(run: Run, policy: Any) -> None:
    looser = policy("export NETFLIX_ACCOUNT_LIMIT='100 per hour'", "SSL_CERT_FILE=/etc/ssl/cert.pem", "NETFLIX_PORT=1")
    told = run(f"limits simulate {LOG} --policy {looser} --format json")
    proposed = numbers(told, "proposed")
    assert (proposed["attackers", "attempts refused"], proposed["people", "people hit"]) == (6, 0)
    assert "a looser policy would meet more" in told.stderr


def test_no_more_people_are_named_than_asked_for(run: Run) -> None:
    assert not [of for of, _ in numbers(run(f"limits simulate {LOG} --worst 0 --format json")) if of == "hit"]


def test_the_record_of_the_site_itself_is_replayed(run: Run, app: Flask, browser: Browser, ada: str) -> None:
    stranger = Browser(app, "198.51.100.66")
    for _ in range(4):
        stranger.sign_in(ada, "not the password")
        stranger.sign_in("nobody@example.org", "not the password")
    browser.sign_in(ada)
    browser.sign_out()
    for _ in range(5):
        browser.sign_in(ada, "not the password")
    record = run("events export").stdout
    told = numbers(run("limits simulate - --format json", given=record))
    assert told["attackers", "attempts"] == 5
    assert (told["people", "people"], told["people", "attempts"]) == (1, 6)
    assert told["all", "attempts refused"] == 0
    # A sixth, as it would have been written down.
    (last,) = [line for line in record.splitlines() if '"known": true' in line][-1:]
    told = numbers(run("limits simulate - --format json", given=f"{record}{last}\n"))
    assert told["rules", "refused by sign-in, device: 5 in 1 min"] == 1


def test_other_events_are_no_attempts(run: Run, log: Any) -> None:
    event = json.loads(LOG.read_text().splitlines()[0])
    others = [
        event | {"detail": {"proof": "password"}},
        event | {"detail": {"second_step": "code"}},
        event | {"detail": {"passkey": "unknown"}},
        event | {"kind": "session_expired"},
        event | {"kind": "authn_login_success", "detail": {"factor": "passkey", "browser": "x", "known": True}},
    ]
    told = run(f"limits simulate {log(*map(json.dumps, [event, *others]))} --format json")
    assert numbers(told)["all", "attempts"] == 1
    assert told.stderr == ""


def line(
    address: str,
    second: int,
    status: int = 401,
    agent: str | None = "Mozilla/5.0",
    request: str = "POST /login HTTP/1.1",
) -> str:
    at = datetime.fromtimestamp(1_795_000_000 + second, UTC)
    seen = f' "https://x/" "{agent}"' if agent is not None else ""
    return f'{address} - - [{at:%d/%b/%Y:%H:%M:%S +0000}] "{request}" {status} 512{seen}'


@pytest.mark.parametrize("agent", [None, 'Mozilla/5.0 (say \\"hi\\") [x]'])
def test_an_access_log_counts_addresses(run: Run, log: Any, agent: str | None) -> None:
    lines = [line("198.51.100.1", second, 429 if second > 4 else 401, agent) for second in range(8)]
    lines += [line("2001:db8::1", 10, 401, agent), line("2001:db8::2", 12, 303, agent)]
    lines += [line("192.0.2.7", 20, status, agent) for status in (200, 422, 400, 503)]
    lines += [
        line("192.0.2.7", 20, 401, agent, "GET /login HTTP/1.1"),
        line("192.0.2.7", 21, 401, agent, "POST /prove x"),
    ]
    lines += [line("198.51.100.1", 22, 401, agent, "POST /login?next=/ HTTP/2.0")]
    told = run(f"limits simulate {log(*lines)} --format json")
    found = numbers(told)
    assert found["all", "attempts"] == 11
    assert (found["attackers", "addresses"], found["attackers", "attempts refused"]) == (1, 4)
    assert (found["people", "people"], found["people", "attempts"], found["people", "people hit"]) == (1, 2, 0)
    assert found["rules", "refused by sign-in, address: 5 in 1 min"] == 4
    assert "names no accounts" in told.stderr


def test_in_an_access_log_a_browser_is_known_once_it_signed_in(run: Run, log: Any) -> None:
    lines = [line("192.0.2.7", 0, 303)] + [line("192.0.2.7", second) for second in range(1, 7)]
    found = numbers(run(f"limits simulate {log(*lines)} --format json"))
    assert found["rules", "refused by sign-in, device: 5 in 1 min"] == 1
    assert found["hit", "192.0.2.7"] == 55


def test_a_time_is_read_with_its_zone() -> None:
    assert logged.at("24/Nov/2026:21:00:30 +0100") == logged.at("24/Nov/2026:15:30:30 -0430")
    assert (
        logged.at("24/Nov/2026:20:00:30 +0000")
        == int(datetime(2026, 11, 24, 20, 0, 30, tzinfo=UTC).timestamp()) * 10**6
    )


def test_a_packed_log_is_unpacked(run: Run, tmp_path: Path) -> None:
    packed = tmp_path / "log.gz"
    packed.write_bytes(gzip.compress(LOG.read_bytes()))
    assert numbers(run(f"limits simulate {packed} --format json"))["all", "attempts"] == 27
    packed.write_bytes(packed.read_bytes()[:-20])
    broken = run(f"limits simulate {packed}")
    assert (broken.exit_code, "compressed, and broken" in broken.stderr) == (7, True)


def test_lines_that_cannot_be_read_are_counted_and_the_first_is_told(run: Run, log: Any) -> None:
    events = LOG.read_bytes().splitlines()
    broken: list[bytes] = [
        b"\xff\xfe",
        b"{",
        b"[]",
        b"7",
        b'{"kind": 1}',
        b"{" + b"x" * 200_000,
        events[0][:-9],
        b"[" * 9000,
    ]
    # An account that nobody has, since it is longer than an e-mail can be, is not kept either.
    broken += [events[0].replace(b"ada@", b"a" * 300 + b"@")]
    broken += [events[0].replace(b"2026-11-24", b"2026-99-24"), events[19].replace(b'"factor"', b'"actor"')]
    path = log(*events, b"", *broken)
    told = run(f"limits simulate {path} --format json")
    assert numbers(told)["all", "attempts"] == 27
    assert "11 lines could not be read, the first is line 29." in told.stderr


def test_lines_of_an_access_log_that_cannot_be_read_are_counted_too(run: Run, log: Any) -> None:
    good = line("192.0.2.7", 0)
    broken = [
        b"\xff",
        "nonsense",
        good.replace("/20", "/xx"),
        good.replace("Nov", "Foo"),
        re.sub(r"\[.*\]", "[01/Jan/0001:00:00:00 +2300]", good),
        good.replace("192.0.2.7", "a.b"),
    ]
    told = run(f"limits simulate {log(good, *broken)} --format json")
    assert "6 lines could not be read, the first is line 2." in told.stderr


def test_attempts_in_disorder_are_told(run: Run, log: Any) -> None:
    told = run(f"limits simulate {log(line('::1', 300), line('::1', 299), line('::2', 0))} --format json")
    assert "1 attempt stands after later ones" in told.stderr
    assert numbers(told)["all", "attempts"] == 3


@pytest.mark.parametrize("lines", [[], [""], [line("::1", 0, 200)], ['{"kind": "session_expired", "detail": {}}']])
def test_a_log_without_attempts_is_said_to_be_one(run: Run, log: Any, lines: list[str]) -> None:
    told = run(f"limits simulate {log(*lines)}")
    assert (told.exit_code, told.stdout) == (3, "")
    assert "no attempt to sign in" in told.stderr


def test_what_is_no_log_is_a_slip_unless_it_is_said_which(run: Run, log: Any) -> None:
    path = log("hello", line("::1", 0))
    told = run(f"limits simulate {path}")
    assert (told.exit_code, told.stdout) == (2, "")
    assert "--log-format" in told.stderr
    assert numbers(run(f"limits simulate {path} --log-format access --format json"))["all", "attempts"] == 1


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (["NETFLIX_LOGIN_LIMIT=often"], "NETFLIX_LOGIN_LIMIT: 'often' is not valid; it accepts a limit such as"),
        (["NETFLIX_LOGIN_LIMITS=5 per minute"], "did you mean NETFLIX_LOGIN_LIMIT?"),
        (["NETFLIX_DEVICE_LIMIT=5 per minute"], "NETFLIX_DEVICE_LIMIT: there is no such setting"),
        (["NETFLIX_LOGIN_LIMIT=5 per minute", "and more"], "Line 2 is not like"),
        (["a line of the log"] * 1000, "And 990 more: is it the right file?"),
        (["NETFLIX_REGISTRATION_LIMIT=5 per minute"], "It sets none of NETFLIX_LOGIN_LIMIT, NETFLIX_ACCOUNT_LIMIT"),
        ([], "It sets none of"),
    ],
)
def test_a_policy_is_refused_as_settings_are(run: Run, policy: Any, lines: list[str], sentence: str) -> None:
    told = run(f"limits simulate {LOG} --policy {policy(*lines)}")
    assert (told.exit_code, told.stdout) == (2, "")
    assert sentence in told.stderr


def test_files_that_are_not_there_or_not_text_are_slips(run: Run, tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes(b"\xff")
    assert run("limits simulate nowhere.log").exit_code == 2
    assert run(f"limits simulate {LOG} --policy nowhere").exit_code == 2
    assert run(f"limits simulate {LOG} --policy {tmp_path / 'p'}").exit_code == 2


def test_nothing_is_counted_by_it(run: Run, redis: Redis, app: Flask) -> None:
    run(f"limits simulate {LOG}")
    assert list(redis.scan_iter()) == []
    assert not list(app.extensions["netflix-config"].instance.glob("limits.*"))


def test_without_room_the_sums_are_still_right(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for bound in ("MOST_ADDRESSES", "MOST_PARTIES"):
        monkeypatch.setattr(simulation, bound, 2)
    found = numbers(run(f"limits simulate {LOG} --format json"))
    assert (found["all", "attempts"], found["all", "attempts refused"]) == (27, 11)
    assert found["attackers", "attempts refused"] == 9


def test_forgotten_counters_are_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay.AllWindows, "capacity", 4)
    assert "counters were forgotten" in run(f"limits simulate {LOG}").stderr
