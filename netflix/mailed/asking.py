"""Asking for a mail without being signed in, and answering it behind the scenes."""

import logging
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from netflix.accounts import email as addresses
from netflix.accounts.asked import Asked
from netflix.accounts.one_time_link import Purpose
from netflix.accounts.user import User
from netflix.errors import Declined, accept
from netflix.extensions import db
from netflix.limits import counter, policy
from netflix.lockdown import lockdown
from netflix.mail import outbox
from netflix.mailed import unlocking, verification
from netflix.signin import recovery

log = logging.getLogger("netflix.mail")


def check_on() -> None:
    """Raises Declined where mail is off."""
    if not outbox.is_on():
        raise Declined("This site sends no mail.", "Ask the person who runs it for a new link.")


def ask_recovery(email: str, address: str) -> None:
    """Somebody forgot their password. The same for every e-mail: one row, whoever it is.

    Raises NotAccepted, TooManyAttempts, LockedDown, or Declined where mail is off.
    """
    lockdown.check_open()
    check_on()
    accept(email=addresses.faults(email))
    counter.hit((policy.MAIL_FROM_ADDRESS, address), (policy.RECOVERY_OF_ACCOUNT, addresses.normalised(email)))
    Asked.add(Purpose.RECOVER, email, address)
    db.session.commit()


def ask_unlock(email: str, address: str) -> None:
    """Strangers used an account's attempts up, and its owner sits at a browser it does not know. As `ask_recovery`."""
    lockdown.check_open()
    check_on()
    accept(email=addresses.faults(email))
    counter.hit((policy.MAIL_FROM_ADDRESS, address), (policy.UNLOCK_OF_ACCOUNT, addresses.normalised(email)))
    Asked.add(Purpose.UNLOCK, email, address)
    db.session.commit()


def answer_recovery(user: User, asked: Asked) -> None:
    """A link to who may have one: an e-mail that was never confirmed may be another person's."""
    if user.is_verified:
        link = recovery.issue(user, asked.address)
        outbox.post(user.email, "recover", link.expires_at, link=recovery.address_of(link), address=asked.address)


ANSWERS: dict[str, Callable[[User, Asked], None]] = {
    Purpose.RECOVER: answer_recovery,
    Purpose.UNLOCK: unlocking.answer,
    Purpose.VERIFY: verification.answer_registration,
}


def answer_all() -> None:
    """Answers what was asked, one by one; what fails is dropped, or it would hold up the others."""
    # Looking writes nothing; what another process is answering is left to it.
    while Asked.any() and (asked := Asked.taken()):
        number = asked.id
        try:
            answer(asked)
            db.session.commit()
        except SQLAlchemyError:
            db.session.rollback()
            raise
        except Exception:
            db.session.rollback()
            log.exception("what was asked could not be answered")
            Asked.drop(number)
            db.session.commit()
    db.session.rollback()


def answer(asked: Asked) -> None:
    if not asked.is_stale:
        user = User.known_as(asked.email)
        if user and not user.is_disabled:
            ANSWERS[asked.purpose](user, asked)
