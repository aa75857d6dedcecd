"""Answering before Flask is entered: a refusal as a page or as problem details, like any other."""

import json
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from netflix import web
from netflix.errors import Refusal


def answer(
    environ: dict[str, Any], start_response: Callable[..., Any], refusal: Refusal, shown: Callable[[], str]
) -> Iterable[bytes]:
    """`shown` gives the page for a person."""
    if web.prefers_json(environ.get("HTTP_ACCEPT", "")):
        kind, body = web.PROBLEM, json.dumps(web.problem(refusal))
    else:
        kind, body = "text/html; charset=utf-8", shown()
    content = body.encode("utf-8", "replace")
    headers = [("Content-Type", kind), ("Content-Length", str(len(content)))]
    if refusal.retry_after is not None:
        headers.append(("Retry-After", str(refusal.retry_after)))
    start_response(f"{refusal.status} {HTTPStatus(refusal.status).phrase}", headers)
    return [content]
