"""In no 60 seconds do more than five attempts of one address reach the password check, whichever process is asked."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.served.site import GUNICORN, Site, served
from tests.served.visitor import statuses
from tests.watching import until


def stormed(address: str, *sites: Site, times: int = 200, fields: Callable[[int], dict[str, Any]]) -> tuple[Any, int]:
    """How that many attempts at once over these sites were answered, and how many passwords they cost."""
    before = sum(site.count() for site in sites)
    storm = sites[0].visitor(address).storm(times, lambda n: {"port": sites[n % len(sites)].port, **fields(n)})
    return statuses(storm), sum(site.count() for site in sites) - before


def test_of_two_hundred_attempts_at_once_five_reach_the_password(site: Site) -> None:
    until(lambda: len(site.listening()) == 2)
    assert stormed("127.1.1.1", site, fields=lambda _: {}) == ({401: 5, 429: 195}, 5)
    assert len(site.workers()) == 2


def test_another_email_for_each_attempt_does_not_help(site: Site) -> None:
    found = stormed("127.1.2.1", site, fields=lambda n: {"email": f"guess{n}@example.org"})
    assert found == ({401: 5, 429: 195}, 5)


@pytest.mark.parametrize(
    ("address", "header", "value"),
    [
        ("127.2.1.1", "X-Forwarded-For", "198.51.100.{}"),
        ("127.2.2.1", "Forwarded", "for=198.51.100.{}"),
        ("127.2.3.1", "X-Real-IP", "198.51.100.{}"),
        ("127.2.4.1", "CF-Connecting-IP", "198.51.100.{}"),
    ],
)
def test_a_forged_header_is_not_a_new_address(site: Site, address: str, header: str, value: str) -> None:
    def forged(number: int) -> dict[str, Any]:
        return {"email": f"{header}{number}@example.org", "headers": {header: value.format(number)}}

    assert stormed(address, site, times=50, fields=forged) == ({401: 5, 429: 45}, 5)


def test_the_refused_learn_when_to_come_back_and_cost_nothing(site: Site) -> None:
    visitor = site.visitor("127.0.1.3")
    visitor.storm(5, lambda n: {"email": f"costly{n}@example.org"})
    before = site.count()
    refused = visitor.sign_in("anyone@example.org")
    assert refused.status == 429
    assert 50 <= int(refused.headers["Retry-After"]) <= 60
    assert site.count() == before


def test_two_sites_share_the_limit_through_one_redis(folder: Path, redis: object, redis_url: str) -> None:
    with served(folder, redis_url=redis_url) as one, served(folder, redis_url=redis_url) as two:
        found = stormed("127.1.4.1", one, two, fields=lambda n: {"email": f"shared{n}@example.org"})
        assert found == ({401: 5, 429: 195}, 5)


def test_gunicorn_keeps_the_limit_too(folder: Path) -> None:
    with served(folder, GUNICORN) as site:
        # The worker that misses the site's own server starts it.
        site.visitor("127.0.3.1").sign_in("somebody@example.org")
        until(lambda: site.health() == (200, "ok"))
        found = stormed("127.1.5.1", site, fields=lambda n: {"email": f"threaded{n}@example.org"})
        assert found == ({401: 5, 429: 195}, 5)
