"""At the door: whoever comes from a banned network is told so, and whom to ask, before anything else is done."""

import math
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from flask import Flask

from netflix import clock, door, headers
from netflix.bans.table import Table
from netflix.config import Config
from netflix.errors import Banned
from netflix.orders import Orders
from netflix.prerendered import Prerendered


class Guard:
    """WSGI middleware, to stand where the address is known that the trusted proxies vouch for.

    Nothing is let through: no page, no file, no monitor. The answer needs no other file.
    """

    def __init__(self, inner: Callable[..., Iterable[bytes]], app: Flask, orders: Orders, table: Table) -> None:
        config: Config = app.extensions["netflix-config"]
        self.inner = inner
        self.orders = orders
        self.table = table
        self.contact = config.contact
        template = app.jinja_env.get_template("bans/banned.html")
        self.pages = {
            for_good: Prerendered(partial(rendered, template.render, config.contact, for_good), "until", "address")
            for for_good in (True, False)
        }
        self.policy = (headers.POLICY[0], headers.alone(self.pages[True].text))

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.orders.start()
        until = self.table.until(environ["REMOTE_ADDR"])
        if until is None:
            return self.inner(environ, start_response)
        address = environ["REMOTE_ADDR"]
        told = "" if until == math.inf else clock.told(datetime.fromtimestamp(until, UTC))

        def start(status: str, answered: list[tuple[str, str]]) -> Any:
            return start_response(status, [*answered, self.policy])

        page = partial(self.pages[not told].filled, until=told, address=address)
        content = door.answer(environ, start, Banned(told, self.contact, address), page)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else content


def rendered(render: Callable[..., str], contact: str, for_good: bool, marks: dict[str, str]) -> str:
    return render(refusal=Banned("" if for_good else marks["until"], contact, marks["address"]))
