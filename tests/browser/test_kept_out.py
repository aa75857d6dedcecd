"""What somebody sees who is kept out, at a desk and in a hand."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SIZES, Desk
from tests.served.conftest import fresh
from tests.served.site import Site, served
from tests.served.test_bans import admin, statuses
from tests.watching import until


@pytest.fixture(scope="module")
def own_site(migrated: Path) -> Iterator[Site]:
    """One that can be closed without keeping other tests out."""
    folder = fresh(migrated)
    with served(folder, contact="help@example.org") as site:
        yield site
    shutil.rmtree(folder)


@pytest.mark.parametrize("size", list(SIZES))
def test_a_lockdown_is_told_on_the_sign_in_page(own_site: Site, sit_down: Callable[..., Desk], size: str) -> None:
    desk = sit_down(own_site, size)
    admin(own_site, "lockdown", "on", "--for", "2h", "--reason", "Stolen passwords are tried.")
    try:
        until(lambda: {"Stolen" in own_site.visitor().get("/login").text for _ in range(20)} == {True})
        desk.open("/login")
        expect(desk.page.get_by_text("Stolen passwords are tried.")).to_be_visible()
        expect(desk.page.get_by_role("link", name="Create an account")).to_be_hidden()
        expect(desk.page.get_by_role("link", name="Forgot your password?")).to_be_hidden()
        assert not desk.is_sideways()
        desk.sign_in("ada@example.org")
        desk.page.get_by_role("alert").get_by_text("Only browsers that were used here before").wait_for()
        expect(desk.page.get_by_text("Stolen passwords are tried.")).to_have_count(1)
        expect(desk.page.get_by_role("link", name="Create an account")).to_be_hidden()
        assert not desk.is_sideways()
    finally:
        admin(own_site, "lockdown", "off")


@pytest.mark.parametrize("size", list(SIZES))
def test_a_banned_network_reads_whom_to_ask(own_site: Site, sit_down: Callable[..., Desk], size: str) -> None:
    desk = sit_down(own_site, size)
    admin(own_site, "bans", "add", "127.0.0.1", "--yes")
    try:
        until(lambda: statuses(own_site, "127.0.0.1") == {403})
        desk.open("/dashboard")
        expect(desk.page.get_by_role("link", name="help@example.org")).to_be_visible()
        expect(desk.page.get_by_text("127.0.0.1")).to_be_visible()
        assert desk.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(13, 10, 20)"
        assert not desk.is_sideways()
    finally:
        admin(own_site, "bans", "revoke", "127.0.0.1")
        until(lambda: statuses(own_site, "127.0.0.1") == {200})
