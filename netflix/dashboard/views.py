"""The dashboard, the way to it, and the account: what can be done with it, and what happened."""

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from netflix import forms, web
from netflix.events import event, story
from netflix.events.event import Wanted
from netflix.factors.passkey import Passkey
from netflix.factors.recovery_code import RecoveryCode
from netflix.signin import current
from netflix.signin.session import ListedSession
from netflix.web import see_other

bp = Blueprint("dashboard", __name__)
# Of one's own events, the latest.
SHOWN = 50
# Of one's browsers, the latest seen; a page of their own has all.
BROWSERS = 4


@bp.get("/")
def show_home() -> ResponseReturnValue:
    return see_other("/dashboard" if current.is_signed_in() else "/login")


@bp.get("/dashboard")
def show() -> ResponseReturnValue:
    session = current.session()
    return web.page(
        "dashboard/home.html",
        user=session,
        name=session.email.partition("@")[0],
        sessions=ListedSession.of(session.user_id),
        current_id=session.id,
        most=BROWSERS,
    )


@bp.get("/account")
def show_account() -> ResponseReturnValue:
    session = current.session()
    codes_left = RecoveryCode.left(session.user_id) if session.has_second_factor else 0
    passkeys = Passkey.count(session.user_id)
    return web.page("dashboard/account.html", user=session, codes_left=codes_left, passkeys=passkeys)


@bp.get("/activity")
def show_activity() -> ResponseReturnValue:
    before = forms.whole(request.args.get("before", ""))
    found = event.latest(Wanted(user_ids=(current.session().user_id,), before=before), SHOWN + 1)
    happened = [story.Told.of(row) for row in found[:SHOWN]]
    return web.page("dashboard/activity.html", happened=happened, before=before, more=found[SHOWN:])
