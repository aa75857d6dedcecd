import threading

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from hypothesis import given
from hypothesis import strategies as st

from cli import main
from netflix.accounts import email as addresses
from netflix.accounts.registration import create
from netflix.accounts.user import User
from netflix.errors import AlreadyExists, NotAccepted
from netflix.extensions import db
from tests.people import PASSWORD, Browser, Letters

PARTS = st.text(st.characters(codec="utf-8"), max_size=12)


@given(PARTS, PARTS)
def test_the_one_spelling_of_an_address_is_its_own_spelling(name: str, place: str) -> None:
    text = f"{name}@{place}"
    if not addresses.faults(text):
        once = addresses.normalised(text)
        assert addresses.normalised(once) == once
        assert addresses.faults(once) == []


@given(st.text(max_size=3000))
def test_any_text_is_judged_without_a_fault_of_ours(text: str) -> None:
    assert len(addresses.normalised(text)) <= 1024 * 18 * 3
    assert len(addresses.faults(text)) <= 1


@pytest.mark.parametrize(
    "other",
    [
        "Ada@Example.org",
        " ada@example.org ",
        "\uff21\uff24\uff21@example.org",
        "ada@EXAMPLE.ORG",
        "\tada@example.org\r\n",
    ],
)
def test_another_spelling_is_the_same_person(app: Flask, browser: Browser, ada: str, other: str) -> None:
    assert browser.sign_in(other).status_code == 303


@pytest.mark.parametrize("pair", ["straße@x.org STRASSE@x.org", "ĳ@x.org ij@x.org", "ﬁn@x.org FIN@x.org"])
def test_spellings_that_fold_together_are_one_address(pair: str) -> None:
    one, other = pair.split()
    assert addresses.normalised(one) == addresses.normalised(other)


def test_a_combining_accent_is_the_composed_one() -> None:
    assert addresses.normalised("ada\u0301@x.org") == addresses.normalised("adá@x.org")


LONG = "a" * (254 - len("@example.org"))


@pytest.mark.parametrize(
    "text",
    [
        "a@b",
        f"{LONG}@example.org",
        "ада@пример.рф",
        "a+b.c_d'e@example.org",
        "!#$%&*-/=?^`{|}~@example.org",
        "a@x_y.org",
    ],
)
def test_an_address_is_taken(text: str) -> None:
    assert addresses.new_faults(text) == []


STRANGE = ["", " ", "ada", "@", "ada@", "@example.org", "a@b@c", f"{LONG}a@example.org", "a b@c", "a\0b@c", "a\r\nb@c"]
STRANGE += ["a\x1b[2Jb@c", "<a@b>", '"a"@b', "\ud800@b", "a\u00a0b@c", "a\u2028b@c", "¨a@b", "a¨b@c", "a@ﷺ" + "b" * 250]
STRANGE += ["a\x85b@c", "ﷺ" * 60 + "@c", "x" * 60_000 + "@c"]


@pytest.mark.parametrize("text", STRANGE, ids=ascii)
def test_an_address_is_not_taken(app: Flask, text: str) -> None:
    assert len(addresses.faults(text)) == 1
    with app.app_context(), pytest.raises(NotAccepted):
        create(text, PASSWORD)


LINK = "https://evil.example/verify-your-account@x.example"
ODD = [LINK, "a,b@c.org", "a;b@c.org", "a(b)@c.org", "a[b@c.org", "a\\b@c.org", "a\uff1ab@c.org"]
ODD += ["a@https://evil.example", "a@evil.example/verify", "a@evil.example?verify", "a@[192.0.2.1]", "a@c.org:80"]


@pytest.mark.parametrize("text", ODD, ids=ascii)
def test_no_new_one_has_a_sign_that_means_something_else(text: str) -> None:
    (fault,) = addresses.new_faults(text)
    assert "Check it for a slip" in fault


def test_no_mail_that_names_an_account_brings_a_stranger_s_link(
    app: Flask, browser: Browser, admin: FlaskCliRunner, ada: str, letters: Letters
) -> None:
    answers = [browser.register(LINK)]
    browser.sign_in(ada)
    form = {"email": LINK, "current_password": PASSWORD}
    answers.append(browser.post("/account/email", form, page="/account/email"))
    assert [answer.status_code for answer in answers] == [422, 422]
    assert all("has no “:” there" in answer.text for answer in answers)
    for line, code in ((["create", LINK, "--link"], 2), (["import", "-"], 7)):
        told = admin.invoke(main, ["users", *line], input=f"email\n{LINK}\n")
        assert (told.exit_code, "has no “:” there" in told.output) == (code, True)
    assert letters() == []
    with app.app_context():
        assert [user.email for user in User.everyone()] == [ada]


def test_who_has_such_an_address_goes_on_with_it(app: Flask, browser: Browser, ada: str, letters: Letters) -> None:
    with app.app_context():
        user = User.named(ada)
        user.email = user.email_key = "a,b@example.org"
        db.session.commit()
    assert browser.sign_in("a,b@example.org").status_code == 303
    browser.post("/recover", {"email": "a,b@example.org"}, page="/recover")
    assert len(letters()) == 1


def test_of_many_registrations_at_once_one_gets_the_address(app: Flask) -> None:
    told: list[str] = []
    ready = threading.Barrier(4)

    def register(spelling: str) -> None:
        with app.app_context():
            ready.wait()
            try:
                told.append(create(spelling, PASSWORD).email)
            except AlreadyExists as refusal:
                told.append(type(refusal).__name__)

    threads = [threading.Thread(target=register, args=[s]) for s in ("a@b", "A@b", "a@B", " A@B")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told)[1:] != []
    assert told.count("AlreadyExists") == 3
    with app.app_context():
        assert len(User.everyone()) == 1
