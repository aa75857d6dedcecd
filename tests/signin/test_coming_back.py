"""`next` leads only to a path of this site."""

import re
from urllib.parse import urljoin, urlsplit

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from netflix.signin.views import local_path
from tests.people import Browser

EVIL = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https://evil.example",
    "https:evil",
]
EVIL += [
    "javascript:alert(1)",
    "data:text/html,x",
    "/\t/evil.example",
    "\t//evil.example",
    " //evil.example",
    "/\n/evil",
]
EVIL += [
    "/%0d%0aSet-Cookie:x=y\r\n",
    "/\r\nLocation: //evil",
    "/\x00/evil",
    "evil.example",
    "",
    "@evil",
    "/ /evil",
    "/x\x7f",
]
EVIL += ["http:/evil", "https:///evil", "/\x0b/evil", "\u2028//evil", "//evil\\@x", "/\x85\\evil", "?x", "#x", "."]


def test_a_target_elsewhere_leads_to_the_dashboard(app: Flask, ada: str) -> None:
    led = {target: Browser(app).sign_in(ada, next=target).location for target in EVIL}
    assert set(led.values()) == {"/dashboard"}, led


def test_who_is_signed_in_is_led_nowhere_else_either(browser: Browser, ada: str) -> None:
    browser.sign_in(ada)
    led = {target: browser.get("/login", query_string={"next": target}).location for target in EVIL}
    assert set(led.values()) == {"/dashboard"}, led


@pytest.mark.parametrize(
    "target", ["/dashboard", "/dashboard?a=1&b=2#c", "/x/y;z", "/caf%C3%A9", "/%2F%2Fevil.example"]
)
def test_a_path_of_this_site_is_where_one_comes_back_to(browser: Browser, ada: str, target: str) -> None:
    assert browser.sign_in(ada, next=target).location == target


@given(
    st.one_of(st.text(max_size=40), st.text(st.sampled_from("/\\:@?#.%0d9a\t\r\n htps[]é\u2044\uff0f"), max_size=20))
)
def test_no_text_leads_off_this_site(target: str) -> None:
    there = local_path(target)
    landing = urlsplit(urljoin("https://netflix.test/login", there))
    assert there.startswith("/")
    assert not there.startswith(("//", "/\\"))
    assert (landing.scheme, landing.netloc) == ("https", "netflix.test")


@given(st.text(st.characters(), max_size=30))
def test_the_location_is_one_line_of_ascii(target: str) -> None:
    assert all(character > " " for character in local_path("/" + target))


def test_a_foreign_name_in_a_path_stays_a_path(browser: Browser, ada: str) -> None:
    location = browser.sign_in(ada, next="/\uff0fevil.example").location
    assert location
    assert location.isascii()
    assert location.startswith("/%EF%BC%8F")


@pytest.mark.parametrize("target", ["", "/dashboard?a=1&b=2", '"><b>', "{{ 7*7 }}"])
def test_the_page_that_was_rendered_before_is_the_page(browser: Browser, target: str) -> None:
    """Any other word in the address has it rendered anew."""
    browser.get("/login")
    asked = {"next": target} if target else {}
    ready, anew = (browser.get("/login", query_string=asked | more).text for more in ({}, {"x": "1"}))
    token = re.compile(r'(name="csrf_token" value=")[^"]+')
    assert token.sub(r"\1", ready) == token.sub(r"\1", anew)
    assert '"><b>' not in ready


@pytest.mark.parametrize("path", ["/recover", "//login", "/login/", "/dashboard/"])
def test_an_untidy_address_is_never_sent_to_the_host_that_a_visitor_claimed(app: Flask, path: str) -> None:
    answer = app.test_client().get(path, base_url="http://evil.example")
    assert "evil.example" not in answer.headers.get("Location", "")
    assert "evil.example" not in answer.text
