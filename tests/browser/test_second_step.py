"""Two-step sign-in as a person meets it."""

from collections.abc import Callable

import pyotp
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SIZES, Desk


def turn_on(desk: Desk) -> list[str]:
    """Answers the recovery codes."""
    desk.open("/account")
    desk.page.get_by_role("link", name="Turn it on").click()
    expect(desk.page.get_by_role("img", name="QR code")).to_be_visible()
    expect(desk.page.get_by_role("link", name="Leave it off")).to_be_visible()
    key = "".join(desk.page.locator(".key code").all_inner_texts())
    assert not desk.is_sideways()
    code = pyotp.TOTP(key).now()
    desk.page.get_by_label("Code", exact=True).fill(f"{code[:3]} {code[3:]}")
    desk.page.keyboard.press("Enter")
    expect(desk.page.get_by_role("heading", level=1)).to_contain_text("Your recovery codes")
    expect(desk.page.locator(".codes code")).to_have_count(10)
    assert not desk.is_sideways()
    return desk.page.locator(".codes code").all_inner_texts()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
@pytest.mark.parametrize("size", list(SIZES))
def test_it_is_turned_on_and_signs_in_and_off_again(sit_down: Callable[..., Desk], size: str, scripts: bool) -> None:
    desk, email = sit_down(size=size, java_script_enabled=scripts), f"step-{size}-{scripts}@example.org"
    desk.come_in(email)
    spare = turn_on(desk)
    with desk.page.expect_download() as saved:
        desk.page.get_by_role("link", name="Save as a file").click()
    assert spare[9] in saved.value.path().read_text()
    desk.open("/dashboard")
    desk.sign_out()
    desk.sign_in(email)
    desk.page.wait_for_url("**/login/second?*")
    assert not desk.is_sideways()
    desk.page.get_by_label("Code", exact=True).fill("000000")
    desk.page.keyboard.press("Enter")
    expect(desk.page.get_by_text("not right")).to_be_visible()
    desk.page.get_by_role("link", name="Use a recovery code").click()
    desk.page.get_by_label("Recovery code").fill(spare[0].upper())
    desk.page.keyboard.press("Enter")
    desk.page.wait_for_url("**/dashboard")
    desk.open("/account/two-step")
    expect(desk.page.get_by_text("You have 9 left.")).to_be_visible()
    desk.page.get_by_role("button", name="Turn it off").click()
    expect(desk.page.get_by_role("status")).to_contain_text("is off")


def test_the_code_needs_the_keyboard_alone(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down()
    desk.come_in("steps-by-keys@example.org")
    spare = turn_on(desk)
    desk.open("/dashboard")
    desk.sign_out()
    desk.sign_in("steps-by-keys@example.org")
    desk.page.wait_for_url("**/login/second?*")
    expect(desk.page.get_by_label("Code", exact=True)).to_be_focused()
    desk.page.keyboard.type(spare[0])
    desk.page.keyboard.press("Enter")
    desk.page.wait_for_url("**/dashboard")
