"""Reading what a browser sends, so that slow senders hold only a few of the threads that answer.

Granian's WSGI hands a request over when its head is there and then waits for the body without end, in one of
the threads that answer (its maintainers will not change that: emmett-framework/granian#728). Without a bound, 300
half-sent forms would hold every thread. So each address has some at a time, and all of them together a part of the
threads; who finds no place waits for one a moment, which is long for a body that is already there.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

from flask import Flask

from netflix import door, web
from netflix.errors import Busy, Refusal
from netflix.limits.address import counted_as

LONGEST = 64 * 1024
# Bodies under way at once in one process, and requests waiting for a place, with the seconds they wait.
OF_ONE_ADDRESS = 8
AT_ONCE = 96
WAITING = 160
PATIENCE = 1.0


class Bodies:
    """WSGI middleware: a body is read whole, up to `LONGEST` bytes, before the site is asked.

    Without a place for it, 503 and nothing read.
    """

    def __init__(self, inner: Callable[..., Iterable[bytes]], app: Flask) -> None:
        self.inner = inner
        self.app = app
        self._under_way: Counter[str] = Counter()
        self._waiting = 0
        self._places = threading.Condition()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"].upper() not in web.SENDING:
            # These have no body that matters: an empty one, so that nothing waits for it.
            environ["wsgi.input"] = BytesIO()
        elif not is_too_long(environ):
            who = counted_as(environ.get("REMOTE_ADDR", ""))
            if not self._enter(who):
                return self._refuse(environ, start_response, Busy("Too much is being sent at once."))
            try:
                # One byte more than is taken, so that Flask sees a body that is too long and says so.
                environ["wsgi.input"] = BytesIO(read(environ["wsgi.input"], LONGEST + 1))
            except OSError:
                return self._refuse(environ, start_response, Refusal("What was sent broke off.", "Send it again."))
            finally:
                self._leave(who)
        return self.inner(environ, start_response)

    def _refuse(self, environ: dict[str, Any], start_response: Callable[..., Any], refusal: Refusal) -> Iterable[bytes]:
        def shown() -> str:
            with self.app.app_context():
                return web.refusal_page(refusal)

        return door.answer(environ, start_response, refusal, shown)

    def _enter(self, who: str) -> bool:
        with self._places:
            if not self._has_place(who):
                if self._waiting >= WAITING:
                    return False
                self._waiting += 1
                found = self._places.wait_for(lambda: self._has_place(who), PATIENCE)
                self._waiting -= 1
                if not found:
                    return False
            self._under_way[who] += 1
            return True

    def _has_place(self, who: str) -> bool:
        return self._under_way[who] < OF_ONE_ADDRESS and self._under_way.total() < AT_ONCE

    def _leave(self, who: str) -> None:
        with self._places:
            self._under_way[who] -= 1
            if not self._under_way[who]:
                del self._under_way[who]
            if self._waiting:
                self._places.notify_all()


def is_too_long(environ: dict[str, Any]) -> bool:
    """Flask refuses these by their head alone."""
    length = environ.get("CONTENT_LENGTH") or "0"
    return not (length.isascii() and length.isdigit()) or int(length) > LONGEST


def read(source: Any, most: int) -> bytes:
    parts = []
    while most > 0 and (part := source.read(most)):
        parts.append(part)
        most -= len(part)
    return b"".join(parts)
