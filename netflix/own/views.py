"""Pages of one's own account: its browsers, "this wasn't me", a copy of its data, leaving."""

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from netflix import clock, forms, web
from netflix.errors import Busy, NotAccepted, Refusal, TooManyAttempts
from netflix.events import event
from netflix.events.story import Told
from netflix.own import alarm, export
from netflix.signin import cookie, current, device, leaving
from netflix.signin.device import Device
from netflix.signin.session import CurrentSession, ListedSession
from netflix.web import address, see_other

bp = Blueprint("own", __name__, url_prefix="/account")


@bp.get("/browsers")
def show_browsers() -> ResponseReturnValue:
    session = current.session()
    return web.page(
        "own/browsers.html",
        sessions=ListedSession.of(session.user_id),
        current_id=session.id,
        devices=Device.of(session.user_id),
        present=device.shown_by(current.visitor(), session.email),
    )


@bp.post("/devices/<int(max=2147483647):number>/end")
def end_device(number: int) -> ResponseReturnValue:
    device.end_device(number, current.proved("/account/browsers").user_id, address())
    current.tell("That browser is not known any more.")
    return see_other("/account/browsers")


@bp.post("/devices/end")
def end_devices() -> ResponseReturnValue:
    ended = device.end_devices(current.proved("/account/browsers").user_id, address())
    current.tell("No browser is known any more." if ended else "No browser was known.")
    return see_other("/account/browsers")


@bp.get("/export")
def show_export() -> ResponseReturnValue:
    return web.page("own/export.html", user=current.session())


@bp.post("/export")
def download_export() -> ResponseReturnValue:
    file = export.exported(current.proved("/account/export"), address())
    answer = Response(export.read(file), mimetype="application/json")
    answer.headers["Content-Disposition"] = 'attachment; filename="netflix-account.json"'
    return answer


@bp.get("/delete")
def show_deletion() -> ResponseReturnValue:
    return deletion_page()


@bp.post("/delete")
def leave() -> ResponseReturnValue:
    ends = leaving.leave(current.proved("/account/delete"), request.form.get("email", ""), address())
    current.drop()
    current.tell(f"Your account will be deleted on {clock.told(ends)}. Sign in before then, and it stays.")
    return see_other("/login")


@bp.get("/alarm")
def show_alarm() -> ResponseReturnValue:
    return alarm_page()


@bp.post("/alarm")
def raise_alarm() -> ResponseReturnValue:
    sent, number = request.form, forms.whole(request.form.get("event", ""))
    known, passkeys = alarm.replace(
        alarmed(number),
        number,
        sent.get("current_password", ""),
        sent.get("password", ""),
        current.visitor(),
    )
    current.drop()
    stay = f" Passkeys from before stay good ({passkeys}): look then whether all of them are yours." if passkeys else ""
    current.tell(f"Every browser is signed out, and your old password lets nobody in. Sign in with the new one.{stay}")
    answer = see_other("/login")
    cookie.put_devices(answer, device.cookie_with(current.visitor().devices, known.user.email, known.token))
    return answer


@bp.post("/alarm/mail")
def start_recovery() -> ResponseReturnValue:
    number = forms.whole(request.form.get("event", ""))
    alarm.start_recovery(current.proved(f"/account/alarm?event={number}"), number, current.visitor())
    current.drop()
    current.tell("Every browser is signed out. We sent you a link by which you choose a new password.")
    return see_other("/login")


@bp.errorhandler(NotAccepted)
@bp.errorhandler(TooManyAttempts)
@bp.errorhandler(Busy)
def show_again(refusal: Refusal) -> ResponseReturnValue:
    """The same form, with what was typed and what is the matter."""
    pages = {"own.leave": deletion_page, "own.raise_alarm": alarm_page}
    return web.shown_again(refusal, pages)


def deletion_page(refusal: Refusal | None = None) -> str:
    form = forms.form(request.form, "email", refusal=refusal)
    return web.page("own/delete.html", form=form, user=current.session())


def alarm_page(refusal: Refusal | None = None) -> str:
    form = forms.form(request.values, "event", "current_password", "password", refusal=refusal)
    number = forms.whole(form.event.data)
    session = alarmed(number)
    disputed = Told.of(event.of(session.user_id, number)) if number else None
    return web.page(
        "own/alarm.html",
        form=form,
        refusal=web.told(refusal),
        disputed=disputed,
        email=session.email,
        is_mailed=alarm.is_mailed(session),
    )


def alarmed(number: int) -> CurrentSession:
    """Who says so; with two steps, who proved both lately, for factors are taken off."""
    session = current.session()
    return current.proved(f"/account/alarm?event={number}") if session.has_second_factor else session
