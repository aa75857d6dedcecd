"""What every page shares: refusals, health, assets."""

import hashlib
import logging
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Flask, Response, current_app, jsonify, make_response, redirect, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from sqlalchemy import text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.datastructures import MIMEAccept
from werkzeug.exceptions import HTTPException, SecurityError
from werkzeug.http import parse_accept_header
from werkzeug.wrappers import Response as BaseResponse

from netflix import clock, csrf, flashes, suspicion
from netflix.errors import (
    DatabaseUnavailable,
    Declined,
    NotAccepted,
    PasswordToChange,
    ProofRequired,
    Refusal,
    SignInRequired,
)
from netflix.extensions import db
from netflix.limits import counter

log = logging.getLogger("netflix.web")
bp = Blueprint("web", __name__)

PROBLEM = "application/problem+json"
SENDING = ("POST", "PUT", "PATCH", "DELETE")
# By typing the address or a bookmark, "none" opens pages and sends nothing, but a reload may.
OWN_PAGES = ("same-origin", "none")

WORDS = {
    400: (
        "That request cannot be read",
        "Your browser sent something this site does not understand.",
        "Go back and try again.",
    ),
    403: ("Not allowed", "This is not for you to see or do.", "Go back, or sign in as somebody who may."),
    404: ("Page not found", "There is nothing at this address.", "Check it for a slip, or start from the first page."),
    405: (
        "Not done that way",
        "This address does not take that kind of request.",
        "Go back and use the page's own buttons.",
    ),
    413: ("Too much at once", "What was sent is larger than this site takes.", "Send less and try again."),
    500: (
        "Something broke",
        "That is our fault, not yours, and it has been written down.",
        "Try again in a minute.",
    ),
}
EXPIRED = (
    "This form is too old",
    "It was opened before you signed in or out, or your browser keeps no cookies.",
    "Go back, reload the page, and send it again.",
)


def page(template: str, /, **values: object) -> str:
    """A template with just these values: no page reads the request or the session behind its view's back."""
    return current_app.jinja_env.get_template(template).render(values)


def prefers_json(accept: str) -> bool:
    """Whether a program asks: what names JSON and prefers it to a page."""
    if "json" not in accept:
        return False
    return parse_accept_header(accept, MIMEAccept).best_match(["text/html", "application/json", PROBLEM]) != "text/html"


def is_for_program() -> bool:
    """Whether this request's answer is problem details, not a page."""
    return prefers_json(request.headers.get("Accept", ""))


def problem(refusal: Refusal, reference: str = "") -> dict[str, object]:
    """A refusal as problem details (RFC 9457)."""
    details: dict[str, object] = {"title": refusal.title, "status": refusal.status, "detail": str(refusal)}
    details |= {"reference": reference} if reference else {}
    return details | ({"errors": refusal.faults} if isinstance(refusal, NotAccepted) else {})


def refused(refusal: Refusal, shown: Callable[[], str], reference: str = "") -> Response:
    """Any refusal, once for all: problem details for a program, the page for a person."""
    if is_for_program():
        response = jsonify(problem(refusal, reference))
        response.mimetype = PROBLEM
    else:
        response = make_response(shown())
    response.status_code = refusal.status
    if refusal.retry_after is not None:
        response.headers["Retry-After"] = str(refusal.retry_after)
    return response


def shown_again(refusal: Refusal, pages: Mapping[str, Callable[[Refusal], str]]) -> Response:
    """The page whose form was sent, by the endpoint that it was sent to; where there is none, the refusal's own."""
    page = pages.get(request.endpoint or "")
    try:
        return refused(refusal, lambda: page(refusal)) if page else answer(refusal)
    except Refusal as since:
        # In the moment since, such as a link that was used meanwhile.
        return answer(since)


def told(refusal: Refusal | None) -> Refusal | None:
    """What stands above a form: what stands at its fields is not said twice."""
    return None if isinstance(refusal, NotAccepted) else refusal


@bp.before_app_request
def refuse_other_sites() -> None:
    """What a browser says another site's page sends, beside the form's token (OWASP, CSRF: Fetch Metadata headers)."""
    if request.method in SENDING and request.headers.get("Sec-Fetch-Site", "same-origin") not in OWN_PAGES:
        note("another site's page")
        raise Declined("That came from a page of another site.", "Open this site itself, and do it there.")


def note(what: str) -> None:
    suspicion.note(what, address(), f"{request.method} {request.url_rule or '-'}")


@bp.app_errorhandler(Refusal)
def answer(refusal: Refusal) -> Response:
    reference = ""
    if refusal.status >= 500:
        reference = secrets.token_hex(4)
        # The rule, not the path: that of a one-time link would tell the link.
        log.error("reference %s: %s %s answered %d", reference, request.method, request.url_rule, refusal.status)
    return refused(refusal, lambda: refusal_page(refusal, reference), reference)


