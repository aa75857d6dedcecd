"""Without a mouse, without scripts, and with less."""

import base64
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


# How light what is behind the words is, at its lightest: relative luminance as WCAG 2.2 has it.
LIGHTEST = """async ([picture, x, y, width, height]) => {
    const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${picture}`)).blob());
    const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
    canvas.drawImage(image, 0, 0);
    const { data } = canvas.getImageData(x, y, width, height);
    const linear = (value) => (value <= 10 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
    let most = 0;
    for (let at = 0; at < data.length; at += 4) {
        const [red, green, blue] = data.slice(at, at + 3);
        most = Math.max(most, 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue));
    }
    return most;
}"""
# Of the words themselves, which are #f7f1e8.
PAPER = 0.885


@pytest.mark.parametrize("width", [390, 960, 1024, 1100, 1440, 1920])
def test_the_words_of_a_refusal_stand_out_from_the_picture(sit_down: Callable[..., Desk], width: int) -> None:
    desk = sit_down()
    desk.page.set_viewport_size({"width": width, "height": 700})
    desk.open("/recover/abc")
    words = desk.page.get_by_text("It was used already")
    box = words.bounding_box()
    assert box
    words.evaluate("words => { words.style.visibility = 'hidden'; }")
    picture = base64.b64encode(desk.page.screenshot()).decode()
    area = [int(box[part]) for part in ("x", "y", "width", "height")]
    # At a page of nobody's, since the site's own policy lets no script read a picture so.
    lightest = desk.context.new_page().evaluate(LIGHTEST, [picture, *area])
    assert (PAPER + 0.05) / (lightest + 0.05) >= 4.5


@pytest.mark.parametrize("width", [960, 1440])
def test_the_way_out_stands_at_the_other_end_from_the_name(sit_down: Callable[..., Desk], width: int) -> None:
    desk = sit_down()
    desk.come_in(f"far-{width}@example.org")
    desk.page.set_viewport_size({"width": width, "height": 700})
    desk.follow("Account and security")
    desk.follow("Change your password")
    name = desk.page.get_by_role("banner").get_by_role("link", name="Netflix").bounding_box()
    way_out = desk.page.get_by_role("banner").get_by_role("button", name="Sign out").bounding_box()
    assert name
    assert way_out
    assert way_out["x"] - name["x"] - name["width"] > 100
