"""Sending what waits in the outbox, or telling why not."""

import logging
from importlib import import_module
from types import ModuleType
from typing import NamedTuple

from netflix import clock
from netflix import config as settings
from netflix.errors import Declined, MailNotTaken, MailServerUnavailable, NotFound, NotSent
from netflix.extensions import db
from netflix.mail import outbox
from netflix.mail.outbox import Mail

log = logging.getLogger("netflix.mail")


class Delivered(NamedTuple):
    """How many were sent, and how many not; and whether the server itself was out of order."""

    sent: int = 0
    unsent: int = 0
    is_server_away: bool = False


def transport() -> ModuleType:
    """Loaded with the first mail: `smtplib` and all that writes a message are two megabytes of a worker."""
    return import_module("netflix.mail.transport")


def deliver() -> Delivered:
    """Sends what is due, over one connection; when the server is away the rest waits for the next time."""
    done = Delivered()
    carrier = None
    try:
        while mail := claimed():
            try:
                carrier = carrier or transport().opened(settings.current())
                carrier.send(mail)
            except MailServerUnavailable as failure:
                end(mail, failure)
                return done._replace(unsent=done.unsent + 1, is_server_away=True)
            except NotSent as failure:
                end(mail, failure)
                done = done._replace(unsent=done.unsent + 1)
            else:
                end(mail)
                done = done._replace(sent=done.sent + 1)
    finally:
        if carrier:
            carrier.close()
    return done


def claimed() -> Mail | None:
    """The next one that is due; others leave it alone for a while."""
    now = clock.now()
    due = Mail.next_due()
    if due is None or due > now:
        db.session.rollback()
        return None
    Mail.end_expired(now)
    mail = Mail.claimed(now)
    # No connection to the database is held while a mail server is waited for.
    db.session.commit()
    return mail


def end(mail: Mail, failure: NotSent | None = None) -> None:
    """What was sent is deleted, with the link in it. The log tells the number alone: the words name the address."""
    if failure is None:
        mail.remove()
    elif isinstance(failure, MailNotTaken):
        log.warning("mail %d was refused for good; see `netflix-admin mail list`", mail.id)
        mail.give_up(failure.sentence)
    else:
        log.warning("mail %d was not sent and is tried again; see `netflix-admin mail list`", mail.id)
        mail.put_off(clock.now(), failure.sentence)
    db.session.commit()


def retry(number: int) -> None:
    """Makes a mail due now, for as long as a new one. Raises NotFound or Declined."""
    mail = db.session.get(Mail, number, populate_existing=True)
    if mail is None:
        raise NotFound(f"There is no mail {number}.", "See `netflix-admin mail list`.")
    now = clock.now()
    if mail.has_link and (not mail.text or mail.good_until <= now):
        raise Declined(f"The link in mail {number} is no longer good.", "The person has to ask for a new one.")
    if not mail.has_link:
        mail.good_until = now + Mail.KEPT_TRYING
    mail.due_at, mail.attempts, mail.error = now, 0, ""
    db.session.commit()


def check_on() -> None:
    """Raises Declined."""
    if not outbox.is_on():
        raise Declined("This site sends no mail.", "Set NETFLIX_MAIL_URL, for the site and for the terminal.")


def try_out(to: str) -> bool:
    """Sends a mail to somebody at once, past the outbox; answers whether to a server, or else into a file.

    Raises NotSent, or Declined where mail is off.
    """
    check_on()
    mail = outbox.written(to, "test")
    carrier = transport().opened(settings.current())
    try:
        carrier.send(mail)
    finally:
        carrier.close()
    return bool(settings.current().mail_url)
