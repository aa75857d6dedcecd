"""What the doctor asks the served site; to anybody else there is nothing here."""

from flask import Blueprint, abort, jsonify, request
from flask.typing import ResponseReturnValue

from netflix import config as settings
from netflix.health import probe

bp = Blueprint("health", __name__)


@bp.get(probe.PATH)
def show_visitor() -> ResponseReturnValue:
    """Whom the site takes the visitor for, and what it was told."""
    if not probe.is_open(request.headers.get(probe.HEADER, "")):
        abort(404)
    return jsonify(
        address=request.remote_addr,
        scheme=request.scheme,
        peer=request.environ.get("netflix.peer", ""),
        port=str(request.environ.get("SERVER_PORT", "")),
        forwarded=request.headers.get("X-Forwarded-For", ""),
        trusted=[str(network) for network in settings.current().trusted_proxies],
    )
