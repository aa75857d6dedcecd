"""What an administrator or the operator decides about a user's way in; each ends every session that should not go on.

Who is meant is given by e-mail or number, who acts as an `Actor`: never an administrator about themselves.
"""

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, column, delete, or_, select, table, update

from netflix import clock, trial
from netflix.accounts import email as addresses
from netflix.accounts import one_time_link
from netflix.accounts import password as passwords
from netflix.accounts.one_time_link import OF_THE_PASSWORD, OneTimeLink, Purpose
from netflix.accounts.user import User
from netflix.errors import Declined, NotFound, accept
from netflix.events import event
from netflix.events.actor import OPERATOR, Actor
from netflix.events.event import Kind
from netflix.extensions import db
from netflix.mail import notice, outbox
from netflix.signin import recovery
from netflix.signin.session import Session


def shut_out(user: User) -> None:
    """Ends every session and link of a user; committed by the act that called."""
    # A sign-in that writes this row first is seen and ended; one that comes later waits, and finds what changed.
    User.hold(user.id)
    Session.end_all(user.id)
    one_time_link.end(user.id, *OF_THE_PASSWORD)


def set_password(email: str, password: str, for_good: bool = True) -> User:
    """One that is not `for_good` opens nothing but the page to change it (ASVS 5.0 6.4.1).

    Raises NotFound, Declined for a disabled user, NotAccepted or Busy.
    """
    accept(password=passwords.faults(password, email))
    user = to_be_let_in(email)
    # No connection is held while hashing.
    db.session.commit()
    kept = passwords.stored(password)
    if not became(user, User.disabled_at.is_(None), password_hash=kept):
        db.session.rollback()
        # Whatever it is by now is said where that can be known.
        to_be_let_in(email)
        raise Declined(f"{email} was changed by somebody else meanwhile.", "Try again.")
    shut_out(user)
    # The operator knows whose account it is; the mailbox that it had before does not take it from them.
    one_time_link.end(user.id, Purpose.UNDO_EMAIL)
    User.end_demand(user.id)
    if not for_good:
        User.demand_change(user.id, kept)
    notice.tell(user.told_at, Kind.PASSWORD_CHANGED)
    event.record(Kind.PASSWORD_CHANGED, user.id)
    db.session.commit()
    return user


def adopt(email: str, kept: str) -> User:
    """Gives a password as it was kept elsewhere to who has none. Raises NotFound."""
    user = User.named(email)
    shut_out(user)
    given = update(User).where(User.id == user.id, User.password_hash.is_(None)).values(password_hash=kept)
    if db.session.execute(given.returning(User.id)).scalar():
        notice.tell(user.told_at, Kind.PASSWORD_CHANGED)
        event.record(Kind.PASSWORD_CHANGED, user.id)
        done(user.id)
    else:
        db.session.rollback()
    return user


def vouch_for(email: str) -> User:
    """The operator's word that an e-mail is its user's. Raises NotFound."""
    user = User.named(email)
    if became(user, User.verified_at.is_(None), verified_at=clock.now()):
        # By it whoever reads that mail would take the account from who is vouched for.
        one_time_link.end(user.id, Purpose.VERIFY)
        event.record(Kind.EMAIL_VERIFIED, user.id)
    db.session.commit()
    return user


def reset_by_link(who: str | int, by: Actor = OPERATOR) -> str:
    """Forgets the password, ends all sessions, and answers a one-time link. Raises NotFound or Declined."""
    user = to_be_let_in(who, by)
    user.password_hash = None
    # The links too: by one for another e-mail, whoever took over the account would take this one with it.
    shut_out(user)
    one_time_link.end(user.id, Purpose.UNDO_EMAIL)
    notice.tell(user.told_at, Kind.LINK_MADE, by=by)
    link = recovery.issue(user, by=by)
    db.session.commit()
    return recovery.address_of(link)


def somebody(who: str | int, by: Actor) -> User:
    """Raises NotFound, or Declined for an administrator's own account.

    Nobody shuts themselves out by a slip, and whoever took over a session gets no new password by it
    without the present one.
    """
    user = User.meant(who)
    if user.id == by.user_id:
        raise Declined(
            "That is your own account.", "Look after it on your account's page, or ask another administrator."
        )
    return user


def to_be_let_in(who: str | int, by: Actor = OPERATOR) -> User:
    """Raises NotFound, or Declined, for a disabled user too."""
    user = somebody(who, by)
    if user.is_disabled:
        raise Declined(f"{user.email} is disabled.", by.way("First let them in again", f"users enable {user.email}"))
    return user


class Outcome(NamedTuple):
    """Whose account it is, and whether it was not so before: what changed nothing is not in the record."""

    email: str
    changed: bool


def became(user: User, unless_so: ColumnElement[bool], **values: Any) -> bool:
    """Whether this changed the row. Asked of the row itself, so of two at once one did."""
    changed = update(User).where(User.id == user.id, unless_so).values(**values).returning(User.id)
    return db.session.execute(changed).scalar() is not None


def disable(who: str | int, by: Actor = OPERATOR) -> Outcome:
    """Raises NotFound, or Declined for the last administrator."""
    user = somebody(who, by)
    keep_an_administrator(user, by)
    changed = became(user, User.disabled_at.is_(None), disabled_at=clock.now())
    if changed:
        shut_out(user)
        event.record(Kind.USER_CHANGED, user.id, by.address, by.name, disabled=True)
    done(user.id)
    return Outcome(user.email, changed)


