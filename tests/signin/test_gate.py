"""The gate counts before the site is entered; what it reads and what the site reads must be one and the same."""

import io
import json
import re
from typing import Any

import pytest
from flask import Flask, request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from netflix.errors import WrongCredentials
from netflix.limits import counter
from netflix.signin import attempt, gate, signin
from netflix.signin.visitor import Visitor
from tests.people import PASSWORD, Browser
from tests.watching import hashes

FORM = "application/x-www-form-urlencoded"
FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
NAMES = st.sampled_from(["email", "password", "next", "remember", "csrf_token", "e%6dail", "Email", "email[]", ""])
VALUES = st.sampled_from([b"a", b"b", b"%41", b"%ff", b"%", b"+", b"%00", b";", b"\xc3\xa9", b"a@b", b""])
BODIES = st.lists(st.tuples(NAMES, st.sampled_from(["=", "", "=="]), VALUES)).map(
    lambda parts: b"&".join(name.encode() + sign.encode() + value for name, sign, value in parts)
)

# The gate reads plain forms alone; the site takes the other kind too.
AT_THE_GATE, BEHIND_IT = "application/x-www-form-urlencoded", "multipart/form-data"


def environ(body: bytes) -> dict[str, Any]:
    return {"CONTENT_TYPE": FORM, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}


@FEW
@given(BODIES)
def test_the_gate_reads_what_the_site_reads(app: Flask, body: bytes) -> None:
    try:
        sent = gate.form(environ(body))
    except ValueError:
        return
    with app.test_request_context("/login", method="POST", data=body, content_type=FORM):
        assert sent == request.form.to_dict()


