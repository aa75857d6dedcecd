"""Every browser that is signed in, on a page of its own."""

from flask import Flask

from netflix.signin.device import Device
from tests.people import MALLORY, Browser
from tests.test_speed_counts import cost

PAGE = "/account/browsers"


def test_all_are_told_with_where_and_when(app: Flask, browser: Browser, ada: str) -> None:
    for number in range(7):
        Browser(app, f"192.0.2.{20 + number}").sign_in(ada)
    browser.sign_in(ada)
    page = browser.get(PAGE).text
    assert all(f"192.0.2.{20 + number}" in page for number in range(7))
    assert page.count("This browser") == 2
    assert page.count("Signed in <time") == page.count("Last seen <time") == 8
    assert page.count("First seen <time") == 8
    assert "See all 8 browsers" in browser.get("/dashboard").text
    assert browser.get("/dashboard").text.count("Last seen") == 4


def test_one_is_ended_and_one_stays_on_the_page(app: Flask, browser: Browser, ada: str) -> None:
    other = Browser(app, MALLORY)
    other.sign_in(ada)
    browser.sign_in(ada)
    answer = browser.post("/sessions/1/end", {"next": PAGE}, page=PAGE)
    assert answer.location == PAGE
    assert other.get("/dashboard").status_code == 303
    assert "/sessions/1/end" not in browser.get(PAGE).text


def test_all_others_are_ended(app: Flask, browser: Browser, ada: str) -> None:
    others = [Browser(app) for _ in range(3)]
    for other in others:
        other.sign_in(ada)
    browser.sign_in(ada)
    assert browser.post("/sessions/end-others", {"next": PAGE}, page=PAGE).location == PAGE
    assert {other.get("/dashboard").status_code for other in others} == {303}
    assert "No other browser" in browser.get(PAGE).text


def test_nobody_is_led_off_the_site(app: Flask, browser: Browser, ada: str) -> None:
    Browser(app).sign_in(ada)
    browser.sign_in(ada)
    sent = {"next": "https://evil.example/"}
    assert browser.post("/sessions/end-others", sent, page="/dashboard").location == "/dashboard"


def test_a_known_browser_is_forgotten_and_stays_signed_in(app: Flask, browser: Browser, ada: str) -> None:
    other = Browser(app, MALLORY)
    other.sign_in(ada)
    browser.sign_in(ada)
    answer = browser.post("/account/devices/1/end", page=PAGE, follow_redirects=True)
    assert "That browser is not known any more." in answer.text
    assert "/account/devices/1/end" not in answer.text
    assert other.get("/dashboard").status_code == 200
    browser.post("/account/devices/end", page=PAGE)
    assert "/account/devices/2/end" not in browser.get(PAGE).text
    told = browser.get("/activity").text
    assert "You took a browser off the known ones." in told
    assert "You took all browsers off the known ones." in told


def test_among_the_known_ones_this_one_is_told_from_the_others(app: Flask, browser: Browser, ada: str) -> None:
    for one in (Browser(app, MALLORY), browser):
        one.sign_in(ada)
    known = browser.get(PAGE).text.partition('id="known"')[2]
    mine, other = known.split("</li>")[:2]
    assert ("This browser" in mine, "This browser" in other) == (True, False)
    assert "Forget all of them, this browser too" in known
    browser.post("/account/devices/2/end", page=PAGE)
    known = browser.get(PAGE).text.partition('id="known"')[2]
    assert "This browser" not in known
    assert "Forget all of them<" in known


def test_another_s_known_browser_is_not_theirs_to_forget(app: Flask, browser: Browser, ada: str, grace: str) -> None:
    Browser(app).sign_in(grace)
    browser.sign_in(ada)
    assert browser.post("/account/devices/1/end", page=PAGE).status_code == 404
    with app.app_context():
        assert len(Device.of(2)) == 1


def test_it_is_three_statements(app: Flask, browser: Browser, ada: str) -> None:
    browser.sign_in(ada)
    assert cost(app, lambda: browser.get(PAGE)) == (3, 0, 0)


def test_nobody_sees_another_s(app: Flask, browser: Browser, ada: str, grace: str) -> None:
    Browser(app, MALLORY).sign_in(grace)
    browser.sign_in(ada)
    assert MALLORY not in browser.get(PAGE).text
