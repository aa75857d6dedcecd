"""Writing down, and telling its owner by mail, that an account's factors changed (ASVS 5.0 6.3.7)."""

from netflix.accounts.user import User
from netflix.errors import EmailNotConfirmed
from netflix.events import event
from netflix.events.event import Kind
from netflix.extensions import db
from netflix.mail import notice, outbox
from netflix.signin import browser
from netflix.signin.session import CurrentSession
from netflix.signin.visitor import Visitor

# The operator's, who has no address.
NOBODY = Visitor("")


def note(kind: Kind, user_id: int, visitor: Visitor, factor: str, **detail: str) -> None:
    """The last thing before the act that called commits."""
    user = db.session.get(User, user_id)
    seen = browser.named(visitor.user_agent) if visitor.address else ""
    if user:
        notice.tell(user.told_at, kind, visitor.address, seen, factor=factor)
    event.record(kind, user_id, visitor.address, factor=factor, **detail)


def check_confirmed(session: CurrentSession) -> None:
    """Raises EmailNotConfirmed while nobody has shown that the e-mail is theirs, where mail could.

    Else somebody registers with another's e-mail and waits, with a passkey that outlasts the password its owner
    chooses when they come.
    """
    if session.verified_at is None and outbox.is_on():
        raise EmailNotConfirmed
