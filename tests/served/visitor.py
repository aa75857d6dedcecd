"""Somebody who visits a served site: real connections, cookies, and the forms' tokens."""

import random
import re
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPConnection, HTTPMessage
from http.cookies import SimpleCookie
from threading import Barrier
from typing import Any, NamedTuple
from urllib.parse import urlencode

from tests.people import PASSWORD

FORM = "application/x-www-form-urlencoded"


class Answer(NamedTuple):
    """What came back, and after how many seconds."""

    status: int
    headers: HTTPMessage
    text: str
    seconds: float


class Visitor:
    """One browser at one address of the loopback network; a connection for each request, so that any worker answers."""

    def __init__(self, port: int, address: str = "127.0.0.1") -> None:
        self.port, self.address = port, address
        self.cookies: dict[str, str] = {}

    def twin(self) -> "Visitor":
        """Another one who has got hold of the cookies."""
        other = Visitor(self.port, self.address)
        other.cookies = dict(self.cookies)
        return other

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, fields: dict[str, str], headers: dict[str, str] | None = None) -> Answer:
        return self.ask("POST", path, urlencode(fields), {"Content-Type": FORM, **(headers or {})})

    def ask(self, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None) -> Answer:
        began = time.monotonic()
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30, source_address=(self.address, 0))
        try:
            cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
            connection.request(method, path, body, {**cookie, "Connection": "close", **(headers or {})})
            response = connection.getresponse()
            answer = Answer(response.status, response.msg, response.read().decode(), time.monotonic() - began)
        finally:
            connection.close()
        for line in answer.headers.get_all("Set-Cookie", []):
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
        return answer

    def token(self, page: str = "/login") -> str:
        answer = self.get(page)
        found = re.search(r'name="csrf_token" value="([^"]+)"', answer.text)
        assert found, f"no form on {page}: {answer.status} {answer.text[:200]}"
        return found[1]

    def send(self, page: str, path: str | None = None, **fields: str) -> Answer:
        """Opens a page and sends its form."""
        return self.post(path or page, {"csrf_token": self.token(page), **fields})

    def register(self, email: str, password: str = PASSWORD) -> Answer:
        return self.send("/register", email=email, password=password)

    def sign_in(self, email: str, password: str = PASSWORD) -> Answer:
        return self.send("/login", email=email, password=password)

    def sign_out(self) -> Answer:
        return self.send("/dashboard", "/logout")

    def storm(self, times: int, fields: Callable[[int], dict[str, Any]]) -> list[Answer]:
        """As many wrong attempts, all sent at the same moment; `fields` may hold `headers` and `port` too."""
        token = self.token()
        together = Barrier(times)

        def attempt(number: int) -> Answer:
            form = {"email": f"nobody@{self.address}.example.org", **fields(number)}
            headers = form.pop("headers", None)
            twin = self.twin()
            twin.port = form.pop("port", self.port)
            together.wait(30)
            return twin.post("/login", {"csrf_token": token, "password": "not the password", **form}, headers)

        with ThreadPoolExecutor(times) as pool:
            return list(pool.map(attempt, range(times)))


def statuses(answers: list[Answer]) -> dict[int, int]:
    """How many answers there were of each status."""
    found = [answer.status for answer in answers]
    return {status: found.count(status) for status in sorted(set(found))}


def free_port() -> int:
    """Below the ports that the kernel gives to clients: one who calls there too early would be joined to himself."""
    while True:
        port = random.randrange(10_000, 30_000)  # noqa: S311
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
