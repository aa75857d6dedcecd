"""What no browser sends from a page of ours, as a line in the log (ASVS 5.0 16.3.3).

No event of the record: who sends it has passed nothing that bounds how often.
"""

import json
import logging
import threading
import time

log = logging.getLogger("netflix.suspicion")

# OWASP's Logging Vocabulary.
NAME = "input_validation_fail"
# A flood must not fill the disk: of one sort and address one line in so many seconds, and of all together so many.
EVERY = 60
MOST = 100

_turn = threading.Lock()
_since = 0.0
_told: set[tuple[str, str]] = set()


def note(what: str, address: str, asked: str) -> None:
    """`asked` is the method and the address's pattern: the address itself may carry a one-time link's token."""
    if is_news(what, address):
        log.warning("%s %s %s", NAME, address or "-", json.dumps({"what": what, "request": asked}))


def is_news(what: str, address: str) -> bool:
    global _since
    with _turn:
        if time.monotonic() - _since >= EVERY:
            _since = time.monotonic()
            _told.clear()
        if (what, address) in _told or len(_told) >= MOST:
            return False
        _told.add((what, address))
        return True
