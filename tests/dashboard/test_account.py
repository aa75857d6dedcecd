from flask import Flask
from sqlalchemy import delete

from netflix.extensions import db
from netflix.factors.recovery_code import RecoveryCode
from tests.factors.app import set_up
from tests.people import Browser


def test_it_leads_to_all_that_can_be_done(browser: Browser, ada: str) -> None:
    browser.sign_in(ada)
    page = browser.get("/account").text
    assert ada in page
    for path in ("/password", "/activity"):
        assert f'href="{path}"' in page


def test_what_needs_a_confirmed_e_mail_says_so(app: Flask, browser: Browser) -> None:
    browser.register("new@example.org")
    browser.sign_in("new@example.org")
    page = browser.get("/account").text
    assert "To turn it on, confirm your e-mail first." in page
    assert "To add one, confirm your e-mail first." in page
    assert 'href="/account/two-step"' not in page
    assert 'href="/account/passkeys"' not in page


def test_it_counts_the_recovery_codes_that_are_left(app: Flask, browser: Browser, ada: str) -> None:
    browser.sign_in(ada)
    set_up(browser)
    assert "You have 10 recovery codes left." in browser.get("/account").text
    with app.app_context():
        db.session.execute(delete(RecoveryCode).where(RecoveryCode.hashed != RecoveryCode.one_of(1)))
        db.session.commit()
    assert "You have 1 recovery code left." in browser.get("/account").text


def test_it_is_for_who_is_signed_in(browser: Browser) -> None:
    assert browser.get("/account").headers["Location"] == "/login?next=%2Faccount"
