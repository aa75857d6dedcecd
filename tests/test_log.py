import logging
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from netflix import suspicion
from tests.conftest import Build
from tests.people import Browser
from tests.watching import log

FORGED = "x\r\n2026-01-01T00:00:00.000Z INFO netflix.web: forged\x1b[2J\x85\u2028forged\u202e"
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [A-Z]+ netflix[a-z.]*: ")


@pytest.mark.usefixtures("app")
def test_no_text_of_a_stranger_starts_a_line() -> None:
    with log() as written:
        logging.getLogger("netflix.web").warning("somebody said %s", FORGED)
    (line,) = written.getvalue().splitlines()
    assert "forged\\x1b[2J" in line
    assert line.isprintable()


@pytest.mark.usefixtures("app")
def test_nor_does_the_text_of_a_fault() -> None:
    with log() as written:
        try:
            raise ValueError(FORGED)
        except ValueError:
            logging.getLogger("netflix.web").exception("it broke")
    first, *more = written.getvalue().splitlines()
    assert LINE.match(first)
    assert more
    assert all(line.startswith("  ") and line.isprintable() for line in more)


def test_a_path_with_a_line_in_it_is_one_line(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    app.testing = False
    monkeypatch.setitem(app.view_functions, "signin.open_link", lambda carried: 1 // 0)
    with log() as written:
        assert Browser(app).get("/recover/x%0d%0aforged%1b[2J").status_code == 500
    assert not [line for line in written.getvalue().splitlines() if not line.startswith("  ") and not LINE.match(line)]


def test_a_fault_is_told_with_the_reference_that_the_page_shows(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    app.testing = False
    monkeypatch.setitem(app.view_functions, "signin.show_login", lambda: 1 // 0)
    with log() as written:
        page = Browser(app).get("/login").text
    reference = re.search(r"<code>([0-9a-f]{8})</code>", page)
    assert reference
    assert f"reference {reference[1]}: GET /login answered 500" in written.getvalue()
    assert "ZeroDivisionError" in written.getvalue()
    assert "ZeroDivisionError" not in page


def test_no_password_and_no_e_mail_is_logged(browser: Browser, ada: str) -> None:
    with log() as written:
        browser.sign_in(ada, "my secret thing")
        browser.register("new@example.org", "my secret thing")
        browser.register("bad", "my secret thing")
    told = written.getvalue()
    assert "authn_login_fail" in told
    assert "secret" not in told
    assert "@" not in told


@pytest.fixture
def _far_from_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("app", "_far_from_utc")
def test_a_line_tells_its_time_in_utc() -> None:
    with log() as written:
        logging.getLogger("netflix.web").warning("something")
    told = datetime.fromisoformat(written.getvalue().split()[0])
    assert told.utcoffset() == timedelta()
    assert timedelta() <= datetime.now(UTC) - told < timedelta(minutes=1)


@pytest.fixture
def _nothing_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suspicion, "_told", set())


@pytest.mark.usefixtures("_nothing_told")
def test_what_no_page_of_ours_sends_is_told_once_a_minute(
    app: Flask, browser: Browser, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = build(url="https://films.example.org").test_client()
    with log() as written:
        for _ in range(3):
            browser.client.post("/login", environ_base=browser.environ)
            browser.post("/register", page="/register", headers={"Sec-Fetch-Site": "cross-site"})
            other.get("/recover/secret", base_url="http://evil.example", environ_base=browser.environ)
    assert [line.partition("netflix.suspicion: ")[2] for line in written.getvalue().splitlines()] == [
        'input_validation_fail 192.0.2.10 {"what": "a form\'s token", "request": "POST /login"}',
        'input_validation_fail 192.0.2.10 {"what": "another site\'s page", "request": "POST /register"}',
        'input_validation_fail 192.0.2.10 {"what": "another site\'s name", "request": "GET -"}',
    ]
    monkeypatch.setattr(suspicion, "EVERY", 0)
    with log() as written:
        browser.client.post("/login", environ_base=browser.environ)
    assert "a form's token" in written.getvalue()


@pytest.mark.usefixtures("app", "_nothing_told")
def test_a_flood_of_it_fills_no_disk() -> None:
    with log() as written:
        for number in range(3 * suspicion.MOST):
            suspicion.note("a form's token", f"203.0.113.{number}", "POST /login")
    assert len(written.getvalue().splitlines()) == suspicion.MOST
