"""`netflix-admin bans`."""

import ipaddress
import json
import re
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from netflix import orders
from netflix.bans.ban import Ban
from netflix.config import Config
from netflix.events import event, verification
from netflix.events.event import Wanted, latest
from netflix.extensions import db
from tests.cli.conftest import Run
from tests.cli.terminal import at_a_terminal
from tests.people import Browser
from tests.served.parts import program

KNOWN = "Every process of the site knows it within 2 seconds.\n"


def listed(run: Run, more: str = "") -> list[dict[str, Any]]:
    return json.loads(run(f"bans list --format json {more}").stdout)


def test_a_network_is_out_for_good_or_for_a_while(run: Run) -> None:
    assert run("bans add 192.0.2.0/24").output == f"192.0.2.0/24 is banned for good.\n{KNOWN}"
    assert re.match(
        r"203\.0\.113\.7 is banned until \d{4}-\d\d-\d\dT[\d:]{8}Z\.\n",
        run("bans", "add", "203.0.113.7", "--for", "7d", "--reason", "guessed all night").output,
    )
    rows = listed(run)
    assert [(row["network"], row["reason"], row["until"] is None) for row in rows] == [
        ("203.0.113.7/32", "guessed all night", False),
        ("192.0.2.0/24", "", True),
    ]
    assert all(row["by"].startswith("operator:") for row in rows)


def test_an_ipv6_address_is_said_to_stand_for_its_household(run: Run) -> None:
    assert run("bans add 2001:db8::7").output.startswith("2001:db8::/64 is banned for good.")


def test_several_and_those_of_standard_input(run: Run) -> None:
    given = "# of others\n192.0.2.2\n\n; SBL\n 192.0.2.3 ; SBL1\n192.0.2.1 # once more\n"
    done = run("bans", "add", "192.0.2.1", "-", given=given)
    assert done.exit_code == 0
    assert {row["network"] for row in listed(run)} == {f"192.0.2.{n}/32" for n in (1, 2, 3)}
    assert run("bans", "add", "-").output == ""


def test_one_that_is_out_already_is_told_or_renewed(run: Run) -> None:
    run("bans add 192.0.2.7 --reason spam")
    assert run("bans add 192.0.2.7").output == "192.0.2.7 is banned already, for good.\n"
    for reason in ("spam", "", " "):
        told = run("bans", "add", "192.0.2.7", "--reason", reason).output
        assert told == "192.0.2.7 is banned already, for good.\n"
    assert "was banned already, and now is until" in run("bans add 192.0.2.7 --for 1h").output
    (row,) = listed(run)
    assert row["reason"] == "spam"
    assert row["until"]


def test_of_several_those_that_stay_as_they_are_are_not_told(run: Run) -> None:
    run("bans add 192.0.2.7")
    assert run("bans add 192.0.2.7 192.0.2.8").output == f"192.0.2.8 is banned for good.\n{KNOWN}"
    assert run("bans add 192.0.2.7 192.0.2.8").output == ""


def test_many_are_told_in_sum(run: Run) -> None:
    many = "\n".join(f"192.0.2.{n}" for n in range(60))
    run("bans add 192.0.2.7 --for 1h")
    run("bans add 192.0.2.8")
    assert run("bans", "add", "-", given=many).output == f"58 new bans, 1 renewed, 1 as they were, for good.\n{KNOWN}"
    assert run("bans", "add", "-", given=many).output == ""
    assert run("bans", "revoke", "-", given=many).output == f"60 networks are let in again.\n{KNOWN}"


def test_a_dry_run_says_what_would_be_and_changes_nothing(run: Run, app: Flask) -> None:
    run("bans add 192.0.2.7")

    def dump() -> list[str]:
        with app.app_context(), db.engine.connect() as connection:
            return list(connection.connection.iterdump())

    before = dump()
    done = run("bans add 192.0.2.8 192.0.2.7 127.0.0.1 --for 1h --dry-run")
    assert "192.0.2.8 would be banned until" in done.stdout
    assert "192.0.2.7 is banned already, and would be until" in done.stdout
    assert done.exit_code == 8
    assert run("bans revoke 192.0.2.7 --dry-run").output == "192.0.2.7 would be let in again.\n"
    assert dump() == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("192.0.2.7/24", "the network is 192.0.2.0/24."),
        ("192.0.2", "'192.0.2' is no address or network."),
        ("192.0.2.7 --for soon", "'soon' is no time."),
        ("192.0.2.7 --for 100000d", "'--for': '100000d' is too long. Give 99999d at most."),
        (f"192.0.2.7 --reason {'x' * 201}", "That reason is too long."),
        ("192.0.2.7 --reason a\udcff", "That reason has characters that cannot be seen."),
        ("", "Missing argument"),
    ],
)
def test_a_slip_shuts_nobody_out(run: Run, words: str, told: str) -> None:
    done = run(f"bans add {words} 192.0.2.9" if words.startswith("192.0.2.7/") else f"bans add {words}")
    assert done.exit_code == 2
    assert told in done.stderr
    assert listed(run) == []


