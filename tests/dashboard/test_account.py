from tests.people import Browser


def test_it_leads_to_all_that_can_be_done(browser: Browser, ada: str) -> None:
    browser.sign_in(ada)
    page = browser.get("/account").text
    assert ada in page
    for path in ("/password", "/activity"):
        assert f'href="{path}"' in page


def test_it_is_for_who_is_signed_in(browser: Browser) -> None:
    assert browser.get("/account").headers["Location"] == "/login?next=%2Faccount"
