"""Slow senders, as far as one process shows it; the served site is in tests/served."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

import pytest
from flask import Flask

from netflix import bodies
from tests.people import Browser
from tests.watching import until


class Endless:
    """A body that never comes: to read it is to be held for ever."""

    def read(self, _: int = -1) -> bytes:
        raise AssertionError("somebody waits for this body")

    readline = readlines = __iter__ = read


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("path", ["/login", "/register", "/recover/", "/healthz", "/nowhere"])
def test_nobody_waits_for_the_body_of_a_page_view(app: Flask, method: str, path: str) -> None:
    environ = {"CONTENT_LENGTH": "9", "CONTENT_TYPE": "application/x-www-form-urlencoded", "wsgi.input": Endless()}
    assert app.test_client().open(path, method=method, environ_overrides=environ).status_code < 500


def test_a_method_in_small_letters_is_sent_no_less(app: Flask) -> None:
    environ = {"REQUEST_METHOD": "post", "CONTENT_LENGTH": "9", "wsgi.input": Endless()}
    with pytest.raises(AssertionError, match="waits for this body"):
        app.test_client().get("/login", environ_overrides=environ)


class Slow(BytesIO):
    """A body that is under way until the event is set."""

    def __init__(self, go: threading.Event) -> None:
        super().__init__(b"")
        self.go = go

    def read(self, size: int | None = -1) -> bytes:
        self.go.wait(30)
        return b""


@contextmanager
def under_way(app: Flask, addresses: list[str]) -> Iterator[list[int]]:
    """Bodies that do not arrive, one from each address; gives the statuses of those that were answered."""
    go, told = threading.Event(), []

    def send(address: str) -> None:
        overrides = {"wsgi.input": Slow(go), "CONTENT_LENGTH": "100"}
        sent = Browser(app, address).client.open(
            "/login", method="POST", environ_base={"REMOTE_ADDR": address}, environ_overrides=overrides
        )
        told.append(sent.status_code)

    crowd = [threading.Thread(target=send, args=(address,)) for address in addresses]
    for one in crowd:
        one.start()
    yield told
    go.set()
    for one in crowd:
        one.join()


@pytest.fixture(autouse=True)
def _nobody_waits_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PATIENCE", 0.02)


def test_slow_senders_of_one_address_hold_only_their_share(
    app: Flask, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "OF_ONE_ADDRESS", 3)
    with under_way(app, ["192.0.2.10"] * 5) as told:
        until(lambda: told.count(503) == 2)
        assert Browser(app, "198.51.100.1").sign_in(ada).status_code == 303
        assert Browser(app).get("/login").status_code == 200
    assert sorted(told) == [400] * 3 + [503] * 2
    assert Browser(app).sign_in(ada).status_code == 303


def test_slow_senders_of_many_addresses_hold_only_a_part(app: Flask, ada: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "AT_ONCE", 3)
    with under_way(app, [f"192.0.2.{n}" for n in range(5)]) as told:
        until(lambda: told.count(503) == 2)
        assert Browser(app).get("/login").status_code == 200
    assert sorted(told) == [400] * 3 + [503] * 2
    assert Browser(app).sign_in(ada).status_code == 303


def test_no_more_wait_than_there_are_threads_for(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PATIENCE", 30)
    monkeypatch.setattr(bodies, "OF_ONE_ADDRESS", 1)
    monkeypatch.setattr(bodies, "WAITING", 2)
    with under_way(app, ["192.0.2.10"] * 5) as told:
        # One is being read, two wait, and two are told at once.
        until(lambda: told == [503, 503])
    assert sorted(told) == [400] * 3 + [503] * 2


@pytest.mark.parametrize("length", ["²", "-1", "9x", "99999999999999999999"])
def test_a_length_that_is_none_is_no_fault_of_ours(app: Flask, length: str) -> None:
    answer = app.test_client().post("/login", environ_overrides={"CONTENT_LENGTH": length, "wsgi.input": BytesIO()})
    assert 400 <= answer.status_code < 500


def test_a_body_that_breaks_off_is_the_sender_s_fault(app: Flask, ada: str) -> None:
    class Broken(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError("reset")

    overrides = {"wsgi.input": Broken(), "CONTENT_LENGTH": "100"}
    assert Browser(app).client.open("/login", method="POST", environ_overrides=overrides).status_code == 400
    assert Browser(app).sign_in(ada).status_code == 303
