"""The page on security says what is so, and names the tests that prove it."""

import ast
import re
from collections.abc import Iterator
from dataclasses import fields

import pytest

from netflix.accounts import email, password
from netflix.accounts.invitation import Invitation
from netflix.bodies import LONGEST
from netflix.config import PREFIX, Config
from netflix.events.event import WARNINGS, Kind
from netflix.limits.address import MOST_HOPS
from netflix.limits.policy import LIMITS
from netflix.signin.session import Session
from netflix.values import rates
from tests.test_layers import TREES
from tests.watching import ROOT

PAGE = (ROOT / "docs/security.md").read_text()
# The lines of OWASP ASVS 5.0 that apply here, each with its level, in the order of the page.
LINES = """
    2.1.1/1 2.1.3/2 2.2.1/1 2.2.2/1 2.3.1/1 2.3.2/2 2.3.3/2 2.3.4/2 2.4.1/2 1.2.4/1 1.3.11/2 3.2.2/1 3.3.1/1 3.3.2/2
    3.3.3/2 3.3.4/2 3.3.5/3 3.4.1/1 3.4.2/1 3.4.3/2 3.4.4/2 3.4.5/2 3.4.6/2 3.4.8/3 3.5.1/1 3.5.3/1 3.7.2/2 4.1.1/1
    4.1.2/2 4.1.3/2 4.1.4/3 6.1.1/1 6.1.2/2 6.1.3/2 6.2.1/1 6.2.2/1 6.2.3/1 6.2.4/1 6.2.5/1 6.2.6/1 6.2.7/1 6.2.8/1
    6.2.9/2 6.2.10/2 6.2.11/2 6.2.12/2 6.3.1/1 6.3.2/1 6.3.3/2 6.3.4/2 6.3.5/3 6.3.6/3 6.3.7/3 6.3.8/3 6.4.1/1
    6.4.2/1 6.4.3/2 6.4.4/2 6.4.6/3 6.5.1/2 6.5.2/2 6.5.3/2 6.5.4/2 6.5.5/2 6.5.6/3 6.6.2/2 6.6.3/2 7.1.1/2 7.1.2/2
    7.2.1/1 7.2.2/1 7.2.3/1 7.2.4/1 7.3.1/2 7.3.2/2 7.4.1/1 7.4.2/1 7.4.3/2 7.4.4/2 7.4.5/2 7.5.1/2 7.5.2/2 7.6.2/2
    8.1.1/1 8.2.1/1 8.2.2/1 8.2.3/2 15.3.3/2 8.3.1/1 8.3.2/3 11.2.1/2 11.2.2/2 11.2.4/3 11.4.2/2 11.5.1/2 13.3.1/2
    13.3.4/3 13.4.2/2 14.2.1/1 14.3.1/1 14.3.2/2 15.2.2/2 15.3.4/2 15.4.2/3 16.1.1/2 16.2.1/2 16.2.2/2 16.2.4/2
    16.2.5/2 16.3.1/2 16.3.2/2 16.3.3/2 16.4.1/2 16.5.1/2 16.5.2/2 16.5.3/2 16.5.4/3
"""
NOT_MET = re.compile(r"\*\*Not met\*\*[^:]*: .{20,}")


def table(title: str) -> list[list[str]]:
    """The rows of the tables under a heading, without their heads."""
    section = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S)
    assert section, title
    rows = [line.strip("| ").split(" | ") for line in section[1].splitlines() if line.startswith("| ")]
    return [row for n, row in enumerate(rows) if row[0] != "---" and rows[n + 1 : n + 2] != [["---"] * len(row)]]


TITLES = re.findall(r"^## (.*)", PAGE, re.M)
ASVS = [row for title in TITLES for row in table(title) if re.fullmatch(r"\d+\.\d+\.\d+", row[0])]
NIST = table("NIST SP 800-63B-4")
# The line, how it is met, and the proof.
PROOFS = [(row[0], row[-2], row[-1]) for row in ASVS + NIST]


def every_test() -> Iterator[str]:
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield f"{path.relative_to(ROOT)}::{node.name}"


def anchors() -> set[str]:
    return {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in TITLES}


def test_every_line_is_there_once_with_its_level() -> None:
    assert [f"{row[0]}/{row[1]}" for row in ASVS] == LINES.split()


