"""Pages to prove again that it is oneself, for the second step of signing in, and for passkeys."""

from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlsplit

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from netflix import forms, web
from netflix.errors import Busy, EmailNotConfirmed, FirstStepRequired, NotAccepted, Refusal, TooManyAttempts
from netflix.factors import ceremony, challenge, passkey, proof, recovery_code, second_step, two_step
from netflix.factors.challenge import Challenge
from netflix.factors.passkey import Passkey
from netflix.factors.recovery_code import RecoveryCode
from netflix.factors.two_step import Setup
from netflix.signin import browser, current
from netflix.web import address, local_path, see_other

bp = Blueprint("factors", __name__)
TWO_STEP = "/account/two-step"
PASSKEYS = "/account/passkeys"
CHALLENGE = "_challenge"
THANKS = "Thank you, it is you. For ten minutes you are not asked again."


@bp.get("/prove")
def show_proof() -> ResponseReturnValue:
    return proof_page()


@bp.post("/prove")
def prove() -> ResponseReturnValue:
    sent = request.form
    proved = proof.prove(current.session(), sent.get("password", ""), sent.get("code", ""), current.visitor())
    current.renew(proved)
    current.tell(THANKS)
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
    codes = two_step.turn_on(session, carried_setup(), sent.get("code", ""), current.visitor())
    return codes_page(codes, "Two-step sign-in is on.")


@bp.post(f"{TWO_STEP}/off")
def turn_off() -> ResponseReturnValue:
    two_step.turn_off(current.proved(TWO_STEP), current.visitor())
    current.tell("Two-step sign-in is off. Your password alone opens your account.")
    return see_other("/account")


@bp.post("/account/recovery-codes")
def renew_codes() -> ResponseReturnValue:
    return codes_page(
        two_step.renew_codes(current.proved(TWO_STEP), current.visitor()), "The old codes are worth nothing now."
    )


@bp.post("/login/passkey/options")
def ask_for_passkey() -> ResponseReturnValue:
    return asked(*passkey.begin_using(challenge.SIGN_IN, address()))


@bp.post("/login/passkey")
def sign_in_by_passkey() -> ResponseReturnValue:
    sent = sent_json()
    given = Challenge.carried(current.take(CHALLENGE), challenge.SIGN_IN)
    first, remembered = current.begun_step(), sent.get("remember") is True
    opened = passkey.sign_in(sent.get("credential"), given, remembered, current.visitor(), first)
    return current.come_in(opened, going_on(sent))


@bp.post("/prove/passkey/options")
def ask_for_proof() -> ResponseReturnValue:
    own = [one.shown_id for one in Passkey.of(current.session().user_id)]
    return asked(*passkey.begin_using(challenge.PROVE, address(), own))


@bp.post("/prove/passkey")
def prove_by_passkey() -> ResponseReturnValue:
    sent = sent_json()
    given = Challenge.carried(current.take(CHALLENGE), challenge.PROVE)
    current.renew(proof.prove_by_passkey(current.session(), sent.get("credential"), given, current.visitor()))
    current.tell(THANKS)
    return going_on(sent)


@bp.get(PASSKEYS)
def show_passkeys() -> ResponseReturnValue:
    return passkeys_page()


@bp.post(f"{PASSKEYS}/options")
def ask_for_new_passkey() -> ResponseReturnValue:
    return asked(*passkey.begin_adding(current.proved(PASSKEYS)))


@bp.post(PASSKEYS)
def add_passkey() -> ResponseReturnValue:
    session, sent = current.proved(PASSKEYS), sent_json()
    given = Challenge.carried(current.take(CHALLENGE), challenge.ADD)
    row = passkey.add(session, sent.get("credential"), given, str(sent.get("name", "")), current.visitor())
    current.tell(f"The passkey “{row.name}” is added. You can sign in with it.")
    return jsonify(next=PASSKEYS)


@bp.post(f"{PASSKEYS}/<int(max=2147483647):number>/rename")
def rename_passkey(number: int) -> ResponseReturnValue:
    passkey.rename(current.proved(PASSKEYS), number, request.form.get("name", ""))
    return see_other(PASSKEYS)


@bp.post(f"{PASSKEYS}/<int(max=2147483647):number>/remove")
def remove_passkey(number: int) -> ResponseReturnValue:
    passkey.remove(current.proved(PASSKEYS), number, current.visitor())
    current.tell("The passkey is removed. Delete it from your device too: it opens nothing any more.")
    return see_other(PASSKEYS)


@bp.errorhandler(FirstStepRequired)
def start_again(refusal: FirstStepRequired) -> ResponseReturnValue:
    if web.is_for_program():
        return web.answer(refusal)
    current.warn(str(refusal))
    return see_other("/login")


@bp.errorhandler(EmailNotConfirmed)
def lead_to_the_mail(refusal: EmailNotConfirmed) -> ResponseReturnValue:
    """To where it can be sent again."""
    if web.is_for_program():
        return web.answer(refusal)
    current.warn(str(refusal))
    return see_other("/account")


@bp.errorhandler(NotAccepted)
@bp.errorhandler(TooManyAttempts)
@bp.errorhandler(Busy)
def show_again(refusal: Refusal) -> ResponseReturnValue:
    """The same form, with what is the matter; what a script asked for has none."""
    pages = {
        "factors.prove": proof_page,
        "factors.take_second_step": second_step_page,
        "factors.turn_on": two_step_page,
        "factors.turn_off": two_step_page,
        "factors.renew_codes": two_step_page,
        "factors.rename_passkey": passkeys_page,
    }
    return web.shown_again(refusal, pages)


def proof_page(refusal: Refusal | None = None) -> str:
    form = forms.form(request.form if refusal else request.args, "password", "code", "next", refusal=refusal)
    session = current.session()
    return web.page(
        "factors/prove.html",
        form=form,
        refusal=web.told(refusal),
        email=session.email,
        is_two_step=session.has_second_factor,
        has_passkey=Passkey.count(session.user_id) > 0,
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


def passkeys_page(refusal: Refusal | None = None) -> str:
    session = current.proved(PASSKEYS)
    party = ceremony.party()
    return web.page(
        "factors/passkeys.html",
        refusal=refusal,
        passkeys=Passkey.of(session.user_id),
        name=browser.named(session.user_agent),
        longest=passkey.LONGEST_NAME,
        elsewhere=None if urlsplit(request.host_url).hostname == party.id else f"{party.origin}{PASSKEYS}",
    )


def asked(given: Challenge, options: dict[str, Any]) -> Response:
    """What the script asked for; what the passkey has to sign stays in the cookie too."""
    current.put(CHALLENGE, list(given))
    return jsonify(options)


def sent_json() -> dict[str, Any]:
    """What the script sent; nothing for what is no object."""
    # Python's reader goes only so deep, and Flask takes that for a fault of ours.
    with suppress(RecursionError):
        sent = request.get_json(silent=True)
        return sent if isinstance(sent, dict) else {}
    return {}


def going_on(sent: dict[str, Any]) -> Response:
    return jsonify(next=local_path(str(sent.get("next", ""))))


def carried_setup() -> Setup:
    """That of the form which was sent, or a fresh one."""
    return Setup.carried_by(current.session(), request.form.get("setup", ""))


def codes_page(codes: list[str], told: str) -> str:
    """The file is in the page itself: the codes are nowhere to be fetched from."""
    text = "\n".join(["Recovery codes for Netflix. Each is good once.", "", *codes, ""])
    file = f"data:text/plain;charset=utf-8,{quote(text)}"
    return web.page("factors/recovery_codes.html", codes=codes, told=told, file=file)
