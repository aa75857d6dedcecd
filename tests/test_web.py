"""What every answer shares."""

import re
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import itsdangerous.timed
import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import (
    DatabaseError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
)
from werkzeug.routing import RequestRedirect
from werkzeug.test import TestResponse

from netflix import web
from netflix.errors import Refusal, TooManyAttempts, in_words
from netflix.extensions import db
from tests.conftest import Build
from tests.people import PASSWORD, Browser, link_for
from tests.watching import ROOT

JSON = {"Accept": "application/json"}
PROBLEM = "application/problem+json"


@pytest.fixture
def member(browser: Browser, ada: str) -> Browser:
    browser.sign_in(ada)
    return browser


def answers(app: Flask, ada: str) -> Iterator[tuple[str, TestResponse]]:
    """One of every kind."""
    browser = Browser(app)
    for path in (
        "/",
        "/login",
        "/register",
        "/dashboard",
        "/healthz",
        "/nowhere",
        "/recover/",
        "/recover/x",
        "/logout",
    ):
        yield path, browser.get(path)
    for path in ("/.well-known/change-password", "/static/css/app.css", "/static/nowhere.css", "/static/../setup.cfg"):
        yield path, browser.get(path)
    yield "a form without its token", browser.client.post("/login")
    yield "a wrong method", browser.client.put("/login")
    yield "nonsense", browser.post("/login", {"email": ""})
    yield "too much", browser.post("/register", {"email": "x" * 100_000}, page="/register")
    yield "wrong", browser.sign_in(ada, "wrong")
    yield "right", browser.sign_in(ada)
    yield "home", browser.get("/dashboard")
    yield "password", browser.get("/password")
    yield "options", browser.client.options("/login")
    for _ in range(6):
        browser.sign_in(ada, "wrong")
    stranger = Browser(app)
    for _ in range(6):
        limited = stranger.sign_in(ada, "wrong")
    yield "limited", limited
    app.testing = False
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(app.view_functions, "signin.show_login", lambda: 1 // 0)
        yield "a fault of ours", browser.client.get("/login", headers={"Cookie": ""})


def test_every_answer_carries_the_headers_once(app: Flask, ada: str) -> None:
    for name, answer in answers(app, ada):
        for header in (
            "Content-Security-Policy",
            "X-Content-Type-Options",
            "Referrer-Policy",
            "Cross-Origin-Opener-Policy",
        ):
            assert len(answer.headers.getlist(header)) == 1, (name, header)
        assert len(answer.headers.getlist("Cache-Control")) == 1, name
        assert "Strict-Transport-Security" not in answer.headers, name
        answer.close()


def test_the_policy_lets_nothing_in_line_and_nothing_from_elsewhere(browser: Browser) -> None:
    policy = dict(
        part.strip().split(" ", 1) for part in browser.get("/login").headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'self'"
    assert {policy[name] for name in ("object-src", "base-uri", "frame-ancestors")} == {"'none'"}
    assert policy["form-action"] == "'self'"
    assert "unsafe" not in str(policy)


def test_the_other_headers_say_what_they_should(browser: Browser) -> None:
    headers = browser.get("/login").headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] in ("same-origin", "no-referrer")
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Content-Type"] == "text/html; charset=utf-8"


def test_over_tls_browsers_are_told_to_stay_there(browser: Browser) -> None:
    told = browser.client.get("https://netflix.test/login").headers.getlist("Strict-Transport-Security")
    assert [int(re.search(r"max-age=(\d+)", one)[1]) >= 31_536_000 for one in told] == [True]  # type: ignore[index]


def test_nothing_of_a_person_is_kept_in_a_cache(app: Flask, ada: str) -> None:
    for name, answer in answers(app, ada):
        if not name.startswith("/static/css"):
            assert answer.headers["Cache-Control"] == "no-store", name
        answer.close()


def test_a_versioned_file_is_kept_for_ever_and_any_other_is_asked_for_again(browser: Browser) -> None:
    path = re.search(r'href="(/static/css/app.css\?v=[0-9a-f]+)"', browser.get("/login").text)
    assert path
    forged = browser.get("/static/css/app.css?v=000000000000")
    with forged, browser.get(path[1]) as versioned, browser.get("/static/css/app.css") as plain:
        assert "max-age" not in forged.headers["Cache-Control"]
        assert "max-age=31536000" in versioned.headers["Cache-Control"]
        assert plain.headers["Cache-Control"] == "no-cache"
        assert plain.headers["ETag"]
    with browser.get("/static/css/app.css", headers={"If-None-Match": plain.headers["ETag"]}) as again:
        assert again.status_code == 304


@pytest.mark.parametrize(
    "path", ["/static/..%2fsetup.cfg", "/static/../app.py", "/static/", "/static//etc/passwd", "/static/%00"]
)
def test_no_file_outside_static_is_given(browser: Browser, path: str) -> None:
    assert browser.get(path, follow_redirects=True).status_code == 404


REFUSED = [("get", "/nowhere", 404), ("put", "/login", 405), ("get", "/logout", 405), ("post", "/healthz", 405)]
REFUSED += [("post", "/login", 400), ("get", "/recover/x", 410), ("get", "/recover/", 410), ("get", "/é/\u2028", 404)]


@pytest.mark.parametrize(("method", "path", "status"), REFUSED)
def test_a_refusal_is_a_page_of_ours_or_problem_details(browser: Browser, method: str, path: str, status: int) -> None:
    page = getattr(browser.client, method)(path)
    assert (page.status_code, page.mimetype) == (status, "text/html")
    assert "<h1>" in page.text
    assert 'href="/"' in page.text
    problem = getattr(browser.client, method)(path, headers=JSON)
    assert (problem.status_code, problem.mimetype, problem.json["status"]) == (status, PROBLEM, status)
    assert set(problem.json) >= {"title", "status", "detail"}


@pytest.mark.parametrize("path", ["/login", "/register", "/recover", "/unlock"])
def test_the_title_tells_too_that_a_field_is_at_fault(browser: Browser, path: str) -> None:
    right = browser.get(path).text
    refused = browser.post(path, {"email": "no e-mail", "password": "seven quiet lanterns"}, page=path)
    assert refused.status_code == 422
    titles = [re.findall(r"<title>(.*?)</title>", text)[0] for text in (right, refused.text)]
    assert titles[0] != titles[1]
    assert re.search(r"\b(Not|No) .*yet", titles[1])


@pytest.mark.parametrize("path", ["/password", "/account/alarm"])
def test_and_so_it_does_on_a_page_of_one_s_own(member: Browser, path: str) -> None:
    refused = member.post(path, {"current_password": "", "password": "short"}, page=path)
    assert re.search(r"<title>\w+ not \w+ yet|<title>Not \w+ yet", refused.text)


def test_a_refusal_says_nothing_twice_and_what_a_reference_is_for(app: Flask) -> None:
    with app.app_context():
        page = web.refusal_page(TooManyAttempts(30), "c0ffee")
    assert page.count("Too many attempts") == 2  # the title, and the heading
    assert "Try again in 30 seconds." in page
    assert "tell the person who runs this site this reference: <code>c0ffee</code>" in page


def test_a_wrong_method_tells_the_right_ones(browser: Browser) -> None:
    assert browser.client.put("/login").allow == {"GET", "HEAD", "OPTIONS", "POST"}


@pytest.mark.parametrize("token", [None, "", "x", "IjEi.aaaaaa.bbbb", "é"])
@pytest.mark.parametrize("path", ["/login", "/register", "/logout", "/recover/", "/password", "/sessions/end-others"])
def test_a_form_without_its_token_changes_nothing(member: Browser, path: str, token: str | None) -> None:
    answer = member.client.post(path, data={} if token is None else {"csrf_token": token}, environ_base=member.environ)
    assert answer.status_code == 400
    assert "This form is too old" in answer.text
    assert member.get("/dashboard").status_code == 200


def test_a_token_of_another_browser_is_not_taken(app: Flask, member: Browser) -> None:
    foreign = Browser(app).token()
    assert member.client.post("/logout", data={"csrf_token": foreign}).status_code == 400


def test_a_page_left_open_over_night_still_signs_in(
    browser: Browser, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = {"csrf_token": browser.token(), "email": ada, "password": PASSWORD}
    tomorrow = time.time() + 86_400
    monkeypatch.setattr(itsdangerous.timed.time, "time", lambda: tomorrow)
    assert browser.client.post("/login", data=fields).status_code == 303


def test_a_fault_of_ours_is_a_page_that_leaks_nothing(
    app: Flask, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.testing = False

    def break_down() -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setitem(app.view_functions, "signin.show_login", break_down)
    page, problem = browser.get("/login"), browser.get("/login", headers=JSON)
    assert (page.status_code, problem.status_code) == (500, 500)
    assert "Something broke" in page.text
    assert problem.mimetype == PROBLEM
    for answer in (page, problem):
        assert "secret detail" not in answer.text
        assert "Traceback" not in answer.text


def test_nor_when_debugging_was_left_on(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASK_DEBUG", "1")
    app = build()
    app.testing = False
    monkeypatch.setitem(app.view_functions, "signin.show_login", lambda: 1 // 0)
    answer = app.test_client().get("/login")
    assert answer.status_code == 500
    assert "Something broke" in answer.text


@pytest.mark.parametrize("words", ["", "no such table: user\nSELECT * FROM user"])
@pytest.mark.parametrize("fault", [OperationalError, ProgrammingError, DatabaseError, InternalError, InterfaceError])
def test_a_database_that_fails_is_out_of_order_for_a_moment(
    app: Flask, browser: Browser, monkeypatch: pytest.MonkeyPatch, words: str, fault: type[DBAPIError]
) -> None:
    def fail() -> None:
        raise fault("SELECT secret", {}, Exception(words))

    monkeypatch.setitem(app.view_functions, "signin.show_login", fail)
    answer = browser.get("/login")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert "SELECT" not in answer.text


def test_a_row_that_breaks_a_rule_is_a_fault_of_ours(
    app: Flask, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise IntegrityError("INSERT", {}, Exception("UNIQUE constraint failed"))

    app.testing = False
    monkeypatch.setitem(app.view_functions, "signin.show_login", fail)
    assert browser.get("/login").status_code == 500


def test_a_pool_without_a_place_is_out_of_order_too(app: Flask, browser: Browser, ada: str) -> None:
    with app.app_context():
        pool = db.engine.pool
        pool._timeout = 0.01  # type: ignore[attr-defined]
        taken = [pool.connect() for _ in range(32)]
    assert browser.sign_in(ada).status_code == 503
    for connection in taken:
        connection.close()
    assert browser.sign_in(ada).status_code == 303


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "text/html"),
        ("*/*", "text/html"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
        ("application/json", PROBLEM),
        ("application/problem+json", PROBLEM),
        ("application/json, text/html;q=0.5", PROBLEM),
        ("text/html, application/json;q=0.9", "text/html"),
        ("application/json;q=x", PROBLEM),
    ],
)
def test_who_asks_for_json_gets_json(browser: Browser, accept: str, kind: str) -> None:
    assert browser.get("/nowhere", headers={"Accept": accept}).mimetype == kind


def test_health_is_told_in_json(browser: Browser) -> None:
    answer = browser.get("/healthz")
    assert (answer.status_code, answer.json) == (200, {"status": "ok", "database": "ok", "redis": "ok"})


def test_health_without_a_database_is_failing(app: Flask, browser: Browser) -> None:
    with app.app_context():
        db.session.execute(text("DROP TABLE alembic_version"))
        db.session.commit()
    answer = browser.get("/healthz")
    assert answer.status_code == 503
    assert answer.json == {"status": "failing", "database": "unavailable", "redis": "ok"}


class Page(HTMLParser):
    """What a page holds, as a browser reads it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.forms: list[dict[str, Any]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append((tag, found))
        if tag == "form":
            self.forms.append({"action": found.get("action"), "method": found.get("method"), "fields": set()})
        elif tag == "input" and self.forms:
            self.forms[-1]["fields"].add(found.get("name"))


@pytest.fixture
def pages(app: Flask, browser: Browser, ada: str) -> dict[str, Page]:
    found = {path: Page(browser.get(path).text) for path in ("/login", "/register", "/nowhere")}
    found["wrong"] = Page(browser.sign_in(ada, "wrong").text)
    for _ in range(5):
        limited = browser.sign_in(ada, "wrong")
    found["limited"] = Page(limited.text)
    with app.app_context():
        link = link_for(ada)
    found["recover"] = Page(browser.get(link, follow_redirects=True).text)
    member = Browser(app, "192.0.2.99")
    for one in (Browser(app, "192.0.2.98"), member):
        one.sign_in(ada)
    found |= {path: Page(member.get(path).text) for path in ("/dashboard", "/password")}
    return found


def test_every_form_carries_its_token_and_goes_to_a_place_of_ours(app: Flask, pages: dict[str, Page]) -> None:
    forms = [form for page in pages.values() for form in page.forms]
    assert len(forms) >= 9
    for form in forms:
        assert form["method"] == "post"
        assert "csrf_token" in form["fields"]
        app.url_map.bind("").match(form["action"], method="POST")


def test_every_link_leads_to_a_place_of_ours(app: Flask, pages: dict[str, Page]) -> None:
    adapter = app.url_map.bind("")
    links = {a["href"] for page in pages.values() for tag, a in page.tags if tag in ("a", "link") and a.get("href")}
    links |= {str(a["src"]) for page in pages.values() for tag, a in page.tags if a.get("src")}
    assert links
    for link in links:
        if not str(link).startswith("#"):
            try:
                adapter.match(str(link).partition("?")[0].partition("#")[0])
            except RequestRedirect:
                pytest.fail(f"{link} is led elsewhere")


def test_no_page_has_a_script_or_style_in_line(pages: dict[str, Page]) -> None:
    for name, page in pages.items():
        for tag, attributes in page.tags:
            assert tag != "style", name
            assert tag != "script" or attributes.get("src"), name
            assert not [a for a in attributes if a == "style" or a.startswith("on")], (name, tag)


def test_a_page_is_marked_for_its_language_and_has_one_heading(pages: dict[str, Page]) -> None:
    for name, page in pages.items():
        assert ("html", {"lang": "en"}) in page.tags, name
        assert sum(tag == "h1" for tag, _ in page.tags) == 1, name
        ids = [a["id"] for _, a in page.tags if "id" in a]
        assert len(ids) == len(set(ids)), name


# What a field may say that it is for; where one signs in, a passkey may be offered too.
AUTOFILL = ("username", "username webauthn", "current-password", "new-password", "one-time-code")


def test_every_field_has_a_label_and_tells_password_managers_what_it_is(pages: dict[str, Page]) -> None:
    for name, page in pages.items():
        labelled = {a.get("for") for tag, a in page.tags if tag == "label"}
        for tag, a in page.tags:
            if tag == "input" and a.get("type") not in ("hidden", "checkbox"):
                assert a["id"] in labelled, name
                assert a["autocomplete"] in AUTOFILL, name


TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
FILES = TEMPLATES + sorted(path for path in (ROOT / "static").rglob("*") if path.suffix in (".css", ".js", ".svg"))


# Pages that stand alone, with a policy that knows their style.
ALONE = {"banned.html"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_is_fetched_from_elsewhere(path: Any) -> None:
    text = path.read_text().replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?://|[\"'(]\s*//|@import|javascript:|data:text", text)
    if path.name in ALONE:
        text = re.sub("<style>", "", text, count=1)
    assert not re.search(r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son[a-z]+=|\|\s*safe\b|\beval\(|innerHTML", text)


def test_every_path_written_in_a_template_exists(app: Flask) -> None:
    adapter = app.url_map.bind("")
    for template in TEMPLATES:
        linked = r'(?:method="(\w+)" )?(?:href|action)="(/[^"{]*(?:\{\{.*?\}\}[^"{]*)*)"'
        for method, path in re.findall(linked, template.read_text()):
            adapter.match(re.sub(r"\{\{.*?\}\}", "1", path.partition("?")[0]), method=method.upper() or "GET")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "1 second"),
        (60, "60 seconds"),
        (119, "119 seconds"),
        (120, "2 minutes"),
        (121, "3 minutes"),
        (3600, "60 minutes"),
        (7200, "2 hours"),
        (7201, "3 hours"),
    ],
)
def test_a_wait_is_told_as_a_person_would(seconds: int, words: str) -> None:
    assert in_words(seconds) == words


def test_every_refusal_has_a_status_a_sentence_and_an_exit_code() -> None:
    kinds = list(Refusal.__subclasses__())
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        assert 400 <= kind.status < 600
        assert 1 <= kind.exit_code <= 8
        assert kind.title
        assert kind.__doc__


SENT_BY = ["/login", "/logout", "/register", "/password", "/recover/", "/sessions/end-others", "/nowhere"]


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("path", SENT_BY)
def test_what_another_site_s_page_sends_is_refused(browser: Browser, ada: str, path: str, site: str) -> None:
    browser.sign_in(ada)
    fields = {"csrf_token": browser.token("/dashboard")}
    answer = browser.client.post(path, data=fields, headers={"Sec-Fetch-Site": site}, environ_base=browser.environ)
    assert answer.status_code == 403
    assert "another site" in answer.text
    assert browser.get("/dashboard").status_code == 200


def test_a_link_from_another_site_opens_a_page(browser: Browser) -> None:
    assert browser.get("/login", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


def test_signing_out_clears_what_the_browser_keeps(browser: Browser, ada: str) -> None:
    browser.sign_in(ada)
    assert browser.sign_out().headers["Clear-Site-Data"] == '"cache", "storage"'
    assert "You are signed out." in browser.get("/login").text


@pytest.mark.parametrize(
    ("host", "status"),
    [("films.example.org", 200), ("films.example.org:8443", 200), ("127.0.0.1:5000", 200), ("evil.example", 400)],
)
def test_where_its_address_is_known_the_site_answers_to_no_other_name(build: Build, host: str, status: int) -> None:
    client = build(url="https://films.example.org").test_client()
    answer = client.get("/login", headers={"Host": host})
    assert answer.status_code == status
    assert "evil" not in answer.text


def test_where_it_is_not_any_name_will_do(app: Flask) -> None:
    assert app.test_client().get("/login", headers={"Host": "nas.local:5000"}).status_code == 200
