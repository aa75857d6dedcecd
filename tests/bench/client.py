"""A load from this machine to this machine: plain sockets, bounded in count and time."""

import asyncio
import re
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

AGENT = "User-Agent: Mozilla/5.0 (X11; Linux) Firefox/140.0"
FORM = "Content-Type: application/x-www-form-urlencoded"


def request(path: str, cookie: str = "", form: dict[str, str] | None = None, keep: bool = True) -> bytes:
    body = urlencode(form).encode() if form else b""
    lines = [
        f"{'POST' if form else 'GET'} {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "User-Agent: Firefox/140.0 (X11; Linux)",
    ]
    lines += [f"Cookie: {cookie}"] if cookie else []
    lines += [FORM, f"Content-Length: {len(body)}"] if form else []
    lines += [] if keep else ["Connection: close"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Connection:
    """One kept connection."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 30)
        self.file = self.socket.makefile("rb")

    def ask(self, sent: bytes) -> tuple[int, bytes, bytes]:
        """(status, head, body)."""
        self.socket.sendall(sent)
        head = b""
        while (line := self.file.readline()) not in (b"\r\n", b""):
            head += line
        length = re.search(rb"(?i)content-length: (\d+)", head)
        return int(head.split(b" ", 2)[1]), head, self.file.read(int(length[1]) if length else 0)

    def close(self) -> None:
        self.file.close()
        self.socket.close()


def steady(port: int, sent: bytes, seconds: float, status: int, connections: int = 8) -> int:
    """The same request without pause over kept connections; answers how many were answered."""
    until = time.perf_counter() + seconds

    def one(_: int) -> int:
        connection, count = Connection(port), 0
        while time.perf_counter() < until:
            got = connection.ask(sent)[0]
            assert got == status, f"{sent[:40]!r} was answered {got}, not {status}"
            count += 1
        connection.close()
        return count

    with ThreadPoolExecutor(connections) as pool:
        return sum(pool.map(one, range(connections)))


def entry(port: int) -> tuple[str, str]:
    """A visitor's cookie and form token."""
    connection = Connection(port)
    _, head, page = connection.ask(request("/login"))
    connection.close()
    cookie, token = re.search(rb"(?i)set-cookie: ([^;]+)", head), re.search(rb'csrf_token" value="([^"]+)', page)
    assert cookie
    assert token
    return cookie[1].decode(), token[1].decode()


def sign_in(port: int, email: str, password: str, seen: tuple[str, str]) -> tuple[int, str]:
    """(status, the cookies that were set)."""
    connection = Connection(port)
    form = {"email": email, "password": password, "csrf_token": seen[1]}
    status, head, _ = connection.ask(request("/login", seen[0], form))
    connection.close()
    return status, b"; ".join(re.findall(rb"(?i)set-cookie: ([^;]+)", head)).decode()


async def arrivals(port: int, sent: bytes, rate: float, seconds: float) -> list[float]:
    """Seconds that each request took; they come at their rate whether or not earlier ones were answered."""

    async def one() -> float:
        started = time.perf_counter()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        answer = await reader.read(-1)
        writer.close()
        assert answer.startswith(b"HTTP/1.1 200"), answer[:80]
        return time.perf_counter() - started

    started, tasks = time.perf_counter(), []
    for number in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, started + number / rate - time.perf_counter()))
        tasks.append(asyncio.create_task(one()))
    return list(await asyncio.gather(*tasks))


def half_sent(port: int, sent: bytes, count: int, then: Callable[[], float]) -> float:
    """What `then` answers while `count` connections have sent just this and wait."""
    held = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(count)]
    try:
        for connection in held:
            connection.sendall(sent)
        return then()
    finally:
        for connection in held:
            connection.close()
