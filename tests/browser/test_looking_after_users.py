"""An administrator's pages, and a person's own, in a real browser."""

import json
import re
import subprocess
import sys
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SIZES, Desk
from tests.people import PASSWORD
from tests.watching import ROOT

LONG = f"{'longwinded' * 6}@{'subdomain.' * 8}example.org"


@pytest.fixture(params=[*SIZES, "plain"])
def desk(request: pytest.FixtureRequest, sit_down: Callable[..., Desk]) -> Desk:
    """A browser at each size in turn, and one without scripts."""
    if request.param == "plain":
        return sit_down(java_script_enabled=False)
    return sit_down(size=request.param)


def named(desk: Desk, name: str, request: pytest.FixtureRequest) -> str:
    """An e-mail that no other test has."""
    return f"{name}-{re.sub(r'[^a-z]', '', request.node.name.partition('[')[2])}@example.org"


def promote(desk: Desk, email: str) -> None:
    command = [sys.executable, "-m", "cli", "users", "promote", email]
    subprocess.run(command, env=desk.site.env, cwd=ROOT, check=True, capture_output=True)


def test_an_administrator_looks_after_somebody(desk: Desk, request: pytest.FixtureRequest) -> None:
    boss, ada = named(desk, "boss", request), named(desk, "ada", request)
    for email in (boss, ada, LONG):
        desk.site.visitor().register(email)
    promote(desk, boss)
    desk.sign_in(boss)
    desk.page.wait_for_url("**/dashboard")
    desk.follow("Users, invitations and events")
    desk.page.get_by_label("Part of an e-mail").fill(ada)
    desk.press("Search")
    desk.page.wait_for_url("**/users?**")
    desk.follow(ada)
    desk.press("Keep out")
    desk.told("can no longer sign in")
    desk.press("Let in again")
    desk.told("may sign in")
    desk.press("Make a one-time link")
    desk.told(re.compile(r"/recover/[\w-]{43}"))
    assert not desk.is_sideways()
    desk.follow("Delete this user")
    desk.page.get_by_label("Type their e-mail").fill("somebody@else.org")
    desk.press("Delete for ever")
    expect(desk.page.get_by_text("Nothing was deleted")).to_be_visible()
    desk.page.get_by_label("Type their e-mail").fill(ada)
    desk.press("Delete for ever")
    desk.told("is deleted")
    desk.follow("Invitations")
    desk.press("Make a link")
    desk.told(re.compile(r"/invitation/[\w-]{43}"))
    desk.follow("Events")
    desk.page.get_by_label("What").select_option("user_deleted")
    desk.press("Show")
    expect(desk.page.get_by_text("user_deleted").last).to_be_visible()


def test_a_person_takes_a_copy_says_it_was_not_them_and_leaves(desk: Desk, request: pytest.FixtureRequest) -> None:
    email = named(desk, "eve", request)
    desk.come_in(email)
    desk.follow("Account and security")
    desk.follow("Take a copy")
    with desk.page.expect_download() as coming:
        desk.press("Download")
    copy = json.loads(coming.value.path().read_text())
    assert copy["profile"]["email"] == email
    expect(desk.page.get_by_role("button", name="Download")).to_be_enabled(timeout=1000)
    desk.open("/activity")
    desk.page.get_by_role("link", name="This wasn't me").last.click()
    expect(desk.page.get_by_text("You signed in with")).to_be_visible()
    desk.page.get_by_label("Present password").fill(PASSWORD)
    desk.page.get_by_label("New password").fill("another quiet password")
    desk.press("Sign everybody out")
    desk.told("Every browser is signed out")
    desk.sign_in(email, "another quiet password")
    desk.page.wait_for_url("**/dashboard")
    desk.open("/account")
    desk.follow("Delete your account")
    desk.page.get_by_label("Type your e-mail").fill(email)
    desk.press("Delete my account")
    desk.told("Sign in before then")
    desk.sign_in(email, "another quiet password")
    desk.told("Your account stays")
