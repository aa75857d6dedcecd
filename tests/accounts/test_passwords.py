import math
from collections.abc import Callable
from datetime import timedelta

import bcrypt
import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netflix.accounts import password as passwords
from netflix.accounts.registration import create
from netflix.accounts.user import User
from netflix.extensions import db
from tests.conftest import Build
from tests.people import PASSWORD, Browser
from tests.watching import hashes

# A fixture of a test function is fine here: no example changes what it stands for.
MANY = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
ODD = {
    "72 bytes": "x" * 72,
    "73 bytes": "x" * 73,
    "37 times two bytes": "é" * 37,
    "a NUL": "before\0after",
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈🎬🍿🎞️📼",
    "lone surrogates": "\ud800\udfff" * 5,
    "1024 code points": "\U0001d54f" * 1024,
    "signs that NFKC makes long": "ﷺ" * 1024,
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD.keys())
def test_any_text_is_kept_and_matched_whole(app: Flask, text: str) -> None:
    with app.app_context():
        kept = passwords.stored(text)
        assert passwords.matches(text, kept)
        assert not passwords.matches(text[:-1], kept)
        assert not passwords.matches(text + "x", kept)


@MANY
@given(st.text(st.characters(), min_size=8, max_size=90), st.text(st.characters(), min_size=8, max_size=90))
def test_only_the_password_itself_matches(app: Flask, text: str, other: str) -> None:
    with app.app_context():
        same = passwords.normalised(text) == passwords.normalised(other)
        assert passwords.matches(other, passwords.stored(text)) == same


def test_passwords_that_share_72_bytes_are_told_apart(app: Flask) -> None:
    with app.app_context():
        assert not passwords.matches("x" * 72 + "two", passwords.stored("x" * 72 + "one"))


def test_the_same_keys_on_two_devices_are_one_password(app: Flask) -> None:
    with app.app_context():
        assert passwords.matches("cafe\u0301 Ⅳ \uff4c\uff49\uff4e\uff45\uff53", passwords.stored("caf\u00e9 IV lines"))


def test_case_and_spaces_count(app: Flask) -> None:
    with app.app_context():
        kept = passwords.stored(" Seven lanterns ")
        assert not passwords.matches("Seven lanterns", kept)
        assert not passwords.matches(" seven lanterns ", kept)


LONG = " ".join(f"lantern {n * 7919 % 1000} kettle" for n in range(60))


@pytest.mark.parametrize("text", ["wq7u/kd2", "👍🎬🍿🎞️📼🐢🪁", LONG[:1024], "\0wq7\0/kd2", LONG[:73]])
def test_8_to_1024_code_points_are_taken(app: Flask, text: str) -> None:
    with app.app_context():
        assert passwords.faults(text, "ada@example.org") == []


# The last is nine signs typed, and one fewer than eight when composed.
@pytest.mark.parametrize("text", ["", "x" * 7, "x" * 1025, "x" * 10_000_000, "e\u0301" * 4])
def test_fewer_or_more_are_not_taken(app: Flask, text: str) -> None:
    with app.app_context():
        assert len(passwords.faults(text, "ada@example.org")) == 1


def test_ten_million_characters_match_nothing_and_cost_one_hash(app: Flask) -> None:
    with app.app_context(), hashes() as done:
        assert not passwords.matches("x" * 10_000_000, passwords_kept := passwords.stored("x" * 1024))
        assert not passwords.matches("x" * 1025, passwords_kept)
    assert len(done) == 3


def test_what_is_kept_names_scheme_key_and_cost(app: Flask) -> None:
    with app.app_context():
        kept = passwords.stored(PASSWORD)
    assert kept.startswith("hs384.")
    assert "$2b$04$" in kept
    assert len(kept) <= 160


def test_a_password_is_salted(app: Flask) -> None:
    with app.app_context():
        assert passwords.stored(PASSWORD) != passwords.stored(PASSWORD)


def test_a_stolen_table_is_worth_nothing_without_the_key(app: Flask, build: Build) -> None:
    with app.app_context():
        kept = passwords.stored(PASSWORD)
    with build(password_key="another key of more than 32 characters").app_context():
        assert not passwords.matches(PASSWORD, kept)
        # Not even when it claims to be of this key.
        assert not passwords.matches(PASSWORD, passwords.scheme_id(passwords.current()) + "$" + kept.partition("$")[2])


def test_the_kept_hash_is_not_one_of_the_bare_password(app: Flask) -> None:
    """Nor of an unkeyed digest of it, which could be looked up."""
    with app.app_context():
        bare = "$" + passwords.stored(PASSWORD).partition("$")[2]
    assert not bcrypt.checkpw(PASSWORD.encode(), bare.encode())


def test_no_password_grows_too_old(browser: Browser, ada: str, later: Callable[[timedelta], None]) -> None:
    later(timedelta(days=3 * 365))
    assert browser.sign_in(ada).location == "/dashboard"
    assert browser.get("/dashboard").status_code == 200


def test_a_generated_one_cannot_be_guessed() -> None:
    letters = [passwords.generated().replace("-", "") for _ in range(20)]
    assert min(len(word) * math.log2(len(passwords.LETTERS)) for word in letters) >= 128
    assert len(set(letters)) == 20
    assert set("".join(letters)) <= set(passwords.LETTERS)


