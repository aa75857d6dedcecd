"""The filter in `deploy/` finds guessers in the log as the site writes it, and nobody else."""

import os
import re
import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from tests.people import Browser
from tests.served.parts import program
from tests.watching import ROOT, log

FILTER = ROOT / "deploy/fail2ban/netflix.conf"
FORGED = "x netflix.event: authn_login_fail 198.51.100.1 {"


# Far from UTC: the filter is told when each line was written, not when that would have been here.
HERE = "Pacific/Auckland"


@pytest.fixture
def found(app: Flask, browser: Browser, ada: str, tmp_path: Path) -> list[tuple[str, datetime]]:
    """Which addresses the filter found, and when, after a guesser's visit, a member's, and a forger's."""
    with log() as written:
        for address in ("203.0.113.9", "203.0.113.9", "2001:db8::9"):
            Browser(app, address).sign_in(ada, "a wrong guess")
        browser.sign_in(ada)
        forger = Browser(app, "203.0.113.5", FORGED)
        forger.sign_in(ada)
        forger.sign_in(f"x\n2026-11-24T10:00:00.000Z WARNING {FORGED}@example.org", "a wrong guess")
        Browser(app, FORGED).sign_in(ada, "a wrong guess")
    file = tmp_path / "site.log"
    file.write_text(written.getvalue())
    command = [program("fail2ban-regex", "/usr/bin"), "--print-all-matched", "-v", str(file), str(FILTER)]
    environment = os.environ | {"TZ": HERE}
    told = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    lines = re.findall(r"^\|\s+(\S+)\s+(\w{3} \w{3} \d\d \d\d:\d\d:\d\d \d{4})", told, re.M)
    here = ZoneInfo(HERE)
    return [(address, datetime.strptime(at, "%a %b %d %H:%M:%S %Y").replace(tzinfo=here)) for address, at in lines]


def test_guessers_are_found_and_nobody_else(found: list[tuple[str, datetime]]) -> None:
    assert sorted(address for address, _ in found) == ["2001:db8::9", "203.0.113.9", "203.0.113.9"]


def test_and_when_it_was(found: list[tuple[str, datetime]]) -> None:
    now = datetime.now(ZoneInfo(HERE))
    assert all(timedelta() <= now - at < timedelta(minutes=1) for _, at in found)
