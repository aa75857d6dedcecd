"""The page to register."""

from flask import Blueprint, flash, redirect, request
from flask.typing import ResponseReturnValue

from netflix import forms, web
from netflix.accounts.registration import register
from netflix.errors import Busy, NotAccepted, Refusal, TooManyAttempts

bp = Blueprint("accounts", __name__)


@bp.get("/register")
def show_registration() -> ResponseReturnValue:
    return registration_page()


@bp.post("/register")
def create_account() -> ResponseReturnValue:
    register(request.form.get("email", ""), request.form.get("password", ""), request.remote_addr or "")
    flash("Your account is ready. Sign in to open it.")
    return redirect("/login", 303)


@bp.errorhandler(NotAccepted)
@bp.errorhandler(TooManyAttempts)
@bp.errorhandler(Busy)
def show_again(refusal: Refusal) -> ResponseReturnValue:
    return web.refused(refusal, lambda: registration_page(refusal))


def registration_page(refusal: Refusal | None = None) -> str:
    form = forms.form(request.form if refusal else {}, "email", "password", refusal=refusal)
    return web.page("accounts/register.html", form=form, refusal=web.told(refusal))
