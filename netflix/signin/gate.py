"""At the door: an attempt to sign in is counted, and one too many refused, before the site is entered.

Refusing is what a guesser makes us do most. Here it costs one round trip to Redis and a page, at a third of
what it costs behind Flask's session, token and dispatch.
"""

from collections.abc import Callable, Iterable
from functools import partial
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl

from flask import Flask
from jinja2 import Template
from werkzeug.http import parse_options_header

from netflix import door, forms, web
from netflix.errors import NotAccepted, TooManyAttempts
from netflix.limits.counter import Attempt, Counters
from netflix.lockdown.notice import Notice
from netflix.prerendered import Prerendered
from netflix.signin import attempt, cookie, signin
from netflix.signin.visitor import Visitor

COUNTED = "netflix.attempt"
SHOWN = ("email", "next", "csrf_token")


class Gate:
    """WSGI middleware; what it cannot read, or a browser says another site sent, goes on uncounted.

    The act counts whatever was not counted here, so no way round the gate leads round the limit.
    """

    def __init__(self, app: Flask, counters: Counters) -> None:
        self.app = app
        self.inner = app.wsgi_app
        self.counters = counters
        self.notice: Notice = app.extensions["netflix-lockdown-notice"]
        page = app.jinja_env.get_template("signin/login.html")
        self.pages = {remember: refused_page(page, remember) for remember in ("", "y")}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/login" or environ["REQUEST_METHOD"] != "POST" or is_foreign(environ):
            return self.inner(environ, start_response)
        try:
            sent = form(environ)
            signin.check(sent.get("email", ""), sent.get("password", ""))
            visitor = Visitor(environ["REMOTE_ADDR"], devices=cookie.devices(environ))
            with self.app.app_context():
                environ[COUNTED] = self.counters.hit(*attempt.subjects(sent["email"], visitor))
        except (ValueError, NotAccepted):
            return self.inner(environ, start_response)
        except TooManyAttempts as refusal:
            return door.answer(environ, start_response, refusal, partial(self.shown, sent, refusal))
        try:
            return self.inner(environ, start_response)
        finally:
            # Refused for something else, such as a token that is too old: nothing was guessed.
            if counted := take_attempt(environ):
                self.counters.refund(counted)

    def shown(self, sent: dict[str, str], refusal: TooManyAttempts) -> str:
        """The page that Flask would give, with the token that was sent: it is looked at when it is sent again."""
        words = {name: sent.get(name, "") for name in SHOWN}
        page = self.pages["y" if sent.get("remember") else ""]
        return page.filled(remedy=refusal.remedy, retry_after=str(refusal.retry_after), notice=self.notice(), **words)


def refused_page(page: Template, remember: str) -> Prerendered:
    def render(marks: dict[str, str]) -> str:
        refusal = TooManyAttempts(0)
        refusal.remedy, refusal.retry_after = marks["remedy"], marks["retry_after"]  # type: ignore[assignment]
        fields = forms.form(marks | {"remember": remember}, "email", "password", "remember", "next")
        return page.render(
            form=fields,
            refusal=refusal,
            csrf_token=lambda: marks["csrf_token"],
            lockdown_notice=lambda: marks["notice"],
        )

    return Prerendered(render, *SHOWN, "remedy", "retry_after", "notice")


def form(environ: dict[str, Any]) -> dict[str, str]:
    """The first value of each field, as Flask reads it. Raises ValueError for what is not a plain form."""
    if parse_options_header(environ.get("CONTENT_TYPE"))[0] != "application/x-www-form-urlencoded":
        raise ValueError
    # A body that is too long to be taken was not read.
    if not isinstance(environ["wsgi.input"], BytesIO):
        raise ValueError
    sent: dict[str, str] = {}
    body = environ["wsgi.input"].getvalue().decode()
    for name, value in parse_qsl(body, keep_blank_values=True, max_num_fields=50, errors="werkzeug.url_quote"):
        sent.setdefault(name, value)
    return sent


def is_foreign(environ: dict[str, Any]) -> bool:
    """Whether the browser says that a page of another site sent this: it cannot use up a household's attempts."""
    return environ.get("HTTP_SEC_FETCH_SITE", "same-origin") not in web.OWN_PAGES


def take_attempt(environ: dict[str, Any]) -> Attempt | None:
    """The attempt that the gate counted for this request; asked for once."""
    return environ.pop(COUNTED, None)
