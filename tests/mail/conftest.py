"""A mail server, and a site that sends by it."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from tests.conftest import Build
from tests.mail.server import MailServer

Post = Callable[..., None]


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer().running() as server:
        yield server


@pytest.fixture
def site(build: Build, server: MailServer) -> Flask:
    return build(mail_url=server.url, mail_from="films@example.net")