COUNTED = [401] * 5 + [429] * 4
# No form that Flask reads: e-mail and password are missing, and nothing is guessed.
EMPTY = [422] * 9


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("multipart/form-data; boundary=x", COUNTED),
        (FORM.upper(), COUNTED),
        (f" {FORM}", COUNTED),
        (f"{FORM};x", COUNTED),
        (f"{FORM}; charset=utf-16", COUNTED),
        ("application/json", EMPTY),
        ("text/plain", EMPTY),
        ("", EMPTY),
    ],
)
def test_no_way_round_the_gate_leads_round_the_limit(
    browser: Browser, ada: str, kind: str, expected: list[int]
) -> None:
    token = browser.token()
    if kind.startswith("multipart"):
        parts = {"csrf_token": token, "email": ada, "password": "wrong"}.items()
        body = (
            "".join(f'--x\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in parts) + "--x--\r\n"
        )
    else:
        body = f"csrf_token={token}&email={ada}&password=wrong"
    headers = {"Content-Type": kind, "X-CSRFToken": token}
    with hashes() as done:
        answers = [
            browser.client.post("/login", data=body, headers=headers, environ_base=browser.environ).status_code
            for _ in range(9)
        ]
    assert answers == expected
    assert len(done) == expected.count(401)


@pytest.mark.parametrize("path", ["/login", "/login?x=1", "/login?email=a@b"])
@pytest.mark.parametrize("site", ["same-origin", "none", "cross-site", "same-site", "", "nonsense"])
def test_whatever_a_browser_says_of_its_page_the_limit_holds(browser: Browser, ada: str, path: str, site: str) -> None:
    fields = {"csrf_token": browser.token(), "email": ada, "password": "wrong"}
    headers = {"Sec-Fetch-Site": site}
    answers = [browser.client.post(path, data=fields, headers=headers).status_code for _ in range(7)]
    assert answers == ([401] * 5 + [429] * 2 if site in ("same-origin", "none") else [403] * 7)


def test_another_site_s_form_uses_up_nobody_s_attempts(browser: Browser, ada: str, redis: Redis) -> None:
    for site in ("cross-site", "same-origin"):
        for _ in range(8):
            answer = browser.client.post(
                "/login",
                data={"email": ada, "password": "x"},
                headers={"Sec-Fetch-Site": site},
                environ_base=browser.environ,
            )
            assert answer.status_code == 400
    assert redis.dbsize() == 0


def test_many_fields_go_round_the_gate_but_not_round_the_limit(browser: Browser, ada: str) -> None:
    """Flask's own bound is for the parts of a multipart form."""
    fields = {"csrf_token": browser.token(), "email": ada, "password": "wrong"} | {f"x{n}": "" for n in range(60)}
    answers = [browser.client.post("/login", data=fields).status_code for _ in range(6)]
    assert answers == [401] * 5 + [429]


def test_many_parts_are_refused_and_use_up_nothing(browser: Browser, ada: str, redis: Redis) -> None:
    fields = {"csrf_token": browser.token(), "email": ada, "password": "wrong"} | {f"x{n}": "" for n in range(60)}
    with hashes() as done:
        answers = [browser.client.post("/login", data=fields, content_type="multipart/form-data") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [413] * 6
    assert not done
    assert redis.dbsize() == 0


def test_a_fault_after_the_gate_gives_the_attempt_back(
    app: Flask, browser: Browser, ada: str, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = browser.token()
    monkeypatch.setattr("netflix.accounts.user.User.known_as", lambda email: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        browser.client.post("/login", data={"csrf_token": token, "email": ada, "password": "x"})
    assert redis.dbsize() == 0


def test_a_body_that_is_too_long_to_be_read_is_refused_by_its_head(app: Flask, browser: Browser) -> None:
    class Unread(io.RawIOBase):
        """As a server gives it: no more than a stream."""

        def readable(self) -> bool:
            return True

    token = browser.token()
    answer = browser.client.open(
        "/login",
        method="POST",
        headers={"X-CSRFToken": token, "Content-Type": FORM},
        environ_overrides={"wsgi.input": Unread(), "CONTENT_LENGTH": "1000000"},
    )
    assert answer.status_code == 413


def test_the_page_at_the_gate_is_the_page_behind_it(browser: Browser, ada: str) -> None:
    fields = {"csrf_token": browser.token(), "email": ada, "password": "x", "next": "/dashboard?<&", "remember": "y"}
    for _ in range(5):
        browser.client.post("/login", data=fields, environ_base=browser.environ)
    pages = []
    for kind in (AT_THE_GATE, BEHIND_IT):
        answer = browser.client.post("/login", data=fields, content_type=kind, environ_base=browser.environ)
        assert answer.status_code == 429
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Content-Security-Policy" in answer.headers
        pages.append(re.sub(r'(in |retry-after=")\d+', r"\1", answer.text))
    assert pages[0] == pages[1]


def test_the_page_at_the_gate_escapes_what_was_sent(browser: Browser, ada: str) -> None:
    evil = '"><script>alert(1)</script>'
    fields = {"csrf_token": evil, "email": "a'b@c", "password": "x" + evil, "next": evil, "remember": evil}
    for _ in range(5):
        browser.sign_in(ada, "wrong")
    answer = browser.client.post("/login", data=fields, environ_base=browser.environ)
    assert answer.status_code == 429
    assert "<script>alert" not in answer.text
    assert "x&#34;" not in answer.text


def test_a_program_is_told_the_same_at_the_gate_as_behind_it(browser: Browser, ada: str) -> None:
    fields = {"csrf_token": browser.token(), "email": ada, "password": "x"}
    for _ in range(5):
        browser.client.post("/login", data=fields)
    told = []
    for kind in (AT_THE_GATE, BEHIND_IT):
        answer = browser.client.post("/login", data=fields, content_type=kind, headers={"Accept": "application/json"})
        told.append((answer.status_code, answer.mimetype, json.loads(re.sub(r"\d+ second", "n second", answer.text))))
    assert told[0] == told[1]


def test_an_attempt_that_was_counted_for_another_does_not_stand_for_this_one(
    app: Flask, ada: str, redis: Redis
) -> None:
    """Should the gate ever read a form otherwise than the site does."""
    with app.test_request_context():
        counted = counter.hit(*attempt.subjects("nobody@example.org", Visitor("192.0.2.1")))
        with pytest.raises(WrongCredentials):
            signin.sign_in(ada, "wrong", False, Visitor("192.0.2.1"), counted)
    assert len(redis.keys("*sign-in:account*")) == 2


def test_signing_in_at_the_gate_still_works(browser: Browser, ada: str, redis: Redis) -> None:
    assert browser.sign_in(ada, PASSWORD).status_code == 303
    assert redis.dbsize() == 0
