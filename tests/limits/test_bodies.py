"""Slow senders, as far as one process shows it; the served site is in tests/served."""

import pytest
from flask import Flask


class Endless:
    """A body that never comes: to read it is to be held for ever."""

    def read(self, _: int = -1) -> bytes:
        raise AssertionError("somebody waits for this body")

    readline = readlines = __iter__ = read


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("path", ["/login", "/register", "/recover/", "/healthz", "/nowhere"])
def test_nobody_waits_for_the_body_of_a_page_view(app: Flask, method: str, path: str) -> None:
    environ = {"CONTENT_LENGTH": "9", "CONTENT_TYPE": "application/x-www-form-urlencoded", "wsgi.input": Endless()}
    assert app.test_client().open(path, method=method, environ_overrides=environ).status_code < 500


def test_a_method_in_small_letters_is_sent_no_less(app: Flask) -> None:
    environ = {"REQUEST_METHOD": "post", "CONTENT_LENGTH": "9", "wsgi.input": Endless()}
    with pytest.raises(AssertionError, match="waits for this body"):
        app.test_client().get("/login", environ_overrides=environ)
