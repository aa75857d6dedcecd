"""The dashboard, and the way to it."""

from flask import Blueprint, redirect
from flask.typing import ResponseReturnValue

from netflix import web
from netflix.signin import current
from netflix.signin.session import ListedSession

bp = Blueprint("dashboard", __name__)


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
