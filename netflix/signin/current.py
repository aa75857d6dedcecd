"""Who this request is from; the only module that signs in and out with Flask-Login and writes Flask's cookie."""

import flask
from flask import request
from flask_login import current_user, login_user, logout_user

from netflix import csrf
from netflix.errors import PasswordToChange, SignInRequired
from netflix.extensions import login_manager
from netflix.signin import signin
from netflix.signin.session import CurrentSession, Session

__all__ = ["any_session", "carry", "drop", "has_flashes", "is_signed_in", "session", "tell"]


def session() -> CurrentSession:
    """The session that this request is carried by, on a page that requires one.

    Raises SignInRequired, or PasswordToChange.
    """
    found = any_session()
    if found.must_change_since:
        raise PasswordToChange
    return found


def any_session() -> CurrentSession:
    """As `session`, also of who must change the password first: to do just that, or to sign out."""
    if not is_signed_in():
        raise SignInRequired
    return current_user._get_current_object()


def is_signed_in() -> bool:
    """Costs a statement only when the cookie carries a token."""
    return "_user_id" in flask.session and current_user.is_authenticated


def carry(opened: Session) -> None:
    """Puts a new session's token into the cookie, and nothing of what was there before."""
    flask.session.clear()
    flask.session.permanent = opened.remembered
    login_user(opened)
    # Flask-Login's own marks; the row says all that they would.
    for mark in ("_id", "_fresh"):
        flask.session.pop(mark, None)
    # The secret of the forms to come goes with this cookie, so that no later page must set it anew.
    csrf.token()


def drop() -> None:
    """Nothing of a person stays in the cookie."""
    logout_user()
    flask.session.clear()


def tell(sentence: str) -> None:
    """For the page to come; the newest alone, or a cookie could grow beyond what a browser keeps (ASVS 5.0 3.3.5)."""
    flask.session.pop("_flashes", None)
    flask.flash(sentence)


def has_flashes() -> bool:
    """Whether a sentence of the page before is still to be shown."""
    return "_flashes" in flask.session


@login_manager.user_loader
def resumed(carried: str) -> CurrentSession | None:
    return signin.resume(carried, request.remote_addr or "")
