"""Which passwords are refused, and what is said of them."""

import subprocess
import sys
import time

import pytest
from flask import Flask

from netflix.accounts import password as passwords
from netflix.accounts import screening
from netflix.config import Config
from tests.accounts.test_passwords import LONG
from tests.cli.terminal import environment
from tests.conftest import Build
from tests.people import PASSWORD, Browser, link_for
from tests.watching import ROOT, log

ADA = "ada.lovelace@machines.example.org"


def said(text: str, email: str = ADA) -> str:
    return " ".join(passwords.faults(text, email))


def test_the_3000_most_common_that_are_long_enough_are_refused(app: Flask) -> None:
    """ASVS 5.0 6.2.4; and so is every other of that list."""
    long_enough = [word for word in screening.common_passwords() if len(word) >= 8]
    assert len(long_enough) > 3000
    with app.app_context():
        assert {said(word) for word in long_enough} == {screening.COMMON}
        assert {said(word.upper()) for word in long_enough[:300]} == {screening.COMMON}


@pytest.mark.parametrize(
    "text",
    [
        "netflix1",
        "NetFlix!",
        "N3tfl1x-2024",
        "xilften99",
        "ada.lovelace",
        "Lovelace1815",
        "lovelaceada",
        "l0v3l4c3!",
        "ecalevol12",
        "adalovelace",
        ADA,
        "machines1",
        "ada-netflix-1815",
        "N3tf1ix & Love|ace_99",
        "netflixlovelace",
        "myflicks.example",
        "MyFlicks22",
    ],
)
def test_the_site_s_name_and_one_s_own_e_mail_are_refused(build: Build, text: str) -> None:
    """ASVS 5.0 6.2.11."""
    with build(url="https://myflicks.example.net").app_context():
        assert said(text) == screening.NEAR


def test_a_number_in_one_s_e_mail_does_not_hide_the_name(app: Flask) -> None:
    with app.app_context():
        assert said("Lovelace1815", "lovelace77@example.org") == screening.NEAR


@pytest.mark.parametrize("text", ["netflix seven kettles", "Lovelace danced past noon", "ada 7391 8264 5520"])
def test_but_not_where_enough_stands_beside_them(app: Flask, text: str) -> None:
    with app.app_context():
        assert said(text) == ""


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("lanterns", "name or word"),
        ("L4ntern$", "name or word"),
        ("retsinretsin", "repeated"),
        ("zzzzzzzzzzzzzzzzzzzz", "repeated"),
        ("abcdefghijkl", "run such as"),
        ("kjhgfd87", "Neighbouring keys"),
        ("19-11-1987", "date or year"),
    ],
)
def test_why_it_is_weak_is_said_with_how_to_do_better(app: Flask, text: str, word: str) -> None:
    with app.app_context():
        sentence = said(text)
    assert word in sentence
    assert sentence.endswith("A few unrelated words make a better one.")


@pytest.mark.parametrize(
    "text", [PASSWORD, "wq7u/kd2", "AAAA zebra 4 kayak", "все тихие фонари", "静かな提灯が七つある", LONG[:1024]]
)
def test_no_rule_says_of_which_characters_it_is_made(app: Flask, text: str) -> None:
    """ASVS 5.0 6.2.5; eight characters of which nothing can be made are enough."""
    with app.app_context():
        assert said(text) == ""


def test_generated_ones_are_never_refused(app: Flask) -> None:
    with app.app_context():
        assert {said(passwords.generated()) for _ in range(50)} == {""}


def test_it_is_compared_as_it_is_matched(app: Flask) -> None:
    with app.app_context():
        assert said("\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44") == screening.COMMON


@pytest.mark.parametrize("minimum", [8, 12, 15])
def test_the_minimum_can_be_raised(build: Build, minimum: int) -> None:
    text = "wq7u/kd2#ruv9%hx"
    with build(password_minimum=minimum).app_context():
        assert said(text[:minimum]) == ""
        assert f"at least {minimum} characters" in said(text[: minimum - 1])


HARD = ["4@8({[<369&#!1/|0$5+7%2", "4(36!10$+", "aaaaaaaaaaaab", "1212199", "qwertyuiop", "x", "1q@!3e$5|", "\u0130"]


@pytest.mark.parametrize("pattern", HARD)
def test_no_text_takes_long(app: Flask, pattern: str) -> None:
    """zxcvbn alone takes seconds for a hundred characters of the first."""
    text = (pattern * 1024)[:1024]
    with app.app_context():
        said(text)
        began = time.thread_time()
        said(text)
        assert time.thread_time() - began < 0.25


def test_of_a_long_one_both_ends_count(app: Flask) -> None:
    with app.app_context():
        assert said("x" * 1000 + "kettle lantern 4") == ""
        assert said("kettle lantern 4" + "x" * 1000) == ""
        assert said("x" * 1024) != ""


def test_registration_says_why_and_makes_nobody(app: Flask, browser: Browser) -> None:
    refused = browser.register("ada@example.org", "password1")
    assert refused.status_code == 422
    assert 'id="password-error"' in refused.text
    assert "most common passwords" in refused.text
    assert browser.register("ada@example.org").status_code == 303


def test_a_change_is_screened(browser: Browser, ada: str) -> None:
    browser.sign_in(ada)
    form = {"current_password": PASSWORD, "password": f"{ada}1"}
    assert "too close to" in browser.post("/password", form, page="/password").text


def test_recovery_is_screened_and_the_link_still_works(app: Flask, browser: Browser, ada: str) -> None:
    with app.app_context():
        link = link_for(ada)
    assert "too close to" in browser.post("/recover/", {"password": f"{ada}1"}, page=link).text
    assert browser.post("/recover/", {"password": "four loud kettles"}, page="/recover/").status_code == 303


def test_known_and_unknown_people_hear_the_same(browser: Browser, ada: str) -> None:
    """It is said before any account is looked at."""
    for text in ("password1", "lanterns", "netflix1"):
        assert len({browser.register(email, text).text.count("error") for email in (ada, "eve@example.org")}) == 1


def test_a_folder_that_cannot_be_written_keeps_nobody_out(
    app: Flask, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with app.app_context(), log() as written:
        screening.common_path().unlink()
        monkeypatch.setattr("netflix.accounts.blocklist.write", full)
        assert said(PASSWORD) == ""
        # What the list would have told, the estimate tells.
        assert said("password1") != ""
        assert not passwords.is_known("password1")
    assert written.getvalue().count("cannot be written") == 1


def test_a_broken_list_is_told_once_and_made_anew(app: Flask, config: Config) -> None:
    with app.app_context(), log() as written:
        path = screening.common_path()
        path.write_bytes(path.read_bytes()[:5000])
        assert passwords.is_known("password1")
        assert passwords.is_known("password1")
        assert not passwords.is_known(PASSWORD)
    assert written.getvalue().count("cannot be used") == 1


def test_neither_the_start_nor_a_sign_in_loads_the_library(config: Config) -> None:
    asked = """
import sys
from netflix import create_app
from netflix.accounts import password
with create_app().app_context():
    print(password.is_known("password1"), "zxcvbn" in sys.modules)
    print(len(password.faults("mountains", "ada@example.org")), "zxcvbn" in sys.modules)
"""
    env = environment(config)
    done = subprocess.run([sys.executable, "-c", asked], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False", "1", "True"]


def test_nothing_of_the_library_is_copied_into_the_house() -> None:
    named = [path for path in (ROOT / "netflix").rglob("*") if path.suffix in (".passwords", ".txt", ".gz")]
    assert named == []
