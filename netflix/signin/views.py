"""Pages to sign in, to sign out, to end other browsers, and to choose a new password."""

from urllib.parse import urlencode

from flask import Blueprint, current_app, redirect, request
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue

from netflix import csrf, forms, links, web
from netflix.accounts.one_time_link import OneTimeLink, Purpose
from netflix.errors import (
    Busy,
    LockedDown,
    NotAccepted,
    Refusal,
    SecondStepRequired,
    TooManyAttempts,
    WrongCredentials,
)
from netflix.lockdown import lockdown
from netflix.prerendered import Prerendered
from netflix.signin import change, current, gate, recovery, signin, signout
from netflix.web import address, local_path, see_other

bp = Blueprint("signin", __name__)
# The bare sign-in page, kept in the app.
BARE = "netflix-login-page"


@bp.get("/login")
def show_login() -> ResponseReturnValue:
    if current.is_signed_in():
        return see_other(local_path(request.args.get("next", "")))
    return login_page()


@bp.post("/login")
def open_session() -> ResponseReturnValue:
    sent = request.form
    opened = signin.sign_in(
        sent.get("email", ""),
        sent.get("password", ""),
        bool(sent.get("remember")),
        current.visitor(),
        gate.take_attempt(request.environ),
    )
    return current.come_in(opened, see_other(local_path(sent.get("next", ""))))


@bp.post("/logout")
def close_session() -> ResponseReturnValue:
    current.end_present()
    current.drop()
    current.tell("You are signed out.")
    answer = see_other("/login")
    # ASVS 5.0 14.3.1. Not the cookies: the one that tells of it is new, and holds nothing of a person.
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'
    return answer


@bp.post("/sessions/<int(max=2147483647):session_id>/end")
def end_session(session_id: int) -> ResponseReturnValue:
    back = local_path(request.form.get("next", ""))
    signout.end_session(current.proved(back).user_id, session_id, address())
    current.tell("That browser is signed out.")
    return see_other(back)


@bp.post("/sessions/end-others")
def end_other_sessions() -> ResponseReturnValue:
    back = local_path(request.form.get("next", ""))
    ended = signout.end_other_sessions(current.proved(back), address())
    current.tell("All other browsers are signed out." if ended else "No other browser was signed in.")
    return see_other(back)


@bp.get("/password")
def show_password() -> ResponseReturnValue:
    return password_page()


@bp.get("/.well-known/change-password")
def show_change_password() -> ResponseReturnValue:
    """Where password managers look (W3C, A Well-Known URL for Changing Passwords)."""
    return redirect("/password", 302)


@bp.post("/password")
def change_password() -> ResponseReturnValue:
    sent = request.form
    renewed = change.change_password(
        current.any_session(), sent.get("current_password", ""), sent.get("password", ""), current.visitor()
    )
    current.carry(renewed)
    current.tell("Your password is changed. Other browsers are signed out.")
    return see_other("/dashboard")


@bp.get("/recover/<carried>")
def open_link(carried: str) -> ResponseReturnValue:
    OneTimeLink.carried_by(carried, Purpose.RECOVER)
    links.keep(links.RECOVERY, carried)
    return see_other("/recover/")


@bp.get("/recover/")
def show_recovery() -> ResponseReturnValue:
    lockdown.check_open()
    return recovery_page()


@bp.post("/recover/")
def choose_password() -> ResponseReturnValue:
    carried, user_agent = links.kept(links.RECOVERY), current.visitor().user_agent
    recovery.redeem(carried, request.form.get("password", ""), address(), user_agent)
    current.end_present()
    current.drop()
    current.tell("Your password is changed. Sign in with it.")
    return see_other("/login")


@bp.errorhandler(NotAccepted)
@bp.errorhandler(WrongCredentials)
@bp.errorhandler(LockedDown)
@bp.errorhandler(TooManyAttempts)
@bp.errorhandler(Busy)
def show_again(refusal: Refusal) -> ResponseReturnValue:
    """The same form, with what was typed and what is the matter."""
    pages = {
        "signin.open_session": login_page,
        "signin.change_password": password_page,
        "signin.choose_password": recovery_page,
    }
    return web.shown_again(refusal, pages)


@bp.errorhandler(SecondStepRequired)
def go_on(refusal: SecondStepRequired) -> ResponseReturnValue:
    """To the second step; nobody is signed in yet."""
    current.begin(refusal.first_step)
    if web.is_for_program():
        return web.answer(refusal)
    query = urlencode({"next": web.local_path(request.form.get("next", ""))})
    return see_other(f"/login/second?{query}")


@bp.record
def prepare(setup: BlueprintSetupState) -> None:
    """The sign-in page as it is asked for most: with nothing typed and nothing to tell."""
    page = setup.app.jinja_env.get_template("signin/login.html")

    def render(marks: dict[str, str]) -> str:
        fields = forms.form(marks, "email", "password", "remember", "next")
        return page.render(
            form=fields,
            refusal=None,
            get_flashed_messages=lambda **_: (),
            csrf_token=lambda: marks["token"],
            lockdown_notice=lambda: marks["notice"],
        )

    setup.app.extensions[BARE] = Prerendered(render, "next", "token", "notice")


def login_page(refusal: Refusal | None = None) -> str:
    if refusal is None and not current.has_flashes() and set(request.args) <= {"next"}:
        notice = current_app.extensions["netflix-lockdown-notice"]()
        return current_app.extensions[BARE].filled(next=request.args.get("next", ""), token=csrf.token(), notice=notice)
    values = request.form if refusal else request.args
    form = forms.form(values, "email", "password", "remember", "next", refusal=refusal)
    return web.page("signin/login.html", form=form, refusal=web.told(refusal))


def password_page(refusal: Refusal | None = None) -> str:
    form = forms.form({}, "current_password", "password", refusal=refusal)
    session = current.any_session()
    return web.page(
        "signin/password.html",
        form=form,
        refusal=web.told(refusal),
        email=session.email,
        must_change=session.must_change_since is not None,
    )


def recovery_page(refusal: Refusal | None = None) -> str:
    form = forms.form({}, "password", refusal=refusal)
    email = OneTimeLink.carried_by(links.kept(links.RECOVERY), Purpose.RECOVER).user.email
    return web.page("signin/recover.html", form=form, refusal=web.told(refusal), email=email)
