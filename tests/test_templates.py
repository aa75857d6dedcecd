"""What templates and styles say by hand, held against what they say it of."""

import hashlib
import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from flask import Flask

from netflix import web
from netflix.accounts import email, password
from netflix.errors import Refusal
from netflix.forms import Field
from tests.conftest import Build
from tests.people import Browser
from tests.watching import ROOT

STATIC = ROOT / "static"
WRITTEN = [
    (path, name, digest)
    for path in sorted([*STATIC.rglob("*.css"), *STATIC.rglob("*.js"), *STATIC.rglob("*.svg")])
    for name, digest in re.findall(r"""([^\s"'(]+)\?v=([^"')]+)""", path.read_text())
]


def test_there_are_digests_written_by_hand() -> None:
    assert WRITTEN


@pytest.mark.parametrize(("path", "name", "digest"), WRITTEN, ids=str)
def test_a_digest_that_is_written_by_hand_is_that_of_the_file(path: object, name: str, digest: str) -> None:
    """Kept for a year, an old one would show the old file for as long."""
    file = STATIC / name.removeprefix("/static/") if name.startswith("/") else (STATIC / "css" / name).resolve()
    assert digest == hashlib.sha256(file.read_bytes()).hexdigest()[:12]


class Fields(HTMLParser):
    """The fields of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "input":
            self.found.append(dict(attrs))


# Every form with a password.
FORMS = [
    "accounts/register.html",
    "factors/prove.html",
    "mailed/confirm.html",
    "mailed/email.html",
    "own/alarm.html",
    "signin/login.html",
    "signin/password.html",
    "signin/recover.html",
]
SOURCES = {str(path.relative_to(ROOT / "templates")): path.read_text() for path in (ROOT / "templates").rglob("*.html")}
FIELDS = "_form.html"
ASKING = re.compile(r"fields\.(email|\w+_password)\(")


class Blank:
    """A form of which nothing was typed, whatever its fields are."""

    def __getattr__(self, name: str) -> Field:
        return Field()


def written(app: Flask, key: str, value: str) -> Iterator[tuple[str, dict[str, str | None]]]:
    """The fields of that kind, each with its template."""
    with app.test_request_context():
        for name in sorted(name for name, source in SOURCES.items() if ASKING.search(source)):
            page = web.page(name, form=Blank(), refusal=Refusal())
            yield from ((name, field) for field in Fields(page).found if field.get(key) == value)


def test_all_forms_are_looked_at(app: Flask) -> None:
    assert sorted({name for name, _ in written(app, "type", "password")}) == FORMS
    assert [name for name, source in SOURCES.items() if 'type="password"' in source] == [FIELDS]


def test_a_field_for_an_e_mail_takes_as_much_as_the_site(app: Flask) -> None:
    assert {field.get("maxlength") for _, field in written(app, "name", "email")} == {str(email.LONGEST)}


def test_a_field_for_a_password_takes_as_much_as_the_site(app: Flask) -> None:
    assert {field.get("maxlength") for _, field in written(app, "type", "password")} == {str(password.LONGEST)}


@pytest.mark.parametrize("form", FORMS)
def test_only_a_new_password_is_asked_to_be_long(app: Flask, form: str) -> None:
    """A present one of another system may be shorter."""
    fields = [field for name, field in written(app, "type", "password") if name == form]
    for field in fields:
        is_new = field.get("autocomplete") == "new-password"
        assert field.get("minlength") == ("8" if is_new else None)


@pytest.mark.parametrize("form", FORMS)
def test_a_password_is_hidden_and_may_be_pasted_and_filled_in(app: Flask, form: str) -> None:
    with app.test_request_context():
        page = web.page(form, form=Blank(), refusal=Refusal())
    secret = [field for field in Fields(page).found if "password" in str(field.get("name"))]
    assert secret
    for field in secret:
        assert field["type"] == "password"
        assert field["autocomplete"] in ("current-password", "new-password")
        assert not [name for name in field if name.startswith("on") or name == "readonly"]


def test_no_script_looks_at_what_is_pasted() -> None:
    scripts = "".join(path.read_text() for path in STATIC.rglob("*.js"))
    assert scripts
    assert not re.search("paste|clipboard|beforeinput|preventDefault", scripts)


def test_the_hint_at_a_new_password_tells_the_same(app: Flask, browser: Browser) -> None:
    assert re.search(r"\b8 characters", browser.get("/register").text)


def test_fields_and_hints_tell_the_minimum_that_is_set(build: Build) -> None:
    page = Browser(build(password_minimum=15)).get("/register").text
    assert 'minlength="15"' in page
    assert "At least 15 characters" in page