@bp.app_errorhandler(SignInRequired)
def ask_to_sign_in(refusal: SignInRequired) -> ResponseReturnValue:
    if is_for_program():
        return answer(refusal)
    if request.method != "GET":
        flashes.warn("You are not signed in any more, so nothing was changed. Sign in and try again.")
        return see_other("/login")
    return see_other(f"/login?{urlencode({'next': present_path()})}")


@bp.app_errorhandler(ProofRequired)
def ask_to_prove(refusal: ProofRequired) -> ResponseReturnValue:
    if is_for_program():
        return answer(refusal)
    target = present_path() if request.method == "GET" else refusal.back
    return see_other(f"/prove?{urlencode({'next': target})}")


@bp.app_errorhandler(PasswordToChange)
def ask_to_change(refusal: PasswordToChange) -> ResponseReturnValue:
    return answer(refusal) if is_for_program() else see_other("/password")


def present_path() -> str:
    return request.full_path.rstrip("?")


def local_path(target: str) -> str:
    """`target` when it is a path of this site, else the dashboard (ASVS 5.0 3.7.2)."""
    if not target.startswith("/") or target.startswith(("//", "/\\")):
        return "/dashboard"
    if any(character < "!" or character in "\\\x7f" for character in target):
        return "/dashboard"
    parts = urlsplit(target)
    return "/dashboard" if parts.scheme or parts.netloc else target


def address() -> str:
    """The client's, as the trusted proxies tell it; see `limits.address`."""
    return request.remote_addr or ""


def see_other(path: str) -> BaseResponse:
    return redirect(path, 303)


@bp.app_errorhandler(HTTPException)
def answer_http(error: HTTPException) -> ResponseReturnValue:
    """What Flask itself refuses; an answer that is no fault (such as a redirect) goes through."""
    if error.response is not None or (error.code or 500) < 400:
        return error
    if isinstance(error, CSRFError):
        note("a form's token")
    elif isinstance(error, SecurityError):
        note("another site's name")
    words = EXPIRED if isinstance(error, CSRFError) else WORDS.get(error.code or 500, WORDS[400])
    refusal = Refusal(words[1], words[2])
    refusal.title, refusal.status = words[0], error.code or 500
    response = answer(refusal)
    # Such as Allow with 405; the rest of Werkzeug's answer is its own page.
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            response.headers[name] = value
    return response


@bp.app_errorhandler(DBAPIError)
@bp.app_errorhandler(PoolTimeout)
def answer_database(error: SQLAlchemyError) -> Response:
    """Out of reach, not migrated, read-only, broken; but a row that should never have been sent is a fault of ours."""
    db.session.rollback()
    if isinstance(error, (IntegrityError, DataError)):
        raise error
    log.error("the database failed: %s", str(getattr(error, "orig", error)).partition("\n")[0])
    refusal = DatabaseUnavailable("Something this site needs is out of order for a moment.", "Try again in a minute.")
    refusal.retry_after = 5
    return answer(refusal)


def refusal_page(refusal: Refusal, reference: str = "") -> str:
    """`reference` is what the log has of a fault of ours."""
    return page("refusal.html", refusal=refusal, reference=reference)


@bp.get("/healthz")
def show_health() -> ResponseReturnValue:
    """For monitors: 503 when anything is amiss, though sign-in goes on, still limited, without Redis."""
    database = is_database_answering()
    redis = counter.is_answering()
    status = "ok" if database and redis else "degraded" if database else "failing"
    body = {
        "status": status,
        "database": "ok" if database else "unavailable",
        "redis": "ok" if redis else "degraded",
    }
    return jsonify(body), 200 if status == "ok" else 503


def is_database_answering() -> bool:
    try:
        db.session.execute(text("SELECT 1 FROM alembic_version"))
    except SQLAlchemyError:
        db.session.rollback()
        return False
    return True


@lru_cache
def digests(folder: str) -> dict[str, str]:
    """Of each static file's content, by the file's name, such as `css/app.css`."""
    files = (path for path in Path(folder).rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()[:12] for path in files}


def versioned(folder: str, name: str) -> str:
    """The address of a static file that changes with its content, so that it may be kept for ever."""
    return f"/static/{name}?v={digests(folder)[name]}"


def iso(instant: datetime) -> str:
    """To the second: HTML's `datetime` takes milliseconds at most."""
    return instant.isoformat(timespec="seconds")


def init_app(app: Flask) -> None:
    """The template's words that every page may use."""
    folder = app.static_folder or ""
    # Filters of constants are worked out when a template is compiled, not when it is shown.
    app.jinja_env.filters["asset"] = lambda name: versioned(folder, name)
    app.jinja_env.globals["csrf_token"] = csrf.token
    app.jinja_env.filters["when"] = clock.told
    config = app.extensions["netflix-config"]
    app.jinja_env.globals["registration"] = config.registration
    app.jinja_env.globals["password_minimum"] = config.password_minimum
    app.jinja_env.globals["purge_unverified"] = config.purge_unverified
    app.jinja_env.globals["sends_mail"] = config.sends_mail
    app.jinja_env.filters["iso"] = iso
    app.register_blueprint(bp)
