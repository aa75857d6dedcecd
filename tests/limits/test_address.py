import ipaddress
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from netflix.limits.address import LONGEST, MOST_HOPS, UNKNOWN, TrustedProxies, client, counted_as, parsed, parsed_short
from netflix.values import networks
from tests.conftest import Build
from tests.people import Browser

TRUSTED = networks("10.0.0.0/8, 127.0.0.1, 2001:db8:ffff::/48")
PROXY = "10.0.0.1"
STRANGER = "203.0.113.7"
TEXT = st.text(st.characters(codec="latin-1"), max_size=60)
ADDRESSES = st.ip_addresses().map(str)
HEADERS = st.lists(st.one_of(TEXT, ADDRESSES), max_size=30).map(", ".join)


@given(ADDRESSES, HEADERS)
def test_a_stranger_s_header_is_no_identity(peer: str, header: str) -> None:
    assert client(peer, header, ()) == str(parsed(peer))


@given(HEADERS)
def test_nothing_left_of_what_a_proxy_added_counts(header: str) -> None:
    assert client(PROXY, f"{header}, {STRANGER}", TRUSTED) == STRANGER


@given(HEADERS, TEXT)
def test_any_header_is_read_without_a_fault_of_ours(header: str, peer: str) -> None:
    assert counted_as(client(peer, header, TRUSTED))


def test_long_garbage_is_not_kept() -> None:
    before = parsed_short.cache_info().currsize
    assert parsed("1" * (LONGEST + 1)) is None
    assert parsed_short.cache_info().currsize == before


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (STRANGER, STRANGER),
        (f"1.1.1.1, {STRANGER}", STRANGER),
        (f"1.1.1.1, {STRANGER}, 10.9.9.9, 10.0.0.2", STRANGER),
        (f" {STRANGER}\t", STRANGER),
        (f"{STRANGER}:4711", STRANGER),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%25eth0]:80", "fe80::1"),
        ("::ffff:203.0.113.7", STRANGER),
        ("[::ffff:cb00:7107]:1", STRANGER),
        ("2001:db8:ffff::1", "2001:db8:ffff::1"),
        (f"{STRANGER}, 2001:db8:ffff::1", STRANGER),
        (f"{STRANGER}, ::ffff:10.1.1.1", STRANGER),
        ("10.1.1.1", "10.1.1.1"),
    ],
)
def test_the_client_is_the_first_from_the_right_that_is_no_proxy(header: str, found: str) -> None:
    assert client(PROXY, header, TRUSTED) == found


GARBAGE = ["", "unknown", "_hidden", "not-an-ip", "999.1.1.1", "1.2.3", "0x7f.1", "1.2.3.4.5", "::g", "1.2.3.4:x", "²"]
GARBAGE += [
    "01.2.3.4",
    "[1.2.3.4",
    "1.2.3.4]",
    "for=1.2.3.4",
    "1.2.3.4 5.6.7.8",
    "\x00",
    "-",
    "1.2.3.4:999999",
    "[::1]x",
]


@pytest.mark.parametrize("garbage", GARBAGE, ids=ascii)
def test_garbage_is_never_a_new_identity(garbage: str) -> None:
    """Whoever sends it counts as the proxy that let it through."""
    assert client(PROXY, garbage, TRUSTED) == PROXY
    assert client(PROXY, f"{STRANGER}, {garbage}", TRUSTED) == PROXY
    assert client(PROXY, f"{garbage}, 10.0.0.2", TRUSTED) == "10.0.0.2"
    assert counted_as(garbage) == UNKNOWN


def test_a_chain_longer_than_any_honest_one_is_not_followed() -> None:
    chain = ", ".join([STRANGER] + [f"10.0.1.{n}" for n in range(MOST_HOPS)])
    assert client(PROXY, chain, TRUSTED) == "10.0.1.0"


