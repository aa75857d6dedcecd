"""The page to prove again that it is oneself."""

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from netflix import forms, web
from netflix.errors import Busy, NotAccepted, Refusal, TooManyAttempts
from netflix.factors import proof
from netflix.signin import current
from netflix.web import local_path, see_other

bp = Blueprint("factors", __name__)


@bp.get("/prove")
def show_proof() -> ResponseReturnValue:
    return proof_page()


@bp.post("/prove")
def prove() -> ResponseReturnValue:
    sent = request.form
    current.renew(proof.prove(current.session(), sent.get("password", ""), current.visitor()))
    current.tell("Thank you, it is you. For ten minutes you are not asked again.")
    return see_other(local_path(sent.get("next", "")))


@bp.errorhandler(NotAccepted)
@bp.errorhandler(TooManyAttempts)
@bp.errorhandler(Busy)
def show_again(refusal: Refusal) -> ResponseReturnValue:
    """The same form, with what is the matter."""
    return web.refused(refusal, lambda: proof_page(refusal))


def proof_page(refusal: Refusal | None = None) -> str:
    form = forms.form(request.form if refusal else request.args, "password", "next", refusal=refusal)
    email = current.session().email
    return web.page("factors/prove.html", form=form, refusal=web.told(refusal), email=email)
