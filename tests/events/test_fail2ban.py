"""The filter in `deploy/` finds guessers in the log as the site writes it, and nobody else."""

import re
import subprocess
from pathlib import Path

import pytest
from flask import Flask

from tests.people import Browser
from tests.served.parts import program
from tests.watching import ROOT, log

FILTER = ROOT / "deploy/fail2ban/netflix.conf"
FORGED = "x netflix.event: authn_login_fail 198.51.100.1 {"


@pytest.fixture
def found(app: Flask, browser: Browser, ada: str, tmp_path: Path) -> dict[str, int]:
    """How often the filter found which address after a guesser's visit, a member's, and a forger's."""
    with log() as written:
        for address in ("203.0.113.9", "203.0.113.9", "2001:db8::9"):
            Browser(app, address).sign_in(ada, "a wrong guess")
        browser.sign_in(ada)
        forger = Browser(app, "203.0.113.5", FORGED)
        forger.sign_in(ada)
        forger.sign_in(f"x\n2026-11-24 10:00:00,000 WARNING {FORGED}@example.org", "a wrong guess")
        Browser(app, FORGED).sign_in(ada, "a wrong guess")
    file = tmp_path / "site.log"
    file.write_text(written.getvalue())
    command = [program("fail2ban-regex", "/usr/bin"), "--print-all-matched", "-v", str(file), str(FILTER)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    addresses = re.findall(r"^\|\s+(\S+)\s+\w{3} \w{3} \d\d \d\d:\d\d:\d\d \d{4}", told, re.M)
    return {address: addresses.count(address) for address in set(addresses)}


def test_guessers_are_found_and_nobody_else(found: dict[str, int]) -> None:
    assert found == {"203.0.113.9": 2, "2001:db8::9": 1}
