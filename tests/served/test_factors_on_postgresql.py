"""Codes and passkeys on PostgreSQL, where several write at once."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from redis import Redis

from netflix.accounts.registration import create
from netflix.extensions import db
from tests.factors.app import second, set_up
from tests.factors.authenticator import Authenticator, add, options, send
from tests.people import PASSWORD, Browser
from tests.served.postgresql import PostgreSQL
from tests.served.test_postgresql import migrated, server

__all__ = ["server"]


def test_what_is_good_once_lets_one_of_many_in(
    server: PostgreSQL, tmp_path: Path, redis: Redis, redis_url: str
) -> None:
    app = migrated(server.fresh("once"), tmp_path, redis_url=redis_url, bcrypt_rounds=4)
    ada, device, email = Browser(app), Authenticator(counts=0), "ada@example.org"
    with app.app_context():
        create(email, PASSWORD)
    ada.sign_in(email)
    assert add(ada, device).status_code == 200
    phone = set_up(ada)

    def at_once(code: str) -> list[int]:
        browsers = [Browser(app) for _ in range(4)]
        for browser in browsers:
            browser.sign_in(email)
            browser.token("/login/second")
        with ThreadPoolExecutor(4) as pool:
            return sorted(pool.map(lambda one: second(one, code).status_code, browsers))

    # Of the step after the one that turned it on.
    assert at_once(phone.code(1)) == [303, 422, 422, 422]
    redis.flushall()
    assert at_once(phone.spare[0]) == [303, 422, 422, 422]
    first = Browser(app)
    body = {"credential": device.use(options(first, "/login/passkey"))}
    cookie = first.client.get_cookie("session")
    twins = [Browser(app) for _ in range(3)]
    for twin in twins:
        twin.client.set_cookie("session", cookie.value)  # type: ignore[union-attr]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda one: send(one, "/login/passkey", body).status_code, [first, *twins]))
    assert sorted(answers) == [200, 422, 422, 422]
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    app.extensions["netflix-counters"].redis.close()
