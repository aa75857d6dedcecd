"""The headers of every answer, whoever gives it (ASVS 5.0 3.4)."""

from collections.abc import Callable, Iterable
from typing import Any

ALWAYS = [
    (
        "Content-Security-Policy",
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
]
# Two years, with subdomains (3.4.1 asks for one year; docs/operations.md says what it means).
HSTS = ("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
NO_STORE = ("Cache-Control", "no-store")


class SecureHeaders:
    """WSGI middleware. What says nothing of caching is kept nowhere: most pages are somebody's own."""

    def __init__(self, inner: Callable[..., Iterable[bytes]]) -> None:
        self.inner = inner

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            answered = headers + ALWAYS
            if environ["wsgi.url_scheme"] == "https":
                answered.append(HSTS)
            if not any(name == "Cache-Control" for name, _ in headers):
                answered.append(NO_STORE)
            return start_response(status, answered, exc_info)

        return self.inner(environ, start)