BROKEN = ["!", "$", "$2b$", "$2b$99$" + "a" * 53, "$2b$04$" + "!" * 53, "$2b$04$é" + "a" * 52, "$2x$04$" + "a" * 53]
BROKEN += ["$2b$03$" + "a" * 53, "$2b$04$" + "\0" * 53, "\ud800$", "$argon2id$v=19$m=19456$x", "x" * 160, "hs384.$"]


@pytest.mark.parametrize("kept", BROKEN)
def test_a_broken_kept_password_matches_nothing_and_costs_a_hash(app: Flask, kept: str) -> None:
    with app.app_context(), hashes() as done:
        for text in (PASSWORD, "", "x" * 73):
            assert not passwords.matches(text, kept)
            assert not passwords.matches(text, passwords.scheme_id(passwords.current()) + kept)
    assert len(done) == 6


@pytest.mark.parametrize("kept", [None, "", "hs383.00000000$2b$04$" + "a" * 53])
def test_without_a_password_of_ours_the_same_is_computed(app: Flask, kept: str | None) -> None:
    with app.app_context(), hashes() as done:
        assert not passwords.matches(PASSWORD, kept)
    assert done == [b"$2b$04$"]


def the_hash_of(app: Flask, email: str) -> str:
    with app.app_context():
        return str(User.named(email).password_hash)


def test_a_bare_bcrypt_hash_signs_in_and_is_replaced(app: Flask, browser: Browser, ada: str) -> None:
    with app.app_context():
        User.named(ada).password_hash = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
        db.session.commit()
    assert browser.sign_in(ada).status_code == 303
    assert the_hash_of(app, ada).startswith("hs384.")
    assert Browser(app).sign_in(ada).status_code == 303


@pytest.mark.parametrize("text", ["x" * 73, "before\0after", "é" * 60])
def test_a_bare_hash_is_checked_as_the_system_that_made_it_did(app: Flask, text: str) -> None:
    kept = bcrypt.hashpw(text.encode()[:72].partition(b"\0")[0], bcrypt.gensalt(4)).decode()
    with app.app_context():
        assert passwords.matches(text, kept)
        assert passwords.matches(text, kept.replace("$2b$", "$2y$"))
        assert not passwords.matches("y" + text, kept)


@pytest.mark.parametrize("text", ["\0", "\0anything"])
def test_a_bare_hash_of_nothing_lets_nobody_in(app: Flask, text: str) -> None:
    kept = bcrypt.hashpw(b"", bcrypt.gensalt(4)).decode()
    with app.app_context():
        assert not passwords.matches(text, kept)


def test_a_wrong_password_leaves_a_bare_hash_as_it_is(app: Flask, browser: Browser, ada: str) -> None:
    with app.app_context():
        User.named(ada).password_hash = before = bcrypt.hashpw(b"other", bcrypt.gensalt(4)).decode()
        db.session.commit()
    assert browser.sign_in(ada).status_code == 401
    assert the_hash_of(app, ada) == before


def test_another_cost_is_taken_over_at_the_next_sign_in(app: Flask, build: Build, ada: str) -> None:
    dearer = build(bcrypt_rounds=5)
    assert Browser(dearer).sign_in(ada).status_code == 303
    assert "$2b$05$" in (after := the_hash_of(app, ada))
    assert Browser(dearer).sign_in(ada).status_code == 303
    assert the_hash_of(app, ada) == after


@pytest.mark.parametrize("who", ["known", "unknown", "disabled", "without a password"])
def test_every_e_mail_costs_one_hash_of_the_same_cost(app: Flask, browser: Browser, ada: str, who: str) -> None:
    with app.app_context():
        user = User.named(ada)
        user.disabled_at = user.created_at if who == "disabled" else None
        user.password_hash = None if who == "without a password" else user.password_hash
        db.session.commit()
    with hashes() as done:
        assert browser.sign_in("nobody@example.org" if who == "unknown" else ada, "a guess").status_code == 401
    assert done == [b"$2b$04$"]


def test_a_disabled_user_costs_no_more_with_the_right_password(app: Flask, browser: Browser, build: Build) -> None:
    """A new hash at another cost would tell that it was right."""
    with app.app_context():
        user = create("ada@example.org", PASSWORD)
        user.disabled_at = user.created_at
        db.session.commit()
    with hashes() as done:
        assert Browser(build(bcrypt_rounds=6)).sign_in("ada@example.org").status_code == 401
    assert work(done) == 2**6


def work(done: list[bytes]) -> int:
    """What bcrypt computed, in rounds."""
    return sum(2 ** int(salt[4:6]) for salt in done)


@pytest.mark.parametrize("email", ["ada@example.org", "nobody@example.org"])
def test_a_hash_of_an_older_cost_is_as_dear_as_none(app: Flask, build: Build, ada: str, email: str) -> None:
    with hashes() as done:
        assert Browser(build(bcrypt_rounds=7)).sign_in(email, "not her password").status_code == 401
    assert work(done) == 2**7


def test_a_user_may_be_made_without_a_password_and_nothing_matches(app: Flask, browser: Browser) -> None:
    with app.app_context():
        create("eve@example.org", None)
    assert [browser.sign_in("eve@example.org", text).status_code for text in ("None", "x" * 8)] == [401, 401]
