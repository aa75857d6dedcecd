"""Pages to prove again that it is oneself, for the second step of signing in, and to turn that on and off."""

from urllib.parse import quote

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from netflix import forms, web
from netflix.errors import Busy, FirstStepRequired, NotAccepted, Refusal, TooManyAttempts
from netflix.factors import proof, recovery_code, second_step, two_step
from netflix.factors.recovery_code import RecoveryCode
from netflix.factors.two_step import Setup
from netflix.signin import current
from netflix.web import local_path, see_other

bp = Blueprint("factors", __name__)
TWO_STEP = "/account/two-step"


@bp.get("/prove")
def show_proof() -> ResponseReturnValue:
    return proof_page()


@bp.post("/prove")
def prove() -> ResponseReturnValue:
    sent = request.form
    proved = proof.prove(current.session(), sent.get("password", ""), sent.get("code", ""), current.visitor())
    current.renew(proved)
    current.tell("Thank you, it is you. For ten minutes you are not asked again.")
    return see_other(local_path(sent.get("next", "")))


@bp.get("/login/second")
def show_second_step() -> ResponseReturnValue:
    current.first_step()
    return second_step_page()


@bp.post("/login/second")
def take_second_step() -> ResponseReturnValue:
    sent = request.form
    opened = second_step.sign_in(current.first_step(), sent.get("code", ""), current.visitor())
    answer = current.come_in(opened, see_other(local_path(sent.get("next", ""))))
    if spare := second_step.warning(opened):
        current.tell(spare)
    return answer


@bp.get(TWO_STEP)
def show_two_step() -> ResponseReturnValue:
    return two_step_page()


@bp.post(TWO_STEP)
def turn_on() -> ResponseReturnValue:
    sent, session = request.form, current.proved(TWO_STEP)
    codes = two_step.turn_on(session, carried_setup(), sent.get("code", ""), address())
    return codes_page(codes, "Two-step sign-in is on.")


@bp.post(f"{TWO_STEP}/off")
def turn_off() -> ResponseReturnValue:
    two_step.turn_off(current.proved(TWO_STEP), address())
    current.tell("Two-step sign-in is off. Your password alone opens your account.")
    return see_other("/account")


@bp.post("/account/recovery-codes")
def renew_codes() -> ResponseReturnValue:
    return codes_page(two_step.renew_codes(current.proved(TWO_STEP), address()), "The old codes are worth nothing now.")


@bp.errorhandler(FirstStepRequired)
def start_again(refusal: FirstStepRequired) -> ResponseReturnValue:
    if web.is_for_program():
        return web.answer(refusal)
    current.tell(str(refusal))
    return see_other("/login")


@bp.errorhandler(NotAccepted)
@bp.errorhandler(TooManyAttempts)
@bp.errorhandler(Busy)
def show_again(refusal: Refusal) -> ResponseReturnValue:
    """The same form, with what is the matter."""
    pages = {
        "factors.prove": proof_page,
        "factors.take_second_step": second_step_page,
    }
    page = pages.get(request.endpoint or "", two_step_page)
    return web.refused(refusal, lambda: page(refusal))


def proof_page(refusal: Refusal | None = None) -> str:
    form = forms.form(request.form if refusal else request.args, "password", "code", "next", refusal=refusal)
    session = current.session()
    return web.page(
        "factors/prove.html",
        form=form,
        refusal=web.told(refusal),
        email=session.email,
        is_two_step=session.has_second_factor,
    )


def second_step_page(refusal: Refusal | None = None) -> str:
    form = forms.form(request.form if refusal else request.args, "next", "by", "code", refusal=refusal)
    return web.page("factors/second_step.html", form=form, refusal=web.told(refusal))


def two_step_page(refusal: Refusal | None = None) -> str:
    """How it stands, or how to turn it on: who sees a new key has proved that it is they."""
    session = current.proved(TWO_STEP)
    if session.has_second_factor:
        left = RecoveryCode.left(session.user_id)
        return web.page("factors/two_step_on.html", refusal=web.told(refusal), left=left, few=left <= recovery_code.FEW)
    setup = carried_setup()
    return web.page(
        "factors/two_step.html",
        form=forms.form({}, "code", refusal=refusal),
        refusal=web.told(refusal),
        carried=setup.carried,
        groups=setup.key.groups,
        picture=Markup(setup.key.picture(session.email)),  # noqa: S704  (made of the key and an e-mail by segno)
        uri=setup.key.uri(session.email),
    )


def carried_setup() -> Setup:
    """That of the form which was sent, or a fresh one."""
    return Setup.carried_by(current.session(), request.form.get("setup", ""))


def codes_page(codes: list[str], told: str) -> str:
    """The file is in the page itself: the codes are nowhere to be fetched from."""
    text = "\n".join(["Recovery codes for Netflix. Each is good once.", "", *codes, ""])
    file = f"data:text/plain;charset=utf-8,{quote(text)}"
    return web.page("factors/recovery_codes.html", codes=codes, told=told, file=file)


def address() -> str:
    return request.remote_addr or ""
