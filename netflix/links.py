"""One-time links: their address, and the token on its way from there into the visitor's cookie."""

from contextlib import suppress

import flask

from netflix import config as settings
from netflix.errors import LinkGone

# The name under which a link for a new password is kept.
RECOVERY = "recovery"


def link(path: str) -> str:
    """Built from the site's own address, never from a request's."""
    config = settings.current()
    address = config.address
    with suppress(FileNotFoundError):
        address = config.url or config.served_at.read_text()
    return f"{address}{path}"


def keep(name: str, token: str) -> None:
    """Takes a link's token out of the address bar and into the cookie (ASVS 5.0 14.2.1)."""
    flask.session[name] = token


def kept(name: str) -> str:
    """The token of the link of that name which was opened. Raises LinkGone."""
    token = flask.session.get(name)
    if not token:
        raise LinkGone
    return str(token)


def forget(name: str) -> None:
    flask.session.pop(name, None)
