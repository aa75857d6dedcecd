"""A one-time link by which a person chooses a new password."""

from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, LargeBinary, bindparam, delete, select
from sqlalchemy.orm import Mapped, contains_eager, mapped_column, relationship

from netflix import clock, links, token
from netflix.accounts import password as passwords
from netflix.accounts import registration
from netflix.accounts.user import User
from netflix.clock import Instant
from netflix.errors import LinkGone, accept
from netflix.events import event
from netflix.events.event import Kind
from netflix.extensions import Model, db
from netflix.limits import counter, policy
from netflix.mail import notice
from netflix.signin import browser
from netflix.signin.session import Session


class Recovery(Model):
    """At most one for each user: a newer link ends the older one."""

    __tablename__ = "recovery"

    LASTS = timedelta(hours=1)

    user_id: Mapped[int] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)

    user: Mapped[User] = relationship(lazy="raise")

    @classmethod
    def carried_by(cls, carried: str) -> "Recovery":
        """Raises LinkGone."""
        found = db.session.scalar(BY_DIGEST, {"digest": token.digest(carried)})
        if found is None or found.expires_at <= clock.now():
            raise LinkGone
        return found


BY_DIGEST = (
    select(Recovery)
    .join(Recovery.user)
    .options(contains_eager(Recovery.user))
    .where(Recovery.digest == bindparam("digest"))
)


def issue(user: User) -> str:
    """A new link's token, good for an hour; committed by the act that called."""
    carried = token.fresh()
    User.hold(user.id)
    end(user)
    db.session.add(Recovery(user_id=user.id, digest=token.digest(carried), expires_at=clock.now() + Recovery.LASTS))
    event.record(Kind.LINK_MADE, user.id, link="new password")
    return carried


def end(user: User) -> None:
    """Whatever link a user has is worth nothing more; committed by the act that called."""
    db.session.execute(delete(Recovery).where(Recovery.user_id == user.id))


def invite(email: str, is_admin: bool) -> str:
    """A new user, and the one-time link by which they choose a password. Raises NotAccepted or AlreadyExists."""
    registration.check(email, None)
    carried = issue(registration.add(email, None, is_admin))
    db.session.commit()
    return link(carried)


def redeem(carried: str, password: str, address: str, user_agent: str = "") -> User:
    """Sets the password that was chosen and ends the link and all sessions, in one transaction.

    Raises LinkGone, NotAccepted, TooManyAttempts or Busy; of two at once, one gets LinkGone.
    """
    link = Recovery.carried_by(carried)
    owner, email = link.user_id, link.user.email
    db.session.rollback()
    accept(password=passwords.faults(password, email))
    counted = counter.hit((policy.RECOVERY_FROM_ADDRESS, address))
    with counter.refunding(counted, unless=LinkGone):
        kept = passwords.stored(password)
    # Its owner first, as whoever makes a newer link does: the other way round the two would wait for each other.
    User.hold(owner)
    used = db.session.execute(
        delete(Recovery)
        .where(Recovery.digest == token.digest(carried), Recovery.expires_at > clock.now())
        .returning(Recovery.user_id)
    ).scalar()
    user = db.session.get(User, used) if used else None
    if user is None:
        db.session.rollback()
        raise LinkGone
    user.password_hash = kept
    User.end_demand(user.id)
    ended = Session.end_all(user.id)
    notice.tell(user.told_at, Kind.PASSWORD_CHANGED, address, browser.named(user_agent), way="one-time link")
    event.record(Kind.PASSWORD_CHANGED, user.id, address, event.STRANGER, way="one-time link", sessions_ended=ended)
    db.session.commit()
    return user


def link(carried: str) -> str:
    return links.link(f"/recover/{carried}")
