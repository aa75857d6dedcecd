"""The page to register, and the links that invite to it."""

from functools import partial

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from netflix import forms, links, web
from netflix.accounts.invitation import Invitation
from netflix.accounts.registration import check_open, register
from netflix.errors import Busy, NotAccepted, Refusal, TooManyAttempts
from netflix.flashes import tell
from netflix.mail import outbox
from netflix.web import address, see_other

bp = Blueprint("accounts", __name__)
INVITATION = "invitation"
invited_by = partial(links.kept, INVITATION)


@bp.get("/invitation/<carried>")
def open_invitation(carried: str) -> ResponseReturnValue:
    Invitation.open_with(carried)
    links.keep(INVITATION, carried)
    return see_other("/register")


@bp.get("/register")
def show_registration() -> ResponseReturnValue:
    check_open(invited_by)
    return registration_page()


@bp.post("/register")
def create_account() -> ResponseReturnValue:
    carried = check_open(invited_by)
    register(request.form.get("email", ""), request.form.get("password", ""), address(), carried)
    links.forget(INVITATION)
    # True for whoever had an account already, too.
    mailed = " We have also sent you a mail." if outbox.is_on() else ""
    tell(f"Sign in to go on. If you had an account already, its password is as it was.{mailed}")
    return see_other("/login")


@bp.errorhandler(NotAccepted)
@bp.errorhandler(TooManyAttempts)
@bp.errorhandler(Busy)
def show_again(refusal: Refusal) -> ResponseReturnValue:
    return web.refused(refusal, lambda: registration_page(refusal))


def registration_page(refusal: Refusal | None = None) -> str:
    form = forms.form(request.form if refusal else {}, "email", "password", refusal=refusal)
    return web.page("accounts/register.html", form=form, refusal=web.told(refusal))