@pytest.mark.parametrize("peer", ["", "/run/site.sock", "unix:", "@", "garbage"])
def test_behind_a_socket_without_an_address_all_count_as_one(peer: str) -> None:
    assert client(peer, STRANGER, TRUSTED) == UNKNOWN
    assert counted_as(UNKNOWN) == UNKNOWN


@given(st.ip_addresses(v=6), st.integers(0, 2**64 - 1))
def test_a_household_counts_as_one(address: ipaddress.IPv6Address, host: int) -> None:
    other = ipaddress.IPv6Address(int(address) >> 64 << 64 | host)
    if not (address.ipv4_mapped or other.ipv4_mapped):
        assert counted_as(str(address)) == counted_as(str(other))
        assert counted_as(str(address)).endswith("/64")


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_has_one_identity(address: ipaddress.IPv4Address) -> None:
    forms = (
        f"{address}",
        f"{address}:80",
        f" {address} ",
        f"::ffff:{address}",
        f"[::ffff:{address}]:80",
        f"[{address}]",
    )
    assert {counted_as(form) for form in forms} == {str(address)}


@given(TEXT)
def test_whom_a_limit_counts_is_short(text: str) -> None:
    assert len(counted_as(text)) <= 43


def scheme(peer: str, said: str | None) -> str:
    seen: dict[str, Any] = {}
    environ = {"REMOTE_ADDR": peer, "wsgi.url_scheme": "http"} | ({"HTTP_X_FORWARDED_PROTO": said} if said else {})
    list(TrustedProxies(lambda environ, _: seen.update(environ) or [], TRUSTED)(environ, lambda *_: None))
    return str(seen["wsgi.url_scheme"])


@pytest.mark.parametrize(
    ("said", "taken"),
    [("https", "https"), ("http, https", "https"), ("https, http", "http"), ("x", "http"), (None, "http")],
)
def test_a_proxy_tells_the_scheme(said: str | None, taken: str) -> None:
    assert scheme(PROXY, said) == taken


@pytest.mark.parametrize("peer", [STRANGER, "", "garbage"])
def test_a_stranger_does_not_tell_the_scheme(peer: str) -> None:
    assert scheme(peer, "https") == "http"


def test_the_site_counts_the_address_that_its_proxy_vouches_for(build: Build, ada: str) -> None:
    site = build(trusted_proxies=networks("10.0.0.0/8"))
    answers = []
    for n in range(6):
        headers = {"X-Forwarded-For": f"1.1.1.{n}, {STRANGER}:{4000 + n}"}
        form = {"email": f"{n}@x", "password": "wrong"}
        answers.append(Browser(site, PROXY).post("/login", form, headers=headers).status_code)
    assert answers == [401] * 5 + [429]
    headers = {"X-Forwarded-For": "203.0.113.8"}
    assert Browser(site, PROXY).post("/login", {"email": ada, "password": "x"}, headers=headers).status_code == 401


def test_behind_a_proxy_with_tls_the_cookie_is_secure(build: Build) -> None:
    site = build(trusted_proxies=networks("10.0.0.0/8"))
    secure = Browser(site, PROXY).get("/login", headers={"X-Forwarded-Proto": "https"})
    assert secure.headers["Set-Cookie"].startswith("__Host-session=")
    assert "Strict-Transport-Security" in secure.headers
    plain = Browser(site, STRANGER).get("/login", headers={"X-Forwarded-Proto": "https"})
    assert plain.headers["Set-Cookie"].startswith("session=")
    assert "Strict-Transport-Security" not in plain.headers


def test_the_dashboard_tells_the_client_and_not_the_proxy(app: Flask, build: Build, ada: str) -> None:
    browser = Browser(build(trusted_proxies=networks("10.0.0.0/8")), PROXY)
    browser.client.environ_base["HTTP_X_FORWARDED_FOR"] = STRANGER
    browser.sign_in(ada)
    page = browser.get("/dashboard").text
    assert STRANGER in page
    assert PROXY not in page
