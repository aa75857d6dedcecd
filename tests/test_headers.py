"""The headers of every kind of answer."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from flask import Flask

from tests.people import Browser
from tests.test_web import answers

ORIGIN = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}


@pytest.fixture
def over_tls(app: Flask) -> Flask:
    """The site, as if every request had come by https."""
    inner = app.wsgi_app

    def outer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        return inner(environ | {"wsgi.url_scheme": "https"}, start)

    app.wsgi_app = outer  # type: ignore[assignment, method-assign]
    return app


def test_over_tls_every_answer_keeps_browsers_there_with_all_subdomains(over_tls: Flask, ada: str) -> None:
    for name, answer in answers(over_tls, ada):
        assert answer.headers.getlist("Strict-Transport-Security") == ["max-age=63072000; includeSubDomains"], name
        answer.close()


def test_every_answer_says_what_it_is(app: Flask, ada: str) -> None:
    for name, answer in answers(app, ada):
        if answer.data:
            kind = answer.headers["Content-Type"]
            bare = kind.partition(";")[0]
            assert kind == f"{bare}; charset=utf-8" if bare.startswith("text/") else bare.endswith("json"), name
        answer.close()


def test_a_picture_says_so_too(browser: Browser) -> None:
    with browser.get("/static/icons/icon.svg") as answer:
        assert answer.headers["Content-Type"] == "image/svg+xml; charset=utf-8"


@pytest.mark.parametrize("path", ["/login", "/dashboard", "/healthz", "/nowhere", "/static/css/app.css"])
@pytest.mark.parametrize("method", ["get", "options", "post"])
def test_no_page_of_another_site_may_read_an_answer(browser: Browser, ada: str, path: str, method: str) -> None:
    browser.sign_in(ada)
    with getattr(browser.client, method)(path, headers=ORIGIN, environ_base=browser.environ) as answer:
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control-")]
