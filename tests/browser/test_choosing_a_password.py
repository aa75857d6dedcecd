"""What is said of a new password while it is typed."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import SIZES, Desk
from tests.people import PASSWORD


@pytest.mark.parametrize("size", list(SIZES))
def test_it_is_said_what_is_weak_and_nothing_is_sent(sit_down: Callable[..., Desk], size: str) -> None:
    desk = sit_down(size=size)
    desk.open("/register")
    desk.page.get_by_label("E-mail").fill("ada.lovelace@example.org")
    field, told = desk.page.get_by_label("Password", exact=True), desk.page.get_by_role("status")
    sent: list[str] = []
    desk.page.on("request", lambda request: sent.append(request.url))
    for text, sentence in (
        ("short", "Too short: 3 more characters."),
        ("Lovelace1815", "close to this site's name or your e-mail"),
        ("N3tflix!", "close to this site's name or your e-mail"),
        ("kettlekettlekettle", "repeated"),
        ("qwertyuiop", "rows such as"),
        ("19-11-1987", "dates"),
        ("Mountain99", "one word or name"),
        ("wq7u/kd2", "Fair."),
        (PASSWORD, "Good."),
    ):
        field.fill(text)
        expect(told).to_contain_text(sentence)
    assert not desk.is_sideways()
    field.fill("")
    expect(told).to_have_text("")
    expect(desk.page.locator("#password-hint")).to_be_visible()
    assert sent == []


def test_the_advice_never_moves_the_button_from_under_a_finger(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down(size="phone")
    desk.open("/register")
    button = desk.page.get_by_role("button", name="Create account")
    before = button.bounding_box()
    desk.fill("finger@example.org")
    expect(desk.page.get_by_role("status")).to_contain_text("Good.")
    after = button.bounding_box()
    assert before
    assert after
    assert abs(after["y"] - before["y"]) < before["height"] / 2


def test_without_scripts_it_is_said_after_sending(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down(java_script_enabled=False)
    desk.open("/register")
    desk.fill("plain.words@example.org", "mountains")
    desk.page.get_by_role("button", name="Create account").click()
    expect(desk.page.locator("#password-error")).to_contain_text("A few unrelated words make a better one.")
    assert desk.page.get_by_role("status").count() == 0


def test_what_was_typed_before_the_advice_came_is_told_too(sit_down: Callable[..., Desk]) -> None:
    """On a slow line, or filled in by the browser."""
    desk = sit_down()
    held: list[Route] = []
    desk.page.route("**/advice.js*", lambda route: held.append(route))
    with desk.page.expect_request("**/advice.js*"):
        desk.open("/register")
    desk.page.get_by_label("Password", exact=True).fill("short")
    held[0].continue_()
    expect(desk.page.get_by_role("status")).to_contain_text("Too short: 3 more characters.")
