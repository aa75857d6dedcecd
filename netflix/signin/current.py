"""Who this request is from; the only module that signs in and out with Flask-Login and writes Flask's cookie."""

from functools import partial
from zlib import crc32

import flask
from flask import request
from flask_login import current_user, login_user, logout_user
from werkzeug.wrappers import Response

from netflix import clock, csrf
from netflix.accounts import email as addresses
from netflix.errors import FirstStepRequired, PasswordToChange, ProofRequired, SignInRequired
from netflix.extensions import login_manager
from netflix.flashes import has_flashes, tell, warn
from netflix.signin import cookie, device, signin, signout
from netflix.signin.first_step import FirstStep
from netflix.signin.session import CurrentSession, Session
from netflix.signin.visitor import Visitor
from netflix.web import address

__all__ = [
    "any_session",
    "begin",
    "begun_step",
    "carry",
    "come_in",
    "drop",
    "end_present",
    "first_step",
    "has_flashes",
    "is_signed_in",
    "proved",
    "put",
    "renew",
    "session",
    "take",
    "tell",
    "visitor",
    "warn",
]
FIRST_STEP = "_first_step"
SIGNED_FOR = "_signed_for"


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


def proved(back: str = "/account") -> CurrentSession:
    """The session, for a dangerous step: its person proved lately who they are (ASVS 5.0 7.5.1).

    `back` is the page whose form leads to the step: there the person is brought after they proved it.
    Raises SignInRequired or ProofRequired.
    """
    present = session()
    if not present.is_proved(clock.now()):
        raise ProofRequired(back)
    return present


def is_signed_in() -> bool:
    """Costs a statement only when the cookie carries a token."""
    return "_user_id" in flask.session and current_user.is_authenticated


def visitor() -> Visitor:
    return Visitor(address(), request.headers.get("User-Agent", ""), cookie.devices(request.environ))


def end_present() -> None:
    """Ends the session that this browser comes with: none is left behind that nobody sees (ASVS 5.0 7.2.4)."""
    if is_signed_in():
        signout.sign_out(any_session(), address())


def come_in(opened: Session, answer: Response) -> Response:
    """The answer to a sign-in: it carries the session, and makes the browser known to the account."""
    end_present()
    carry(opened)
    if opened.device:
        known = device.cookie_with(visitor().devices, opened.user.email, opened.device.token)
        cookie.put_devices(answer, known)
    return answer


def begin(step: FirstStep) -> None:
    """The password was right: nobody is signed in by it, but the browser may go on to the second step."""
    flask.session[FIRST_STEP] = list(step)


def first_step() -> FirstStep:
    """What `begin` put there. Raises FirstStepRequired."""
    if (step := begun_step()) is None:
        raise FirstStepRequired
    return step


def begun_step() -> FirstStep | None:
    """The same, where there is one that is not over."""
    carried = flask.session.get(FIRST_STEP)
    step = FirstStep(*carried) if carried else None
    return step if step and not step.is_over else None


def put(name: str, value: object) -> None:
    """Into the signed cookie, which its visitor can read."""
    flask.session[name] = value


def take(name: str) -> object:
    """What was put there, once; None for nothing."""
    return flask.session.pop(name, None)


def carry(opened: Session) -> None:
    """Puts a new session's token into the cookie, and nothing of what was there before."""
    flask.session.clear()
    flask.session.permanent = opened.remembered
    flask.session[SIGNED_FOR] = mark(opened.user.email)
    login_user(opened)
    unmark()
    # The secret of the forms to come goes with this cookie, so that no later page must set it anew.
    csrf.token()
    if opened.is_return:
        tell("Welcome back. Your account stays, and nothing of it was deleted.")


def renew(opened: Session) -> None:
    """The same person with a fresh token; what else is in the cookie stays, so that open forms do."""
    login_user(opened)
    unmark()


def unmark() -> None:
    """Takes out Flask-Login's own marks; the row says all that they would."""
    for mark in ("_id", "_fresh"):
        flask.session.pop(mark, None)


def drop() -> None:
    """Nothing of a person stays in the cookie."""
    logout_user()
    flask.session.clear()


@login_manager.user_loader
def resumed(carried: str) -> CurrentSession | None:
    found = signin.resume(carried, address())
    if found and flask.session.get(SIGNED_FOR) != mark(found.email):
        flask.session[SIGNED_FOR] = mark(found.email)
        stay_known(found)
    return found


def mark(email: str) -> int:
    """Tells whether an account's e-mail is the one that it was."""
    return crc32(email.encode())


def stay_known(session: CurrentSession) -> None:
    """The devices' cookie is signed for an e-mail: when that was changed, this request's answer brings another."""
    carried = visitor().devices
    if device.carried_in(carried, addresses.normalised(session.email)):
        return
    if known := device.known_in(carried, session.user_id):
        flask.after_this_request(partial(with_devices, device.cookie_with(carried, session.email, known)))


def with_devices(carried: str, answer: flask.Response) -> flask.Response:
    if not cookie.has_devices(answer):
        cookie.put_devices(answer, carried)
    return answer
