"""Without a mouse, without scripts, and with less."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import SIZES, Desk
from tests.people import PASSWORD
from tests.served.site import Site


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id || document.activeElement.className"))


def tab_to(page: Page, name: str) -> None:
    """Presses Tab until the wanted element has the focus."""
    for _ in range(20):
        page.keyboard.press("Tab")
        if focused(page) == name:
            return
    pytest.fail(f"Tab never came to {name}")


def test_the_keyboard_alone_is_enough(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down()
    keys, page = desk.page.keyboard, desk.page
    desk.open("/register")
    for path in ("**/login", "**/dashboard"):
        tab_to(page, "email")
        keys.type("keys@example.org")
        tab_to(page, "password")
        keys.type(PASSWORD)
        keys.press("Enter")
        page.wait_for_url(path)
    keys.press("Tab")
    assert focused(page) == "skip"
    keys.press("Enter")
    expect(page.locator("#main")).to_be_focused()


@pytest.mark.parametrize("size", list(SIZES))
def test_it_all_works_without_scripts(sit_down: Callable[..., Desk], size: str) -> None:
    desk, email = sit_down(size=size, java_script_enabled=False), f"plain-{size}@example.org"
    desk.register(email)
    desk.sign_in(email, "not the password")
    expect(desk.page.get_by_role("alert")).to_contain_text("do not match")
    desk.sign_in(email)
    desk.page.wait_for_url("**/dashboard")
    desk.sign_out()


def test_without_scripts_the_limited_are_told_when_to_come_back(
    sit_down: Callable[..., Desk], strict_site: Site
) -> None:
    desk = sit_down(at=strict_site, java_script_enabled=False)
    desk.use_up(2)
    desk.sign_in("plain@example.org", "not the password")
    expect(desk.page.get_by_role("alert")).to_contain_text("Try again in")
    expect(desk.page.get_by_role("button", name="Sign in")).to_be_enabled()


@pytest.mark.parametrize("path", ["/login", "/register"])
def test_letters_twice_as_large_still_fit(sit_down: Callable[..., Desk], path: str) -> None:
    desk = sit_down(size="phone")
    desk.open(path)
    desk.page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert not desk.is_sideways()
    expect(desk.page.locator("button[type=submit]")).to_be_visible()


def test_a_faulty_field_is_named_and_has_the_focus(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down()
    desk.open("/register")
    # The browser's own check would stop it before the site sees it.
    desk.page.evaluate("document.querySelector('.card').noValidate = true")
    desk.fill("short@example.org", "short")
    desk.page.get_by_role("button", name="Create account").click()
    password = desk.page.get_by_label("Password", exact=True)
    expect(password).to_have_attribute("aria-invalid", "true")
    expect(password).to_be_focused()
