"""Who carries the mails: one thread in each process that serves, beside those that answer.

It is started by the first request, so after a server has forked its workers; woken by a commit that posted; and looks
now and then for what another process or the terminal has posted, and for what is due again.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from secrets import SystemRandom

from flask import Flask, current_app
from sqlalchemy.exc import SQLAlchemyError

from netflix import clock
from netflix.mail import delivery
from netflix.mail.delivery import Delivered
from netflix.mail.outbox import Mail

log = logging.getLogger("netflix.mail")

# Seconds: between two looks, after a failure before the next try, and after a post before it is looked at.
LOOK_EVERY = 30.0
AFTER_FAILURE = 5.0
AFTER_ANSWER = (0.2, 1.0)


class Courier:
    """`errands` are done before the mails: acts of higher floors that post some."""

    def __init__(self, app: Flask, errands: Sequence[Callable[[], object]] = ()) -> None:
        self.app = app
        self.errands = errands
        self._woken = threading.Event()
        self._at_work_in = 0
        self._turn = threading.Lock()
        app.before_request(self.start)

    def start(self) -> None:
        """Once in each process, which may have been forked from one where it runs."""
        if self._at_work_in != os.getpid():
            with self._turn:
                if self._at_work_in != os.getpid():
                    self._at_work_in = os.getpid()
                    threading.Thread(target=self._go_on, name="mail", daemon=True).start()

    def wake(self) -> None:
        self._woken.set()

    def work(self) -> Delivered:
        """One round, in the app's context."""
        for errand in self.errands:
            errand()
        return delivery.deliver()

    def _go_on(self) -> None:
        while True:
            pause = self._round()
            if self._woken.wait(pause):
                self._woken.clear()
                # Until the answer is given: at work beside it, a mail would cost it time that tells of the mail.
                time.sleep(SystemRandom().uniform(*AFTER_ANSWER))

    def _round(self) -> float:
        """Answers how many seconds to wait for the next one; whatever goes wrong, there is a next one."""
        with self.app.app_context():
            try:
                if self.work().is_server_away:
                    return AFTER_FAILURE
                due = Mail.next_due()
            except SQLAlchemyError as error:
                log.warning("the database failed: %s", str(getattr(error, "orig", error)).partition("\n")[0])
                return AFTER_FAILURE
            except Exception:
                log.exception("a round of the mails failed")
                return AFTER_FAILURE
        left = (due - clock.now()).total_seconds() if due else LOOK_EVERY
        return min(max(left, 0.1), LOOK_EVERY)


def current() -> Courier:
    """The site's that is at work."""
    return current_app.extensions["netflix-courier"]
