"""What happened here before, as the record has it."""

from datetime import UTC, datetime, timedelta

import pytest

from netflix.events import event
from netflix.events.event import Kind
from netflix.extensions import db


def write(count: int, days_ago: int = 0) -> None:
    """So many events, all at that time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("netflix.clock.now", lambda: datetime.now(UTC) - timedelta(days=days_ago))
        for number in range(count):
            event.record(Kind.SIGN_IN_FAILED, number, "192.0.2.10")
    db.session.commit()
