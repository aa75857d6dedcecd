"""How a mail leaves: by SMTP, or in development as a file. Loaded with the first one; see `delivery`."""

import logging
import os
import re
import smtplib
import ssl
from contextlib import suppress
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from netflix.config import NAME, Config, is_loopback
from netflix.errors import MailNotTaken, MailServerUnavailable, NotSent
from netflix.mail.outbox import Mail

log = logging.getLogger("netflix.mail")

# Seconds, for each step of a conversation. A lease is longer than all of them.
PATIENCE = 8
PLAIN = "Choose another user name or password there, and set NETFLIX_MAIL_URL anew."
# A link stays on one line (RFC 5322 2.1.1 allows 998); letters beyond ASCII are spelt so that any server takes them.
FORM = SMTP.clone(max_line_length=998, cte_type="7bit")


class Carrier(Protocol):
    """Who takes mails along; `send` raises NotSent."""

    def send(self, mail: Mail) -> None: ...

    def close(self) -> None: ...


def opened(config: Config) -> Carrier:
    """Raises MailServerUnavailable."""
    return Server(config) if config.mail_url else Folder(config)


def address(text: str) -> Address:
    """An address as a header and an envelope take it: no sign in it means anything to them. Raises MailNotTaken.

    (ASVS 5.0 1.3.11)
    """
    name, _, domain = text.rpartition("@")
    with suppress(UnicodeError):
        # Where the older rules of international names mean another domain (RFC 5895), that would get the link.
        if (plain := domain.lower().encode("idna").decode()).encode().decode("idna") == domain.lower():
            domain = plain
    if not re.fullmatch(r"[^\s@<>\"\\]+", name) or not re.fullmatch(r"[\w.-]+|\[[0-9A-Za-z.:]+\]", domain):
        raise MailNotTaken(f"'{text}' is no address that mail can be sent to.", "")
    try:
        return Address(username=name, domain=domain)
    except (ValueError, UnicodeError) as error:
        raise MailNotTaken(f"'{text}' is no address that mail can be sent to.", "") from error


def message(mail: Mail, config: Config) -> EmailMessage:
    """Raises MailNotTaken."""
    written = EmailMessage(FORM)
    written["From"] = Address(NAME, addr_spec=config.sender)
    written["To"] = address(mail.recipient)
    written["Subject"] = mail.subject
    written["Date"] = format_datetime(mail.created_at)
    written["Message-ID"] = f"<{mail.mark}@{config.sender.rpartition('@')[2]}>"
    # RFC 3834: nobody's holiday reply comes back.
    written["Auto-Submitted"] = "auto-generated"
    written.set_content(mail.text)
    return written


class Server:
    """A conversation with the mail server. TLS, with a certificate that is checked, unless it is on this machine."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.smtp = connected(config)
        url = urlsplit(config.mail_url)
        try:
            if url.scheme == "smtp" and not is_loopback(url.hostname or ""):
                self.smtp.starttls(context=ssl.create_default_context())
            if url.username:
                self.smtp.login(unquote(url.username), unquote(url.password or ""))
        except UnicodeError:
            self.smtp.close()
            # What it says has a letter of the password.
            raise MailServerUnavailable("The mail server is signed in to with letters of ASCII alone.", PLAIN) from None
        except OSError as error:
            self.smtp.close()
            raise unavailable(error) from error

    def send(self, mail: Mail) -> None:
        to = address(mail.recipient).addr_spec
        try:
            written = message(mail, self.config)
            self.smtp.send_message(written, self.config.sender, [to])
        except smtplib.SMTPRecipientsRefused as error:
            code, reason = error.recipients[to]
            raise refused(code, reason) from error
        except smtplib.SMTPDataError as error:
            raise refused(error.smtp_code, error.smtp_error) from error
        except smtplib.SMTPNotSupportedError as error:
            raise MailNotTaken("The mail server takes plain addresses only (it has no SMTPUTF8).", "") from error
        except ValueError as error:
            raise MailNotTaken(f"It cannot be written as a mail: {error}.", "") from error
        except OSError as error:
            raise unavailable(error) from error

    def close(self) -> None:
        with suppress(OSError):
            self.smtp.quit()
        self.smtp.close()


def connected(config: Config) -> smtplib.SMTP:
    """Raises MailServerUnavailable."""
    url = urlsplit(config.mail_url)
    # Its own name is given: to look it up may take longer than all the rest.
    own = config.sender.rpartition("@")[2]
    try:
        if url.scheme == "smtps":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(url.hostname or "", url.port or 465, own, timeout=PATIENCE, context=context)
        return smtplib.SMTP(url.hostname or "", url.port or 587, own, timeout=PATIENCE)
    except (OSError, UnicodeError) as error:
        raise unavailable(error) from error


def refused(code: int, reason: bytes | str) -> NotSent:
    """RFC 5321 4.2.1: 4xx may be taken later, 5xx will not; with 421 the server leaves."""
    kind = MailServerUnavailable if code == 421 else NotSent if code < 500 else MailNotTaken
    return kind(f"The mail server said: {code} {plain(reason)}")


def unavailable(error: Exception) -> MailServerUnavailable:
    """What stands between us and any mail at all; the sender's being refused, too."""
    if isinstance(error, smtplib.SMTPResponseException):
        return MailServerUnavailable(f"The mail server said: {error.smtp_code} {plain(error.smtp_error)}")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return MailServerUnavailable(
            "The mail server has no STARTTLS or no way to sign in, and is not on this machine."
        )
    reason = plain(getattr(error, "strerror", None) or str(error) or type(error).__name__)
    return MailServerUnavailable(f"The mail server does not answer as it should: {reason.rstrip('.')}.")


def plain(reason: bytes | str) -> str:
    text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else reason
    return " ".join(text.split())


class Folder:
    """Where there is no mail server, in development: a file for each mail, which the log names."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.folder = config.instance / "mail"

    def send(self, mail: Mail) -> None:
        content = message(mail, self.config).as_bytes(policy=FORM.clone(linesep="\n"))
        path = self.folder / f"{mail.created_at:%Y%m%d-%H%M%S}-{mail.mark[:8]}.eml"
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            put(path, content)
        except OSError as error:
            raise MailServerUnavailable(f"'{path}' cannot be written ({error.strerror}).") from error
        log.info("a mail is in %s", path)

    def close(self) -> None:
        """Nothing is open."""


def put(path: Path, content: bytes) -> None:
    """Whole or not at all, and for its owner alone."""
    draft = path.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    draft.replace(path)