def enable(who: str | int, by: Actor = OPERATOR) -> Outcome:
    """Raises NotFound."""
    user = somebody(who, by)
    changed = became(user, User.disabled_at.is_not(None), disabled_at=None)
    if changed:
        event.record(Kind.USER_CHANGED, user.id, by.address, by.name, disabled=False)
    done(user.id)
    return Outcome(user.email, changed)


def remove(who: str | int, by: Actor = OPERATOR, typed: str | None = None) -> User:
    """Deletes a user and, by their foreign keys, all that is theirs.

    `typed` is the e-mail as somebody typed it to be sure. Raises NotFound, NotAccepted, or Declined as `disable`.
    """
    user = somebody(who, by)
    same = typed is None or addresses.normalised(typed) == user.email_key
    accept(email=[] if same else ["That is not their e-mail address. Nothing was deleted."])
    keep_an_administrator(user, by)
    db.session.delete(user)
    db.session.flush()
    outbox.withdraw(user.email)
    event.record(Kind.USER_DELETED, user.id, by.address, by.name)
    done(user.id)
    return user


def promote(who: str | int, by: Actor = OPERATOR) -> Outcome:
    """Makes a user an administrator. Raises NotFound.

    Their sessions end: a browser that was signed in for less does not become an administrator's by itself
    (OWASP Session Management Cheat Sheet, Renew the Session ID After Any Privilege Level Change).
    """
    user = somebody(who, by)
    changed = became(user, User.is_admin.is_(False), is_admin=True)
    if changed:
        Session.end_all(user.id)
        event.record(Kind.RIGHTS_CHANGED, user.id, by.address, by.name, admin=True)
    done(user.id)
    return Outcome(user.email, changed)


def demote(who: str | int, by: Actor = OPERATOR) -> Outcome:
    """An administrator is a member again. Raises NotFound or Declined.

    Their sessions go on, as a member's: every request reads the row.
    """
    user = somebody(who, by)
    keep_an_administrator(user, by)
    changed = became(user, User.is_admin.is_(True), is_admin=False)
    if changed:
        event.record(Kind.RIGHTS_CHANGED, user.id, by.address, by.name, admin=False)
    done(user.id)
    return Outcome(user.email, changed)


def keep_an_administrator(user: User, by: Actor) -> None:
    """Raises Declined when nobody else could administer the site.

    Who has nothing to sign in with does not count, as one who was imported without a password.
    """
    User.hold_administrators(user.id)
    staying = select(User.id).where(*IS_ADMINISTRATOR)
    able, everybody = (
        trial.administrators(set(db.session.scalars(those))) for those in (staying.where(can_sign_in()), staying)
    )
    # Where nobody can, there is one to keep who may be given a link.
    if (able if user.id in able else everybody) == {user.id}:
        way = by.way("Make another first", "users promote EMAIL")
        if len(everybody) > 1:
            way = by.way("Let another one choose a password first", "users reset-password EMAIL")
        raise Declined(f"{user.email} is the only administrator who may sign in.", way)


IS_ADMINISTRATOR = (User.is_admin, User.disabled_at.is_(None), User.deleting_at.is_(None))


def done(user_id: int) -> None:
    """Commits what was done to a user's rights or ways in."""
    if trial.is_on():
        able = select(User.id).where(User.id == user_id, *IS_ADMINISTRATOR, can_sign_in())
        trial.note_administrator(user_id, db.session.scalar(able) is not None)
    db.session.commit()


def can_sign_in() -> ColumnElement[bool]:
    """Whether a user has a password, a passkey, or a link that is good to choose a password by."""
    link = select(OneTimeLink).where(
        OneTimeLink.user_id == User.id,
        OneTimeLink.purpose == str(Purpose.RECOVER),
        OneTimeLink.expires_at > clock.now(),
    )
    # Its module builds upon this one.
    passkey = table("passkey", column("user_id"))
    return or_(
        User.password_hash.is_not(None), link.exists(), select(passkey).where(passkey.c.user_id == User.id).exists()
    )


def end_session(session_id: int, by: Actor = OPERATOR, of: str | int | None = None) -> None:
    """`of` is whose it has to be. Raises NotFound, or Declined for an administrator's own."""
    meant = (Session.id == session_id, *([Session.user_id == somebody(of, by).id] if of is not None else []))
    whose = db.session.execute(delete(Session).where(*meant).returning(Session.user_id)).scalar()
    if whose is None:
        db.session.rollback()
        raise NotFound(f"There is no session {session_id}.", by.way("See who is signed in", "sessions list"))
    ended(by, whose, session=session_id)
    db.session.commit()


def end_sessions_of(who: str | int, by: Actor = OPERATOR) -> int:
    """Ends a user's sessions; answers how many there were. Raises NotFound."""
    user = somebody(who, by)
    sessions = Session.end_all(user.id)
    if sessions:
        ended(by, user.id, sessions=sessions)
    db.session.commit()
    return sessions


def ended(by: Actor, whose: int, **what: int) -> None:
    event.record(Kind.SESSION_ENDED, whose, by.address, by.name, reason=f"ended by {by.title}", **what)


def end_every_session() -> int:
    """Everybody has to sign in again; answers how many sessions there were."""
    sessions = len(db.session.execute(delete(Session).returning(Session.id)).all())
    if sessions:
        event.record(Kind.SESSION_ENDED, reason="everybody's ended by the operator", sessions=sessions)
    db.session.commit()
    return sessions
