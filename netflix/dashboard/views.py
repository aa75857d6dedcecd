"""The dashboard, the way to it, and the account: what can be done with it, and what happened."""

from flask import Blueprint, redirect
from flask.typing import ResponseReturnValue

from netflix import web
from netflix.events import event, story
from netflix.events.event import Wanted
from netflix.factors.passkey import Passkey
from netflix.factors.recovery_code import RecoveryCode
from netflix.signin import current
from netflix.signin.session import ListedSession

bp = Blueprint("dashboard", __name__)
# Of one's own events, the latest.
SHOWN = 50


@bp.get("/")
def show_home() -> ResponseReturnValue:
    return redirect("/dashboard" if current.is_signed_in() else "/login", 303)


@bp.get("/dashboard")
def show() -> ResponseReturnValue:
    session = current.session()
    return web.page(
        "dashboard/home.html",
        user=session,
        name=session.email.partition("@")[0],
        sessions=ListedSession.of(session.user_id),
        current_id=session.id,
    )


@bp.get("/account")
def show_account() -> ResponseReturnValue:
    session = current.session()
    codes_left = RecoveryCode.left(session.user_id) if session.has_second_factor else 0
    passkeys = Passkey.count(session.user_id)
    return web.page("dashboard/account.html", user=session, codes_left=codes_left, passkeys=passkeys)


@bp.get("/activity")
def show_activity() -> ResponseReturnValue:
    own = event.latest(Wanted(user_id=current.session().user_id), SHOWN)
    return web.page("dashboard/activity.html", happened=[(row, story.told(row)) for row in own], most=SHOWN)
