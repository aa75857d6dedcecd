"""The token of every form: Flask-WTF checks it, and this makes it.

The same token as Flask-WTF's own `csrf_token()`, whose key would be derived, and its text compressed,
anew for every page.
"""

import json
import secrets
from functools import lru_cache

import flask
from flask import current_app, g, request
from itsdangerous import TimestampSigner, URLSafeTimedSerializer
from itsdangerous.encoding import base64_encode

FIELD = "csrf_token"


def token() -> str:
    """One for a request, signed; its secret is kept in the visitor's cookie.

    A form that is shown again carries the token that was just found good.
    """
    if FIELD not in g and g.get("csrf_valid") and FIELD in flask.session and FIELD in request.form:
        g.csrf_token = request.form[FIELD]
    if FIELD not in g:
        secret = flask.session.get(FIELD)
        if secret is None:
            secret = flask.session[FIELD] = secrets.token_hex(20)
        g.csrf_token = signer(current_app.secret_key).sign(base64_encode(json.dumps(secret))).decode()
    return g.csrf_token


@lru_cache
def signer(secret: str) -> TimestampSigner:
    """Flask-WTF's own, with the key derived beforehand."""
    theirs = URLSafeTimedSerializer(secret, salt="wtf-csrf-token").make_signer("wtf-csrf-token")
    return TimestampSigner(theirs.derive_key(), key_derivation="none", salt="wtf-csrf-token")
