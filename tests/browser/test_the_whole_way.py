"""From a stranger's first page to the last, in a real browser."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Desk
from tests.served.site import Site


def test_one_registers_signs_in_sees_the_dashboard_and_signs_out(desk: Desk) -> None:
    email = f"ada-{desk.width}@example.org"
    desk.register(email)
    expect(desk.page.get_by_role("status")).to_contain_text("Sign in to go on")
    desk.sign_in(email)
    desk.page.wait_for_url("**/dashboard")
    expect(desk.page.get_by_role("heading", level=1)).to_contain_text(email.partition("@")[0])
    expect(desk.page.get_by_text(email)).to_be_visible()
    expect(desk.page.get_by_text("This browser")).to_be_visible()
    desk.sign_out()
    expect(desk.page.get_by_role("status")).to_contain_text("signed out")


@pytest.mark.parametrize("path", ["/login", "/register", "/nothing-here"])
def test_no_page_scrolls_sideways(desk: Desk, path: str) -> None:
    desk.open(path)
    assert not desk.is_sideways()


def test_a_long_email_does_not_widen_the_dashboard(desk: Desk) -> None:
    desk.come_in(f"{'longwinded' * 6}{desk.width}@{'subdomain.' * 8}example.org")
    assert not desk.is_sideways()


def test_the_countdown_gives_the_form_back(sit_down: Callable[..., Desk], strict_site: Site) -> None:
    desk = sit_down(at=strict_site)
    button = desk.page.get_by_role("button", name="Sign in")
    desk.open("/login")
    desk.fill("nobody@example.org", "not the password")
    desk.use_up(2)
    button.click()
    expect(desk.page.get_by_role("alert")).to_contain_text("Too many attempts")
    expect(button).to_be_disabled()
    expect(desk.page.get_by_role("timer")).to_contain_text("Try again in")
    expect(desk.page.get_by_label("E-mail")).to_have_value("nobody@example.org")
    expect(button).to_be_enabled()
    expect(desk.page.get_by_text("You can try again now.")).to_be_visible()
    desk.page.get_by_label("Password", exact=True).fill("not the password either")
    button.click()
    expect(desk.page.get_by_role("alert")).to_contain_text("do not match")


def test_a_wrong_password_keeps_the_email_and_never_the_password(desk: Desk) -> None:
    desk.sign_in("nobody@example.org", "not the password")
    expect(desk.page.get_by_role("alert")).to_contain_text("do not match")
    expect(desk.page.get_by_label("E-mail")).to_have_value("nobody@example.org")
    expect(desk.page.get_by_label("Password", exact=True)).to_have_value("")


def test_the_password_can_be_shown_and_hidden(desk: Desk) -> None:
    desk.open("/login")
    password = desk.page.get_by_label("Password", exact=True)
    password.fill("to be seen")
    expect(password).to_have_attribute("type", "password")
    desk.page.get_by_role("button", name="Show password").click()
    expect(password).to_have_attribute("type", "text")
    expect(password).to_have_value("to be seen")
    desk.page.get_by_role("button", name="Hide password").click()
    expect(password).to_have_attribute("type", "password")


def test_a_browser_elsewhere_is_signed_out_from_the_dashboard(sit_down: Callable[..., Desk]) -> None:
    here, there = sit_down(), sit_down(size="phone", user_agent="Mozilla/5.0 (iPhone) Version/19.0 Safari/604.1")
    here.come_in("grace@example.org")
    there.sign_in("grace@example.org")
    there.page.wait_for_url("**/dashboard")
    here.page.reload()
    here.page.get_by_role("listitem").filter(has_text="Safari on iPhone").get_by_role("button").click()
    expect(here.page.get_by_role("status")).to_contain_text("signed out")
    expect(here.page.get_by_text("Safari on iPhone")).to_have_count(0)
    there.page.reload()
    there.page.wait_for_url(f"{there.url}/login?next=%2Fdashboard")


def test_going_back_after_signing_out_shows_nothing(desk: Desk) -> None:
    email = f"back-{desk.width}@example.org"
    desk.come_in(email)
    desk.sign_out()
    desk.page.go_back()
    expect(desk.page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(desk.page.get_by_text(email)).to_have_count(0)


def test_after_signing_in_one_is_where_one_wanted_to_be(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down()
    desk.site.visitor().register("next@example.org")
    desk.open("/dashboard?from=a%20link")
    desk.fill("next@example.org")
    desk.page.get_by_role("button", name="Sign in").click()
    desk.page.wait_for_url("**/dashboard?from=a%20link")
