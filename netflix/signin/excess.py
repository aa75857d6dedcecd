"""Writing down that a limit is used up, whichever act counted (ASVS 5.0 16.3.3).

After the act, of which it is no part, and by itself: until the answer is known, an attempt may be given back.
"""

import logging
from datetime import datetime, timedelta

from flask import Flask, Response, current_app
from sqlalchemy.exc import SQLAlchemyError

from netflix import clock
from netflix.accounts.user import User
from netflix.events import event
from netflix.events.event import Kind
from netflix.extensions import db
from netflix.limits import counter
from netflix.limits.counter import UsedUp
from netflix.limits.policy import Lane
from netflix.signin.device import Device
from netflix.web import address

log = logging.getLogger("netflix.limits")

# Of one counter an event in its window, or in this where that is longer; and, in a process, of so many counters.
LONGEST = timedelta(hours=1)
MOST = 10_000


class Told:
    """Of which counters a process wrote lately: who keeps at a limit, at its pace, does not fill the record."""

    def __init__(self) -> None:
        self._until: dict[str, datetime] = {}

    def is_news(self, one: UsedUp) -> bool:
        now = clock.now()
        if self._until.get(one.rule.key, now) > now:
            return False
        if len(self._until) >= MOST:
            self._until = {key: until for key, until in self._until.items() if until > now}
        if len(self._until) >= MOST:
            return False
        self._until[one.rule.key] = now + min(timedelta(seconds=one.rule.window), LONGEST)
        return True


def write_down(answer: Response) -> Response:
    """What the request used up; called when its answer is made."""
    told: Told = current_app.extensions["netflix-excess"]
    if news := [one for one in counter.used_up() if told.is_news(one)]:
        # Whatever the act left half done is not committed along.
        db.session.rollback()
        try:
            for one in news:
                record(one)
            db.session.commit()
        except SQLAlchemyError:
            db.session.rollback()
            log.warning("it could not be written down that a limit is used up")
    return answer


def record(one: UsedUp) -> None:
    """Committed by the act that called. Of an e-mail that nobody has, the digest alone."""
    email, device = one.of(Lane.ACCOUNT), one.of(Lane.DEVICE)
    known = Device.counted_by(device) if device else None
    user = User.known_as(email) if email else None
    user_id = user.id if user else known.user_id if known else None
    digest = {} if user or not email else {"account": counter.in_record(email)}
    event.record(
        Kind.LIMIT_REACHED, user_id, address(), event.STRANGER, limit=one.limit.name, lane=one.limit.lane, **digest
    )


def init_app(app: Flask) -> None:
    app.extensions["netflix-excess"] = Told()
    app.after_request(write_down)
