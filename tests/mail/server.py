"""A real mail server of the tests' own, in a thread, that may misbehave."""

import asyncio
import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

USER, PASSWORD = "netflix", "p@ss/word"


class MailServer:
    """`recipients` and `answers` are what the next ones and the next mails are told; then all are taken.

    While it `hangs` a mail gets no answer, and when it `drops` none but a broken connection.
    """

    def __init__(self, certificate: Path | None = None, signs_in: bool = False) -> None:
        self.taken: list[tuple[str, EmailMessage]] = []
        self.answers: list[str] = []
        self.recipients: list[str] = []
        self.hangs = threading.Event()
        self.reached = threading.Event()
        self.drops = False
        self.certificate = certificate
        self.signs_in = signs_in
        self.port = 0

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def subjects(self) -> list[str]:
        return [str(letter["Subject"]) for _, letter in self.taken]

    async def handle_RCPT(  # noqa: N802  (aiosmtpd's name)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.recipients:
            return self.recipients.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.reached.set()
        if self.drops:
            cast(asyncio.Transport, server.transport).abort()
            return "250 OK"
        while self.hangs.is_set():
            await asyncio.sleep(0.01)
        if self.answers:
            return self.answers.pop(0)
        letter = cast(EmailMessage, message_from_bytes(cast(bytes, envelope.content), policy=default))
        self.taken.append((envelope.rcpt_tos[0], letter))
        return "250 OK"

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, kind: str, data: Any) -> AuthResult:
        right = LoginPassword(USER.encode(), PASSWORD.encode())
        return AuthResult(success=data == right)

    @contextmanager
    def running(self, port: int = 0) -> Iterator["MailServer"]:
        more: dict[str, Any] = {}
        if self.certificate:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(self.certificate)
            more = {"tls_context": context, "require_starttls": True}
        if self.signs_in:
            more |= {"authenticator": self.authenticate, "auth_require_tls": False}
        controller = Controller(self, "127.0.0.1", port or free_port(), enable_SMTPUTF8=False, **more)
        controller.start()
        self.port = controller.port
        try:
            yield self
        finally:
            self.hangs.clear()
            controller.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def self_made(path: Path) -> Path:
    """A certificate for 127.0.0.1 that nobody vouches for, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a mail server of the tests")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + made.public_bytes(encoding))
    return path


@contextmanager
def silent() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield int(server.getsockname()[1])
