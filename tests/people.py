"""What people do at the site, in the words of the tests."""

import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import cast

from flask import Flask
from werkzeug.test import TestResponse

from netflix.accounts.user import User
from netflix.extensions import db
from netflix.mail import courier
from netflix.signin import recovery

PASSWORD = "seven quiet lanterns"
MALLORY = "198.51.100.66"


def link_for(email: str) -> str:
    """The path of a one-time link, made without forgetting the password; for who is inside the app."""
    link = recovery.issue(User.named(email))
    db.session.commit()
    return f"/recover/{link.token}"


class Letters:
    """The mails of a site in development, as they come."""

    def __init__(self, app: Flask) -> None:
        self.app = app

    def __call__(self) -> list[EmailMessage]:
        with self.app.app_context():
            courier.current().work()
        folder = self.app.extensions["netflix-config"].instance / "mail"
        paths = sorted(folder.glob("*.eml"), key=lambda path: path.stat().st_mtime_ns)
        found = [cast(EmailMessage, message_from_bytes(path.read_bytes(), policy=default)) for path in paths]
        for path in paths:
            path.unlink()
        return found

    def to(self, email: str) -> list[str]:
        """The texts of those to one address."""
        return [letter.get_content() for letter in self() if email in letter["To"]]


def links_in(text: str) -> list[str]:
    """The paths that a mail links to."""
    return re.findall(r"^http://[^/\s]+(/\S*)\r?$", text, re.M)


class Browser:
    """One browser: keeps its cookies, and fills in the form's token as a browser would."""

    def __init__(self, app: Flask, address: str = "192.0.2.10", agent: str = "Mozilla/5.0 (X11; Linux) Firefox/140.0"):
        self.client = app.test_client()
        self.environ = {"REMOTE_ADDR": address, "HTTP_USER_AGENT": agent}

    def get(self, path: str, **more: object) -> TestResponse:
        return self.client.get(path, environ_base=self.environ, **more)  # type: ignore[arg-type]

    def post(self, path: str, form: dict[str, str] | None = None, page: str = "/login", **more: object) -> TestResponse:
        """Sends a form, with the token of `page`, which is opened first."""
        fields = {"csrf_token": self.token(page), **(form or {})}
        return self.client.post(path, data=fields, environ_base=self.environ, **more)  # type: ignore[arg-type]

    def token(self, page: str = "/login") -> str:
        answer = self.get(page, follow_redirects=True)
        found = re.search(r'name="csrf_token" value="([^"]+)"', answer.text)
        assert found, f"no form on {page}: {answer.status}"
        return found[1]

    def register(self, email: str, password: str = PASSWORD) -> TestResponse:
        return self.post("/register", {"email": email, "password": password}, page="/register")

    def sign_in(self, email: str, password: str = PASSWORD, **more: str) -> TestResponse:
        return self.post("/login", {"email": email, "password": password, **more})

    def sign_out(self) -> TestResponse:
        return self.post("/logout", page="/dashboard")
