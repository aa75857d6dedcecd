"""Pages that ask for a mail, and those that a mail's link opens."""

from collections.abc import Callable
from typing import NamedTuple

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from netflix import forms, links, web
from netflix.accounts.one_time_link import OneTimeLink, Purpose
from netflix.errors import Busy, NotAccepted, Refusal, TooManyAttempts
from netflix.lockdown import lockdown
from netflix.mailed import asking, email_change, unlocking, verification
from netflix.signin import cookie, current, device
from netflix.signin.session import CurrentSession
from netflix.web import address, see_other

bp = Blueprint("mailed", __name__)


@bp.get("/recover")
def show_asking() -> ResponseReturnValue:
    lockdown.check_open()
    return asking_page()


@bp.post("/recover")
def ask_recovery() -> ResponseReturnValue:
    asking.ask_recovery(request.form.get("email", ""), address())
    return see_other("/recover/asked")


@bp.get("/recover/asked")
def show_asked() -> ResponseReturnValue:
    return web.page("mailed/asked.html")


@bp.get("/unlock")
def show_unlocking() -> ResponseReturnValue:
    lockdown.check_open()
    return unlocking_page()


@bp.post("/unlock")
def ask_unlock() -> ResponseReturnValue:
    asking.ask_unlock(request.form.get("email", ""), address())
    return see_other("/unlock/asked")


@bp.get("/unlock/asked")
def show_unlock_asked() -> ResponseReturnValue:
    return web.page("mailed/asked.html")


@bp.get("/account/email")
def show_email() -> ResponseReturnValue:
    return email_page()


@bp.post("/account/email")
def ask_email_change() -> ResponseReturnValue:
    sent = request.form
    email_change.ask(
        current.proved("/account/email"), sent.get("current_password", ""), sent.get("email", ""), current.visitor()
    )
    current.tell(
        "A mail with a link is on its way to the new address. Open it and press its button, and your e-mail changes."
    )
    return see_other("/account")


@bp.post("/account/verify")
def send_verification() -> ResponseReturnValue:
    verification.send_again(current.session().user_id, address())
    current.tell("A mail with a link is on its way to you.")
    return see_other("/account")


def verify(carried: str) -> Response:
    verification.confirm(carried, present(), request.form.get("password", ""), current.visitor())
    current.tell("Your e-mail is confirmed.")
    return see_other("/account")


def change(carried: str) -> Response:
    email_change.confirm(carried, present(), request.form.get("password", ""), current.visitor())
    current.tell("Your e-mail is changed.")
    return see_other("/account")


def present() -> CurrentSession | None:
    return current.any_session() if current.is_signed_in() else None


def undo(carried: str) -> Response:
    recovery = email_change.undo(carried, current.visitor())
    current.drop()
    links.keep(links.RECOVERY, recovery)
    return see_other("/recover/")


def unlock(carried: str) -> Response:
    known = unlocking.unlock(carried, current.visitor())
    current.tell("This browser is known now. Sign in.")
    answer = see_other("/login")
    cookie.put_devices(answer, device.cookie_with(current.visitor().devices, known.user.email, known.token))
    return answer


class Confirmation(NamedTuple):
    """What a link does once its button is pressed; `sentence` is about the link's address.

    Where `is_held`, it is for who is signed in to the account, or types its password.
    """

    purpose: Purpose
    title: str
    sentence: str
    button: str
    act: Callable[[str], Response]
    is_held: bool = False


CONFIRMATIONS = {
    "verify": Confirmation(
        Purpose.VERIFY, "Confirm your e-mail", "This shows that the address is yours:", "Confirm", verify, is_held=True
    ),
    "email": Confirmation(
        Purpose.CHANGE_EMAIL,
        "Change your e-mail",
        "From now on you sign in with:",
        "Change e-mail",
        change,
        is_held=True,
    ),
    "unlock": Confirmation(
        Purpose.UNLOCK,
        "Let this browser in",
        "However many strangers try, this browser may then sign in to:",
        "Let it in",
        unlock,
    ),
    "undo": Confirmation(
        Purpose.UNDO_EMAIL,
        "Take the change back",
        "Every browser is signed out, what was added lately to sign in with is taken off (where two-step sign-in was "
        "on before, it stays on), you choose a new password, and your e-mail is again:",
        "Take it back",
        undo,
    ),
}


@bp.get("/confirm/<any(verify,email,unlock,undo):what>/<carried>")
def open_link(what: str, carried: str) -> ResponseReturnValue:
    OneTimeLink.carried_by(carried, CONFIRMATIONS[what].purpose)
    links.keep(what, carried)
    return see_other(f"/confirm/{what}")


@bp.get("/confirm/<any(verify,email,unlock,undo):what>")
def show_link(what: str) -> ResponseReturnValue:
    return confirmation_page(what)


@bp.post("/confirm/verify/password")
def take_over() -> ResponseReturnValue:
    recovery = verification.take_over(links.kept("verify"), current.visitor())
    links.forget("verify")
    links.keep(links.RECOVERY, recovery)
    return see_other("/recover/")


@bp.post("/confirm/<any(verify,email,unlock,undo):what>")
def use_link(what: str) -> ResponseReturnValue:
    answer = CONFIRMATIONS[what].act(links.kept(what))
    links.forget(what)
    return answer


@bp.errorhandler(NotAccepted)
@bp.errorhandler(TooManyAttempts)
@bp.errorhandler(Busy)
def show_again(refusal: Refusal) -> ResponseReturnValue:
    if request.endpoint == "mailed.send_verification" and not web.is_for_program():
        current.warn(f"No mail was sent: too many were asked for. {refusal.remedy}")
        return see_other("/account")
    pages = {
        "mailed.ask_recovery": asking_page,
        "mailed.ask_unlock": unlocking_page,
        "mailed.ask_email_change": email_page,
        "mailed.use_link": lambda refusal: confirmation_page((request.view_args or {})["what"], refusal),
    }
    return web.shown_again(refusal, pages)


def asking_page(refusal: Refusal | None = None) -> str:
    form = forms.form(request.form if refusal else request.args, "email", refusal=refusal)
    return web.page("mailed/ask.html", form=form, refusal=web.told(refusal))


def unlocking_page(refusal: Refusal | None = None) -> str:
    form = forms.form(request.form if refusal else {}, "email", refusal=refusal)
    return web.page("mailed/unlock.html", form=form, refusal=web.told(refusal))


def email_page(refusal: Refusal | None = None) -> str:
    """For who proved lately that it is them (ASVS 5.0 7.5.1), with the second factor where there is one."""
    email = current.proved("/account/email").email
    form = forms.form(request.form if refusal else {}, "email", "current_password", refusal=refusal)
    return web.page("mailed/email.html", form=form, refusal=web.told(refusal), email=email)


def confirmation_page(what: str, refusal: Refusal | None = None) -> str:
    asked, session = CONFIRMATIONS[what], present()
    link = OneTimeLink.carried_by(links.kept(what), asked.purpose)
    return web.page(
        "mailed/confirm.html",
        title=asked.title,
        sentence=asked.sentence,
        button=asked.button,
        email=link.email or link.user.email,
        form=forms.form({}, "password", refusal=refusal),
        refusal=web.told(refusal),
        is_enough=not asked.is_held or (session is not None and session.user_id == link.user_id),
        can_take_over=asked.purpose is Purpose.VERIFY,
    )
