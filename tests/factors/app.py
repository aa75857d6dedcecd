"""An authenticator app, and the people who have one."""

import html
import re

import pyotp
from werkzeug.test import TestResponse

from netflix import clock
from tests.people import Browser

CODE = re.compile(r"<code>([0-9a-z]{5}-[0-9a-z]{5})</code>")


class App:
    """What is on the phone: the key, and the codes that were saved beside it."""

    def __init__(self, secret: str, spare: list[str]) -> None:
        self.secret, self.spare = secret, spare

    def code(self, steps: int = 0) -> str:
        """The one that it shows now, or some steps from now."""
        return pyotp.TOTP(self.secret).at(clock.now(), counter_offset=steps)


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, name
    return html.unescape(found[1])


def secret_of(page: str) -> str:
    found = re.search(r'aria-label="Key">(.*?)</p>', page, re.S)
    assert found
    return "".join(re.findall(r"<code>(\w+)</code>", found[1]))


def set_up(browser: Browser) -> App:
    """Turns two-step sign-in on for who is signed in."""
    page = browser.get("/account/two-step").text
    app = App(secret_of(page), [])
    answer = browser.post(
        "/account/two-step", {"setup": hidden(page, "setup"), "code": app.code()}, page="/account/two-step"
    )
    assert answer.status_code == 200, answer.status
    app.spare = CODE.findall(answer.text)
    return app


def second(browser: Browser, code: str, **more: str) -> TestResponse:
    """The second step of signing in."""
    return browser.post("/login/second", {"code": code, **more}, page="/login/second")