def test_every_test_that_is_named_is_there() -> None:
    named = set(re.findall(r"`(tests/[^`]+)`", PAGE)) - {"tests/test_security_document.py"}
    assert named
    assert named <= set(every_test())


@pytest.mark.parametrize(("line", "how", "proof"), PROOFS, ids=[proof[0] for proof in PROOFS])
def test_a_line_is_proved_or_said_not_to_be_met_and_why(line: str, how: str, proof: str) -> None:
    named = re.findall(r"`tests/[^`]+::[^`]+`", proof)
    section = re.fullmatch(r"\[[^]]+\]\(#([^)]+)\)", proof)
    if "**Not met**" in how:
        assert NOT_MET.match(how)
        assert proof == "-"
    elif section:
        assert section[1] in anchors()
    else:
        assert named
        assert not re.sub(r"`tests/[^`]+::[^`]+`", "", proof).strip()


def test_what_is_not_met_is_told_at_the_top_too() -> None:
    told = re.search(r"^Not met: (.*)\.$", PAGE, re.M)
    assert told
    assert told[1].split(", ") == [line for line, how, _ in PROOFS if "**Not met**" in how and line[0].isdigit()]


def test_the_limits_are_those_of_the_policy() -> None:
    rows = table("Limits")
    told = [(name, lane, counts, setting.strip("`-")) for name, lane, _, setting, counts in rows]
    assert told == [
        (limit.name, str(limit.lane), limit.counts, f"{PREFIX}{limit.setting.upper()}" if limit.setting else "")
        for limit in LIMITS
    ]
    defaults = Config()
    assert [rates(row[2]) for row in rows] == [limit.rates(defaults) for limit in LIMITS]


def test_every_event_is_in_the_inventory_with_its_level() -> None:
    rows = [(name.strip("`"), level) for name, level, *_ in table("What is written down")]
    told = [row for row in rows if row[0] in set(Kind)]
    assert told == [(str(kind), "WARNING" if kind in WARNINGS else "INFO") for kind in Kind]


def test_every_logger_is_in_the_inventory() -> None:
    named = {
        ast.literal_eval(node.args[0])
        for tree in TREES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "logging.getLogger"
    }
    told = {name.strip("`") for name, *_ in table("What is written down")} - set(Kind)
    assert told == named - {"netflix.event"}


def test_every_setting_that_is_named_is_one() -> None:
    named = set(re.findall(rf"{PREFIX}[A-Z_]+", PAGE))
    assert named
    assert named <= {PREFIX + known.name.upper() for known in fields(Config)}


CARRYING = ("current.carry", "current.renew", "current.come_in")


def test_every_way_in_is_listed() -> None:
    """Whatever makes a session, and whatever puts one into a cookie."""
    carrying = {
        f"{name.removeprefix('netflix.')}.{function.name}"
        for name, tree in TREES.items()
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in CARRYING
    }
    assert carrying == {row[1].strip("`") for row in table("Ways in")}
    opening = {
        name
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Session.opened"
    }
    assert opening == {"netflix.signin.signin"}


def test_the_ends_of_sessions_are_those_of_the_code() -> None:
    def days(*ends: object) -> list[str]:
        return [f"{end.days} day{'s' * (end.days != 1)}" for end in ends]  # type: ignore[attr-defined]

    assert [row[1:] for row in table("Ends of sessions")] == [
        days(Session.IDLE, Session.REMEMBERED_IDLE),
        days(Session.ABSOLUTE, Session.REMEMBERED_ABSOLUTE),
    ]
    assert f"At most {Session.MOST} at a time" in PAGE


def test_the_rules_of_input_are_those_of_the_code() -> None:
    rules = {row[0]: row[1] for row in table("Input")}
    assert f"up to {email.LONGEST} characters" in rules["E-mail"]
    shortest = f"{Config().password_minimum} (`{PREFIX}PASSWORD_MINIMUM`)"
    assert f"{shortest} to {password.LONGEST} code points" in rules["Password"]
    assert f"up to {Invitation.LONGEST_NOTE} characters" in rules["Invitation"]
    assert f"up to {LONGEST // 1024} KiB" in rules["A form"]
    assert f"up to {MOST_HOPS} addresses" in rules["`X-Forwarded-For`"]
