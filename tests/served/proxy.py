"""A proxy before a site, that does its work well or badly."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.served.visitor import free_port

# What it does with X-Forwarded-For and -Proto.
APPENDS, PASSES, IS_SILENT, FORGETS_THE_SCHEME = "appends", "passes", "is silent", "forgets the scheme"


class Proxy(ThreadingHTTPServer):
    """`drops`, `adds` and `puts` in their place are headers of the answer."""

    daemon_threads = True

    def __init__(self, behind: int, way: str, certificate: Path | None = None) -> None:
        super().__init__(("127.0.0.1", free_port()), Passing)
        self.behind, self.way, self.certificate = behind, way, certificate
        self.drops: set[str] = set()
        self.adds: dict[str, str] = {}
        self.puts: dict[str, str] = {}
        self.keeps_host = True
        if certificate:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)

    @property
    def url(self) -> str:
        return f"{'https' if self.certificate else 'http'}://127.0.0.1:{self.server_port}"


class Passing(BaseHTTPRequestHandler):
    server: Proxy

    def do_GET(self) -> None:
        """Passes it on, and the answer back."""
        way, client = self.server.way, self.client_address[0]
        told = self.headers.get_all("X-Forwarded-For", [])
        connection = HTTPConnection("127.0.0.1", self.server.behind, timeout=10)
        connection.putrequest("GET", self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            mine = name.lower() in ("x-forwarded-for", "x-forwarded-proto")
            if way == PASSES or not (mine or "_" in name):
                own = name == "Host" and not self.server.keeps_host
                connection.putheader(name, "localhost" if own else value)
        if way in (APPENDS, FORGETS_THE_SCHEME):
            connection.putheader("X-Forwarded-For", ", ".join([*told, client]))
        if way == APPENDS or (way == PASSES and "X-Forwarded-Proto" not in self.headers):
            connection.putheader("X-Forwarded-Proto", "https" if self.server.certificate else "http")
        connection.endheaders()
        answer = connection.getresponse()
        self.send_response_only(answer.status)
        dropped = self.server.drops | {name.lower() for name in self.server.puts}
        kept = [(name, value) for name, value in answer.headers.items() if name.lower() not in dropped]
        for name, value in [*kept, *self.server.adds.items(), *self.server.puts.items()]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.read())
        connection.close()

    def log_message(self, format: str, *args: object) -> None:
        """It says nothing."""


@contextmanager
def before(behind: int, way: str, certificate: Path | None = None) -> Iterator[Proxy]:
    with Proxy(behind, way, certificate) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()
