"""Three hundred who send half of something leave the site to everybody else."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from statistics import median

import pytest

from tests.served.site import Site

HEAD = "GET /login HTTP/1.1\r\nHost: localhost\r\nX-Never: en"
BODY = (
    "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    "Content-Length: 2000\r\n\r\nemail=slowly"
)
AT_ONCE = 300


def one_address(_: int) -> str:
    return "127.0.7.1"


def many_addresses(number: int) -> str:
    return f"127.0.8.{1 + number % 150}"


@contextmanager
def half_sent(site: Site, text: str, address: Callable[[int], str]) -> Iterator[None]:
    with ExitStack() as stack:
        for number in range(AT_ONCE):
            sender = socket.create_connection(("127.0.0.1", site.port), 10, source_address=(address(number), 0))
            stack.enter_context(sender).sendall(text.encode())
        yield


@pytest.mark.parametrize("text", [HEAD, BODY], ids=["heads", "bodies"])
@pytest.mark.parametrize("address", [one_address, many_addresses])
def test_half_sent_requests_leave_the_pages_answering(site: Site, text: str, address: Callable[[int], str]) -> None:
    with half_sent(site, text, address):
        answers = [site.visitor().get("/login") for _ in range(20)]
    assert {answer.status for answer in answers} == {200}
    assert median(answer.seconds for answer in answers) < 0.5
    assert max(answer.seconds for answer in answers) < 3


def test_others_sign_in_while_one_address_sends_half_forms(site: Site) -> None:
    ada = site.visitor("127.0.9.1")
    ada.register("ada@example.org")
    with half_sent(site, BODY, one_address):
        answer = ada.sign_in("ada@example.org")
    assert answer.status == 303
    assert answer.seconds < 3