def test_loopback_is_refused_with_its_reason_and_the_others_are_done(run: Run) -> None:
    done = run("bans add 127.0.0.1 192.0.2.7")
    assert done.exit_code == 8
    assert "this machine itself" in done.stderr
    assert "add --yes" in done.stderr
    assert [row["network"] for row in listed(run)] == ["192.0.2.7/32"]
    assert run("bans add 127.0.0.1").exit_code == 7
    assert run("bans add 127.0.0.1 --yes").exit_code == 0


def test_who_would_shut_out_an_administrator_is_asked_first(run: Run, browser: Browser, grace: str, ada: str) -> None:
    Browser(browser.client.application, "203.0.113.5").sign_in(ada)
    browser.sign_in(grace)
    done = run("bans add 192.0.2.0/24 203.0.113.0/24")
    assert done.exit_code == 8
    assert "shuts out grace@example.org, an administrator who is signed in from 192.0.2.10" in done.stderr
    assert [row["network"] for row in listed(run)] == ["203.0.113.0/24"]
    assert run("bans add 192.0.2.0/24 --yes").exit_code == 0


def test_revoking_lets_in_by_network_and_by_number(run: Run) -> None:
    run("bans add 192.0.2.7 192.0.2.8 2001:db8::7 192.0.2.128/25")
    assert run("bans revoke 192.0.2.7 2").output == (f"192.0.2.7 is let in again.\n192.0.2.8 is let in again.\n{KNOWN}")
    assert run("bans revoke 2001:db8::99").exit_code == 0
    assert run("bans revoke 192.0.2.7").exit_code == 3
    wider = run("bans revoke 192.0.2.200")
    assert "`netflix-admin bans revoke 192.0.2.128/25`" in wider.stderr
    assert run("bans revoke 4 99").exit_code == 8
    assert listed(run) == []
    assert [row["state"] for row in listed(run, "--all")] == ["revoked"] * 4


def test_who_is_still_shut_out_by_a_wider_ban_is_not_said_to_be_let_in(run: Run) -> None:
    run("bans add 203.0.113.0/24 203.0.113.7 203.0.113.8")
    still = "banned by itself, but still shut out by 203.0.113.0/24 (ban 1)."
    assert run("bans revoke 203.0.113.7 --dry-run").output == f"203.0.113.7 would no longer be {still}\n"
    assert run("bans revoke 203.0.113.7").output == f"203.0.113.7 is no longer {still}\n{KNOWN}"
    both = "203.0.113.8 would be let in again.\n203.0.113.0/24 would be let in again.\n"
    assert run("bans revoke 203.0.113.8 1 --dry-run").output == both
    assert run("bans revoke 203.0.113.8 1").output == f"{both.replace('would be', 'is')}{KNOWN}"


def test_of_many_those_that_are_still_shut_out_are_counted(run: Run) -> None:
    many = "\n".join(f"192.0.2.{n}" for n in range(60))
    run("bans", "add", "-", "192.0.2.0/28", given=many)
    told = run("bans", "revoke", "-", given=many).output
    assert told.startswith("60 networks are let in again, but 16 of them are still shut out by wider bans.\n")


@pytest.mark.parametrize("which", ["1", "192.0.2.7"])
def test_of_one_that_has_ended_the_list_is_named_that_shows_it(run: Run, which: str) -> None:
    run("bans add 192.0.2.7")
    run("bans revoke 192.0.2.7")
    told = run(f"bans revoke {which}")
    assert (told.exit_code, "has ended already. See `netflix-admin bans list --all`." in told.stderr) == (3, True)


def test_those_of_one_call_are_one_order_each_with_its_event(run: Run, app: Flask) -> None:
    run("bans add 192.0.2.3 --for 1h")
    with app.app_context():
        before, recorded = next(iter(orders.COUNT())), event.length()
        run("bans", "add", "-", given="\n".join(f"192.0.2.{n}" for n in range(200)))
        assert next(iter(orders.COUNT())) == before + 1
        assert {row.order_number for row in Ban.all()} == {before + 1}
        rows = list(event.following(Wanted(), recorded))
        assert [row.kind for row in rows] == ["ban_added"] * 199 + ["ban_renewed"]
        assert {row.details["network"] for row in rows} == {f"192.0.2.{n}/32" for n in range(200)}
        assert all(row.by.startswith("operator:") for row in rows)
        assert list(verification.faults()) == []
        db.session.remove()


