"""Somebody who can sign in stays an administrator."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from netflix import clock
from netflix.accounts.registration import create
from netflix.accounts.user import User
from netflix.errors import Declined
from netflix.extensions import db
from netflix.factors.passkey import Passkey
from netflix.signin import access
from tests.people import PASSWORD


def add_without_password(email: str = "boss@example.org") -> User:
    """As an import does."""
    user = User(email=email, email_key=email, is_admin=True, verified_at=clock.now())
    db.session.add(user)
    db.session.commit()
    return user


def test_who_has_nothing_to_sign_in_with_is_not_counted_on(app: Flask, grace: str) -> None:
    with app.app_context():
        boss = add_without_password().email
        for act in (access.disable, access.demote, access.remove):
            with pytest.raises(Declined, match=f"{grace} is the only administrator who may sign in") as refused:
                act(grace)
            assert "users reset-password" in refused.value.remedy
            db.session.rollback()
        assert access.demote(boss).changed
        create("zoe@example.org", PASSWORD, is_admin=True)
        assert access.disable(grace).changed


def test_who_has_a_passkey_or_a_good_link_is(app: Flask, grace: str, later: Callable[[timedelta], None]) -> None:
    with app.app_context():
        boss = add_without_password()
        access.reset_by_link(boss.email)
        assert access.demote(grace).changed
        access.promote(grace)
        later(timedelta(hours=2))
        with pytest.raises(Declined):
            access.demote(grace)
        db.session.rollback()
        key = {"credential_id": b"1", "handle": b"1", "public_key": b"1", "sign_count": 0, "name": "phone"}
        db.session.add(Passkey(user_id=boss.id, **key, created_at=clock.now(), backed_up=False, transports=""))
        db.session.commit()
        assert access.demote(grace).changed


def test_where_nobody_can_sign_in_one_is_kept_all_the_same(app: Flask) -> None:
    with app.app_context():
        first, second = add_without_password("a@example.org").email, add_without_password("b@example.org").email
        assert access.disable(first).changed
        with pytest.raises(Declined):
            access.disable(second)
