"""What the operator orders at the terminal, known to every process that serves, at no statement of a request.

Each order raises one number in the database. A thread in each process looks at it every second, and reads what
changed when it has risen; while the database is away, what was read last holds.
"""

import logging
import os
import threading
from collections.abc import Callable, Sequence

from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, mapped_column

from netflix.extensions import AS_IT_IS, Model, db
from netflix.reading import Reading

log = logging.getLogger("netflix.orders")

# Seconds between two looks, and within which an order holds everywhere.
LOOK_EVERY = 1.0
HOLDS_WITHIN = 2
# Seconds that the first request of a process waits for the first look.
PATIENCE = 5.0


class OrderCount(Model):
    """One row: how many orders there were. Raising it is what puts them in order."""

    __tablename__ = "order_count"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    count: Mapped[int]


RAISED = update(OrderCount).values(count=OrderCount.count + 1).returning(OrderCount.count)
COUNT: Reading[int] = Reading(select(OrderCount.count), lambda values: int(values[0]))


def number() -> int:
    """The next order's number; before anything else is written. Whoever orders at the same time waits here."""
    return db.session.execute(RAISED, execution_options=AS_IT_IS).scalar_one()


class Orders:
    """`readers` each read what was ordered after the order of a number; after 0, all that is in force."""

    def __init__(self, app: Flask, readers: Sequence[Callable[[int], None]]) -> None:
        self.app = app
        self.readers = readers
        self._known = 0
        self._is_away = False
        self._looked = threading.Event()
        self._at_work_in = 0
        self._turn = threading.Lock()

    def start(self) -> None:
        """Once in each process, which may have been forked from one where it runs; waits for the first look."""
        if self._at_work_in != os.getpid():
            with self._turn:
                if self._at_work_in != os.getpid():
                    self._looked = threading.Event()
                    threading.Thread(target=self._go_on, args=(self._looked,), name="orders", daemon=True).start()
                    self._looked.wait(PATIENCE)
                    self._at_work_in = os.getpid()

    def look(self) -> None:
        """Reads what is new, in the app's context."""
        count = next(iter(COUNT()), 0)
        if count != self._known:
            # A database that was put back from a copy has had fewer.
            after = self._known if count > self._known else 0
            for read in self.readers:
                read(after)
            self._known = count

    def _go_on(self, looked: threading.Event) -> None:
        pause = threading.Event()
        while True:
            self._round()
            looked.set()
            pause.wait(LOOK_EVERY)

    def _round(self) -> None:
        """Whatever goes wrong, there is a next one."""
        with self.app.app_context():
            try:
                self.look()
            except SQLAlchemyError as error:
                if not self._is_away:
                    reason = str(getattr(error, "orig", error)).partition("\n")[0]
                    log.warning("the database failed, what was ordered before holds: %s", reason)
                self._is_away = True
            except Exception:
                log.exception("what was ordered could not be read")
            else:
                self._is_away = False
