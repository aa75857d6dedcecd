"""What the site promises while its Redis refuses, hangs, or starts anew."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.served.conftest import RedisServer
from tests.served.site import Site, served
from tests.served.visitor import statuses
from tests.watching import until

ADA = "ada@example.org"


@pytest.fixture
def site(folder: Path, redis_server: RedisServer) -> Iterator[Site]:
    """A site on a redis-server, where Ada has an account."""
    with served(folder, redis_url=redis_server.url) as site:
        assert site.visitor().register(ADA).status == 303
        yield site


@pytest.fixture(params=["refuses", "hangs"])
def away(request: pytest.FixtureRequest, site: Site, redis_server: RedisServer) -> Iterator[None]:
    """Redis is gone, or is there and silent."""
    if request.param == "refuses":
        redis_server.end()
    else:
        redis_server.hang()
    yield
    redis_server.go_on()
    if request.param == "refuses":
        redis_server.start()


@pytest.mark.usefixtures("away")
def test_people_sign_in_without_a_long_wait(site: Site) -> None:
    answers = [site.visitor(f"127.0.4.{n}").sign_in(ADA) for n in range(1, 9)]
    assert statuses(answers) == {303: 8}
    assert max(answer.seconds for answer in answers) < 1


@pytest.mark.usefixtures("away")
def test_nobody_gets_more_attempts_than_with_it(site: Site) -> None:
    """Exactly as many, whichever of the two workers is asked."""
    found = statuses(site.visitor().storm(100, lambda n: {"email": f"guess{n}@example.org"}))
    assert found == {401: 5, 429: 95}
    assert site.count() - 1 == 5
    assert len(site.workers()) == 2


@pytest.mark.parametrize("how", ["end", "hang"])
@pytest.mark.parametrize("after", [0.05, 0.15, 0.3])
def test_nobody_gets_more_when_it_goes_in_the_midst(
    site: Site, redis_server: RedisServer, how: str, after: float
) -> None:
    """What Redis lets in with its last breath, and what the journal lets in, are five together."""
    going = threading.Timer(after, getattr(redis_server, how))
    going.start()
    found = statuses(site.visitor().storm(200, lambda n: {"email": f"guess{n}@example.org"}))
    going.join()
    assert found == {401: 5, 429: 195}
    assert site.count() - 1 == 5
    assert statuses([site.visitor().sign_in(ADA) for _ in range(4)]) == {429: 4}


@pytest.mark.usefixtures("away")
def test_the_monitor_and_the_log_hear_of_it(site: Site) -> None:
    assert site.health() == (503, "degraded")
    site.visitor().sign_in(ADA)
    until(lambda: "degraded" in site.said)


@pytest.mark.parametrize("how", ["ended", "hung"])
def test_it_comes_back_by_itself_and_what_was_used_up_stays_so(site: Site, redis_server: RedisServer, how: str) -> None:
    visitor = site.visitor()
    assert statuses(visitor.storm(20, lambda _: {"email": ADA})) == {401: 5, 429: 15}
    redis_server.hang() if how == "hung" else redis_server.end()
    assert statuses(visitor.storm(20, lambda _: {"email": ADA})) == {429: 20}
    assert site.health() == (503, "degraded")
    redis_server.go_on() if how == "hung" else redis_server.start()
    until(lambda: site.health() == (200, "ok"))
    assert [visitor.sign_in(ADA).status for _ in range(6)] == [429] * 6
    assert site.visitor("127.0.5.1").sign_in(ADA).status == 303
