"""Passkeys, with Chromium's own virtual authenticator."""

from collections.abc import Callable

import pytest
from playwright.sync_api import CDPSession, expect

from tests.browser.conftest import SIZES, Desk

Sit = Callable[..., Desk]


class Phone:
    """An authenticator of Chromium's; `desk` is at the site's name, as a passkey needs."""

    def __init__(self, desk: Desk, verifies: bool = True) -> None:
        desk.url = desk.url.replace("127.0.0.1", "localhost")
        self.cdp: CDPSession = desk.context.new_cdp_session(desk.page)
        self.cdp.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": verifies,
            "automaticPresenceSimulation": True,
        }
        self.id = self.cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]

    @property
    def held(self) -> list[dict[str, object]]:
        found = self.cdp.send("WebAuthn.getCredentials", {"authenticatorId": self.id})["credentials"]
        assert isinstance(found, list)
        return found

    def is_there(self, there: bool) -> None:
        """Whether somebody touches it when it is asked."""
        self.cdp.send("WebAuthn.setAutomaticPresenceSimulation", {"authenticatorId": self.id, "enabled": there})

    def verifies(self, verified: bool) -> None:
        self.cdp.send("WebAuthn.setUserVerified", {"authenticatorId": self.id, "isUserVerified": verified})


def add(desk: Desk, name: str) -> None:
    desk.open("/account")
    desk.page.get_by_role("link", name="Add a passkey").click()
    desk.page.get_by_label("Name for this device").fill(name)
    desk.page.get_by_role("button", name="Add a passkey").click()
    expect(desk.page.get_by_role("status")).to_contain_text(name)


@pytest.mark.parametrize("size", list(SIZES))
def test_one_is_added_signs_in_and_is_removed(sit_down: Sit, size: str) -> None:
    desk, email = sit_down(size=size), f"key-{size}@example.org"
    phone = Phone(desk)
    desk.come_in(email)
    add(desk, "Ada's phone")
    assert not desk.is_sideways()
    assert len(phone.held) == 1
    phone.is_there(False)
    desk.open("/dashboard")
    desk.sign_out()
    expect(desk.page.get_by_role("button", name="Sign in with a passkey")).to_be_visible()
    assert not desk.is_sideways()
    phone.is_there(True)
    desk.page.get_by_role("button", name="Sign in with a passkey").click()
    desk.page.wait_for_url("**/dashboard")
    desk.open("/account/passkeys")
    expect(desk.page.get_by_text("last used")).to_be_visible()
    desk.page.get_by_text("Rename or remove").click()
    desk.page.get_by_role("button", name="Remove Ada's phone").click()
    expect(desk.page.get_by_role("status")).to_contain_text("removed")
    expect(desk.page.get_by_text("You have none yet.")).to_be_visible()


def test_the_browser_offers_it_where_the_email_is_typed(sit_down: Sit) -> None:
    desk = sit_down()
    phone = Phone(desk)
    desk.come_in("autofill@example.org")
    add(desk, "This browser")
    desk.open("/dashboard")
    phone.is_there(False)
    desk.sign_out()
    desk.open("/login?next=/activity")
    # Chromium's own stand-in for a person who picks it from the list.
    phone.is_there(True)
    desk.page.wait_for_url("**/activity")


def test_the_sign_in_page_is_one_screen_and_says_what_a_field_is_for(sit_down: Sit) -> None:
    desk = sit_down(size="phone")
    phone = Phone(desk)
    phone.is_there(False)
    desk.open("/login")
    expect(desk.page.get_by_role("button", name="Sign in with a passkey")).to_be_visible()
    assert "webauthn" in (desk.page.get_by_label("E-mail").get_attribute("autocomplete") or "")
    box = desk.page.get_by_role("button", name="Sign in with a passkey").bounding_box()
    assert box
    assert box["y"] + box["height"] < 844


def test_who_is_not_verified_is_told_and_signs_in_by_password(sit_down: Sit) -> None:
    desk, email = sit_down(), "unverified@example.org"
    phone = Phone(desk)
    desk.come_in(email)
    add(desk, "Mine")
    phone.is_there(False)
    desk.open("/dashboard")
    desk.sign_out()
    phone.verifies(False)
    phone.is_there(True)
    desk.page.get_by_role("button", name="Sign in with a passkey").click()
    expect(desk.page.get_by_role("alert")).to_contain_text("No passkey was used")
    desk.fill(email)
    desk.page.get_by_role("button", name="Sign in", exact=True).click()
    desk.page.wait_for_url("**/dashboard")


def test_enter_in_the_name_adds_it_as_the_button_does(sit_down: Sit) -> None:
    desk = sit_down()
    phone = Phone(desk)
    desk.come_in("enter-in-the-name@example.org")
    desk.open("/account/passkeys")
    desk.page.get_by_label("Name for this device").fill("By Enter")
    desk.page.keyboard.press("Enter")
    desk.told("By Enter")
    assert len(phone.held) == 1
    desk.page.get_by_label("Name for this device").fill("")
    desk.page.keyboard.press("Enter")
    expect(desk.page.get_by_label("Name for this device")).to_be_focused()
    expect(desk.page.get_by_text("By Enter").first).to_be_visible()


def test_without_scripts_no_form_stands_there_that_could_not_be_sent(sit_down: Sit) -> None:
    desk = sit_down(java_script_enabled=False)
    desk.url = desk.url.replace("127.0.0.1", "localhost")
    desk.come_in("no-scripts-no-passkey@example.org")
    desk.open("/account/passkeys")
    expect(desk.page.get_by_role("heading", name="Add a passkey")).to_be_visible()
    expect(desk.page.get_by_label("Name for this device")).to_be_hidden()


def test_it_proves_it_again(sit_down: Sit) -> None:
    desk = sit_down()
    phone = Phone(desk)
    desk.come_in("prove-by-key@example.org")
    add(desk, "Mine")
    assert len(phone.held) == 1
    desk.open("/prove?next=/account/two-step")
    desk.page.get_by_role("button", name="Use a passkey instead").click()
    desk.page.wait_for_url("**/account/two-step")


def test_at_an_address_of_numbers_nothing_is_offered_that_cannot_be(sit_down: Sit) -> None:
    desk = sit_down()
    desk.come_in("numbers@example.org")
    desk.open("/account/passkeys")
    expect(desk.page.get_by_text("belongs to this site's own address")).to_be_visible()
    desk.open("/login")
    expect(desk.page.get_by_role("button", name="Sign in with a passkey")).to_have_count(0)
