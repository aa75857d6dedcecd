"""Somebody says that what was done as them was not them: everything ends, and the password is replaced."""

from typing import Any

from sqlalchemy import update

from netflix.accounts.user import User
from netflix.errors import SignInRequired
from netflix.events import event
from netflix.events.event import Kind
from netflix.extensions import db
from netflix.mail import notice
from netflix.signin import access, browser, change
from netflix.signin.device import Device
from netflix.signin.session import CurrentSession
from netflix.signin.visitor import Visitor


def replace(session: CurrentSession, number: int | None, present: str, chosen: str, visitor: Visitor) -> None:
    """Sets the chosen password, and ends every session, this one too, and every known device.

    `number` is the event that was not them. Whoever took over a session gains nothing by it: the present password is
    asked. Raises as `change.checked`, NotFound, or SignInRequired when the password was replaced meanwhile.
    """
    if number:
        event.of(session.user_id, number)
    user, kept = change.checked(session, present, chosen, visitor)
    access.shut_out(user)
    Device.end_all(user.id)
    same = update(User).where(User.id == user.id, User.password_hash == user.password_hash)
    new = same.values(password_hash=kept, must_change_since=None).returning(User.id)
    replaced = db.session.execute(new, execution_options={"synchronize_session": False})
    if replaced.scalar() is None:
        db.session.rollback()
        raise SignInRequired
    disputed: dict[str, Any] = {"event": number} if number else {}
    notice.tell(user.told_at, Kind.PASSWORD_CHANGED, visitor.address, browser.named(visitor.user_agent))
    event.record(Kind.REPORTED, user.id, visitor.address, **disputed)
    event.record(Kind.PASSWORD_CHANGED, user.id, visitor.address)
    db.session.commit()
