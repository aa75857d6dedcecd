"""Letting those try again who were made to wait."""

from collections.abc import Sequence

from netflix.accounts.user import User
from netflix.events import event
from netflix.events.actor import OPERATOR, Actor
from netflix.events.event import Kind
from netflix.extensions import db
from netflix.limits import counter
from netflix.limits.policy import Lane


def free(lane: Lane, subjects: Sequence[str], by: Actor = OPERATOR) -> int:
    """Forgets the counters of these subjects of one lane; answers how many there were."""
    keys = list(dict.fromkeys(key for subject in subjects for key in counter.counters().keys(lane, subject)))
    gone = counter.clear(keys)
    if gone:
        whose = {key.who for key in keys}
        user = User.known_as(subjects[0]) if lane is Lane.ACCOUNT and len(whose) == 1 else None
        told = {"who": keys[0].who} if len(whose) == 1 else {"of": len(whose)}
        record(by, user, lane=str(lane), counters=gone, **told)
    return gone


def free_all(by: Actor = OPERATOR) -> int:
    gone = counter.clear()
    if gone:
        record(by, None, counters=gone)
    return gone


def record(by: Actor, user: User | None, **detail: str | int) -> None:
    event.record(Kind.LIMIT_CLEARED, user.id if user else None, by.address, by.name, **detail)
    db.session.commit()