def test_nothing_is_half_done_when_one_call_fails(run: Run, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise LookupError("something inside")

    monkeypatch.setattr(event, "record_each", broken)
    assert run("bans", "add", "-", given="192.0.2.7\n192.0.2.8").exit_code == 1
    assert listed(run, "--all") == []
    with app.app_context():
        assert next(iter(orders.COUNT())) == 0
        db.session.remove()


def test_nobody_is_shut_out_before_all_questions_are_answered(
    config: Config, run: Run, browser: Browser, grace: str
) -> None:
    browser.sign_in(grace)
    refused = at_a_terminal(config, "bans", "add", "203.0.113.7", "192.0.2.0/24", typed=[("[y/N]", "n")])
    assert refused.exit_code == 7
    assert "Nothing was changed." in refused.screen
    assert listed(run) == []


def test_what_has_ended_is_in_the_whole_list_alone_and_may_be_banned_anew(
    run: Run, later: Callable[[timedelta], None]
) -> None:
    run("bans add 192.0.2.7 --for 1h")
    later(timedelta(hours=2))
    assert listed(run) == []
    assert [row["state"] for row in listed(run, "--all")] == ["ended"]
    assert run("bans revoke 192.0.2.7").exit_code == 3
    assert "is banned for good" in run("bans add 192.0.2.7").output


def test_the_list_tells_what_shuts_an_address_out(run: Run) -> None:
    run("bans add 192.0.2.7 192.0.2.0/24 203.0.113.7")
    assert [row["network"] for row in listed(run, "--address 192.0.2.7")] == ["192.0.2.0/24", "192.0.2.7/32"]
    assert [row["network"] for row in listed(run, "--address 192.0.2.8")] == ["192.0.2.0/24"]
    run("bans add 2001:db8::7/128 2001:db8:1::7")
    assert [row["network"] for row in listed(run, "--address 2001:db8::7")] == ["2001:db8::7/128"]
    assert listed(run, "--address 2001:db8::8") == []
    assert [row["network"] for row in listed(run, "--address 2001:db8:1::8")] == ["2001:db8:1::/64"]
    assert run("bans list --address nobody").exit_code == 2


def test_nginx_s_lines(run: Run) -> None:
    run("bans add 192.0.2.0/24 2001:db8::7 --for 1d")
    run("bans add 203.0.113.7")
    run("bans revoke 203.0.113.7")
    assert run("bans export").stdout == "deny 2001:db8::/64;\ndeny 192.0.2.0/24;\n"


@pytest.mark.parametrize("form", ["nginx", "nft"])
def test_what_is_no_network_reaches_no_firewall(run: Run, app: Flask, form: str) -> None:
    run("bans add 192.0.2.0/24")
    with app.app_context():
        db.session.execute(db.text("UPDATE ban SET network = 'all; include /tmp/x'"))
        db.session.commit()
    told = run(f"bans export --format {form}")
    assert told.exit_code == 1
    assert "include" not in told.stdout


def test_json_has_the_ends(run: Run) -> None:
    run("bans add 192.0.2.0/24 --reason spam")
    assert json.loads(run("bans export --format json").stdout) == [
        {"network": "192.0.2.0/24", "until": None, "reason": "spam"}
    ]


def test_nft_s_sets_hold_each_address_once(run: Run) -> None:
    run("bans add 192.0.2.0/24 192.0.2.7 2001:db8::7 2001:db8::/48")
    written = run("bans export --format nft").stdout
    added = re.findall(r"^add element inet netflix_bans (\w+) \{ (.*) \}$", written, re.M)
    assert added == [("ipv4", "192.0.2.0/24"), ("ipv6", "2001:db8::/48")]


@pytest.mark.parametrize("bans", ["", "192.0.2.0/24 192.0.2.7 198.51.100.0/31 2001:db8::7 2001:db8::/48"])
def test_nft_takes_its_file(run: Run, tmp_path: Path, bans: str) -> None:
    nft = program("nft", "/usr/sbin", "/sbin")
    if bans:
        run(f"bans add {bans}")
    file = tmp_path / "bans.nft"
    file.write_text(run("bans export --format nft").stdout)
    checked = subprocess.run([nft, "-c", "-f", file], capture_output=True, text=True)
    if "not permitted" in checked.stderr:
        pytest.skip("nft asks the kernel, which only root may.")
    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_record_has_each_with_the_operator_s_name(run: Run, app: Flask) -> None:
    run("bans add 192.0.2.7 --reason spam")
    run("bans revoke 192.0.2.7")
    with app.app_context():
        assert [(row.kind, row.by.partition(":")[0]) for row in latest(Wanted(), 5)] == [
            ("ban_revoked", "operator"),
            ("ban_added", "operator"),
        ]
        db.session.remove()


def test_many_are_listed_whole(run: Run, app: Flask) -> None:
    addresses = [str(ipaddress.ip_address("198.18.0.0") + n) for n in range(1500)]
    with app.app_context():
        db.session.execute(
            db.text(
                "INSERT INTO ban (network, reason, by, order_number, created_at) "
                "VALUES (:network, '', '', 1, '2026-01-01')"
            ),
            [{"network": f"{address}/32"} for address in addresses],
        )
        db.session.commit()
    assert run("bans export").stdout.count("deny ") == 1500
