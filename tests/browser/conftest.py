"""A real browser, at a desk and in a hand, that tells of every complaint it has."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from re import Pattern
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright

from tests.people import PASSWORD
from tests.served.conftest import fresh
from tests.served.parts import program
from tests.served.site import Site, served

# The last four keep the browser from calling home, where nobody answers.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# In milliseconds: what takes so long on a machine that is busy with other tests is not broken yet.
PATIENCE = 20_000
SIZES: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1440, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
}


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = program("chromium")
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site(migrated: Path) -> Iterator[Site]:
    """Where limits are so wide that no test meets them unasked."""
    folder = fresh(migrated)
    with served(folder, login_limit="1000 per minute", registration_limit="1000 per hour") as site:
        yield site
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def strict_site(migrated: Path) -> Iterator[Site]:
    """Where two attempts in five seconds are the most."""
    folder = fresh(migrated)
    with served(folder, login_limit="2 per 5 second", account_limit="1000 per hour") as site:
        yield site
    shutil.rmtree(folder)


# Nothing, and so asked again, while the page is still coming.
WIDTHS = """() => document.readyState === "complete" && {
    page: document.documentElement.scrollWidth, window: document.documentElement.clientWidth
}"""


class Desk:
    """One person's browser: its window, and what it complained of."""

    def __init__(self, context: BrowserContext, site: Site) -> None:
        self.context, self.site, self.url = context, site, f"http://127.0.0.1:{site.port}"
        self.complaints: list[str] = []
        self.page = self.watched(context.new_page())

    def watched(self, page: Page) -> Page:
        page.on("console", self.hear)
        page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        page.on("request", self.see)
        page.set_default_timeout(PATIENCE)
        return page

    def hear(self, message: ConsoleMessage) -> None:
        # A refusal is an answer like any other; the browser writes each into the console.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.complaints.append(f"console: {message.text}")

    def see(self, request: Request) -> None:
        if not request.url.startswith((f"{self.url}/", "data:")):
            self.complaints.append(f"elsewhere: {request.url}")

    def open(self, path: str) -> None:
        self.page.goto(self.url + path)

    def fill(self, email: str, password: str = PASSWORD) -> None:
        self.page.get_by_label("E-mail").fill(email)
        self.page.get_by_label("Password", exact=True).fill(password)

    @property
    def width(self) -> int:
        assert self.page.viewport_size
        return self.page.viewport_size["width"]

    def register(self, email: str) -> None:
        self.open("/register")
        self.fill(email)
        self.page.get_by_role("button", name="Create account").click()
        self.page.wait_for_url("**/login")

    def sign_in(self, email: str, password: str = PASSWORD) -> None:
        self.open("/login")
        self.fill(email, password)
        self.page.get_by_role("button", name="Sign in", exact=True).click()

    def come_in(self, email: str) -> None:
        """Signs in as somebody new, who registered and confirmed their e-mail out of sight."""
        assert self.site.visitor().register(email).status == 303
        self.site.confirm(email)
        self.sign_in(email)
        self.page.wait_for_url("**/dashboard")

    def use_up(self, attempts: int) -> None:
        """Wrong attempts from this browser's address, made out of sight."""
        self.site.visitor().storm(attempts, lambda _: {})

    def sign_out(self) -> None:
        self.page.get_by_role("banner").get_by_role("button", name="Sign out").click()
        self.page.wait_for_url("**/login")

    def follow(self, name: str) -> None:
        """By a link, to where it leads; that page fits its window."""
        link = self.page.get_by_role("link", name=name, exact=True)
        path = link.get_attribute("href")
        link.click()
        self.page.wait_for_url(f"{self.url}{path}")
        assert not self.is_sideways()

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name).click()

    def is_sideways(self) -> bool:
        """Whether the page, once it is all there, is wider than its window."""
        found = self.page.wait_for_function(WIDTHS).json_value()
        return bool(found["page"] > found["window"])

    def told(self, text: str | Pattern[str]) -> None:
        """Waits until the page says so."""
        expect(self.page.get_by_role("status")).to_contain_text(text)


@pytest.fixture
def sit_down(chromium: Browser, site: Site) -> Iterator[Callable[..., Desk]]:
    """A browser of its own for whoever asks; in the end none of them had anything to complain of."""
    desks: list[Desk] = []

    def sit(at: Site = site, size: str = "desktop", **options: Any) -> Desk:
        desks.append(Desk(chromium.new_context(**SIZES[size], **options), at))
        return desks[-1]

    yield sit
    complaints = [complaint for desk in desks for complaint in desk.complaints]
    for desk in desks:
        desk.context.close()
    assert complaints == []


@pytest.fixture(params=list(SIZES))
def desk(request: pytest.FixtureRequest, sit_down: Callable[..., Desk]) -> Desk:
    """A browser at each size in turn."""
    return sit_down(size=request.param)
