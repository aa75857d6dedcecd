"""Letting those try again who were made to wait.

The event is committed before Redis is told; where nothing is counted, or Redis is away, there is none.
"""

from collections.abc import Sequence

from netflix.accounts.user import User
from netflix.events import event
from netflix.events.actor import OPERATOR, Actor
from netflix.events.event import Kind
from netflix.extensions import db
from netflix.limits import counter
from netflix.limits.key import Key
from netflix.limits.policy import Lane
from netflix.signin.device import Device


def free(lane: Lane, subjects: Sequence[str], by: Actor = OPERATOR) -> int:
    """Forgets the counters of these subjects of one lane, for accounts also those of the browsers that they know.

    Answers how many there were. Raises CountersUnavailable.
    """
    keys_of = counter.counters().keys
    keys = list(dict.fromkeys(key for subject in subjects for key in keys_of(lane, subject)))
    whose = {key.who for key in keys}
    user = User.known_as(subjects[0]) if lane is Lane.ACCOUNT and len(whose) == 1 else None
    told: dict[str, str | int] = {"who": keys[0].who} if len(whose) == 1 else {"of": len(whose)}
    devices = Device.known_to(subjects) if lane is Lane.ACCOUNT else []
    if devices:
        keys += [key for device in devices for key in keys_of(Lane.DEVICE, device.who)]
        told["devices"] = len(devices)
    return forget(keys, by, user, lane=str(lane), **told)


def free_all(by: Actor = OPERATOR) -> int:
    """As `free`, of everybody."""
    return forget(None, by)


def forget(keys: Sequence[Key] | None, by: Actor, user: User | None = None, **told: str | int) -> int:
    # Where Redis is away this raises, before anything is done.
    counted = counter.clear(keys, dry_run=True)
    if not counted:
        counter.clear_journal(keys)
        return 0
    event.record(Kind.LIMIT_CLEARED, user.id if user else None, by.address, by.name, **told, counters=counted)
    db.session.commit()
    return counter.clear(keys)
