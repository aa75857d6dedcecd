"""Real parts for every test: a Redis-protocol server, a migrated database, the site, and people."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import flask_migrate
import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from jinja2 import FileSystemBytecodeCache
from redis import Redis
from werkzeug.routing import Rule

from netflix import create_app, embedded
from netflix.accounts import hashing, screening
from netflix.accounts.registration import create
from netflix.config import Config
from netflix.extensions import db
from netflix.mail.courier import Courier
from netflix.orders import Orders
from tests.people import PASSWORD, Browser, Letters

# What `build` answers: a site with some settings changed.
Build = Callable[..., Flask]
KEY = "a key for tests that nobody else has and of enough characters"


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: a third of the time browsers and servers are waited for."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(scope="session")
def short_folder() -> Iterator[Path]:
    """Short enough for a unix socket's path."""
    folder = Path(tempfile.mkdtemp(prefix="nf-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def _templates_are_compiled_once(short_folder: Path) -> Iterator[None]:
    """Every test has a site of its own; their templates are the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(Flask.jinja_options, "bytecode_cache", FileSystemBytecodeCache(str(short_folder)))
        yield


@pytest.fixture(scope="session", autouse=True)
def _addresses_are_compiled_once() -> Iterator[None]:
    """As with templates: werkzeug compiles how each is built, a third of what it takes to make a site."""
    compiled, true = {}, Rule._compile_builder

    def compile_builder(self: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        key = (*self._trace, repr(self.defaults), append_unknown)
        if key not in compiled:
            compiled[key] = true(self, append_unknown)
        return compiled[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", compile_builder)
        yield


@pytest.fixture(scope="session", autouse=True)
def _mails_wait_until_they_are_asked_for() -> Iterator[None]:
    """No thread works beside a test; `letters` delivers. Sites that are served have theirs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Courier, "start", lambda _: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def _orders_wait_until_they_are_looked_for() -> Iterator[None]:
    """As with mails: a test says when, by `orders_hold`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Orders, "start", lambda _: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def _hashing_does_not_step_aside() -> Iterator[None]:
    """It would, for all the other tests that run just then."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hashing, "step_aside", lambda: None)
        yield


@pytest.fixture(scope="session")
def redis_url(short_folder: Path) -> Iterator[str]:
    """The address of the site's own server, started for this test process."""
    config = Config(instance=short_folder).completed()
    with embedded.running(config):
        yield config.redis_url


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    """A client of an empty server."""
    client = Redis.from_url(redis_url)
    client.flushall()
    yield client
    client.close()


@pytest.fixture(scope="session")
def migrated(short_folder: Path) -> Path:
    """An SQLite file at head, to be copied."""
    path = short_folder / "migrated.db"
    app = create_app(Config(instance=short_folder, database_url=f"sqlite:///{path}").completed())
    with app.app_context():
        flask_migrate.upgrade()
        db.session.remove()
        db.engine.dispose()
    return path


@pytest.fixture(scope="session")
def common(short_folder: Path) -> Path:
    """The list of common passwords, to be copied: a site makes it in a fifth of a second."""
    with create_app(Config(instance=short_folder).completed()).app_context():
        screening.common()
        return screening.common_path()


@pytest.fixture
def config(tmp_path: Path, migrated: Path, common: Path, redis: Redis, redis_url: str) -> Config:
    """Cheap hashes, an empty database at head, and empty counters."""
    shutil.copy(migrated, tmp_path / "netflix.db")
    shutil.copy(common, tmp_path)
    return Config(
        secret_key=(KEY,), password_key=KEY, instance=tmp_path, redis_url=redis_url, bcrypt_rounds=4
    ).completed()


@pytest.fixture
def app(config: Config) -> Iterator[Flask]:
    app = create_app(config)
    app.testing = True
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    app.extensions["netflix-counters"].redis.close()


@pytest.fixture
def build(config: Config) -> Iterator[Callable[..., Flask]]:
    """Another site on the same database: `build(bcrypt_rounds=5)`."""
    built = []

    def site(**changes: object) -> Flask:
        built.append(create_app(replace(config, **changes)))  # type: ignore[arg-type]
        built[-1].testing = True
        return built[-1]

    yield site
    for app in built:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()
        app.extensions["netflix-counters"].redis.close()


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch, redis: Redis) -> Callable[[timedelta], None]:
    """Time passes, at once: for the site's clock, and for the attempts that Redis holds."""
    passed = timedelta()

    def pass_by(time: timedelta) -> None:
        nonlocal passed
        passed += time
        monkeypatch.setattr("netflix.clock.now", lambda: datetime.now(UTC) + passed)
        for key in redis.scan_iter("netflix:limits:*"):
            stamps = [int(stamp) - int(time.total_seconds() * 1_000_000) for stamp in redis.lrange(key, 0, -1)]
            lasts = redis.pttl(key)
            redis.delete(key)
            if (left := lasts - int(time.total_seconds() * 1000)) > 0:
                redis.rpush(key, *stamps)
                redis.pexpire(key, left)

    return pass_by


@pytest.fixture
def browser(app: Flask) -> Browser:
    """Somebody's browser, not signed in."""
    return Browser(app)


@pytest.fixture
def letters(app: Flask) -> Letters:
    """The post: `letters()` delivers what waits, and answers what came since it was last asked, the oldest first."""
    return Letters(app)


@pytest.fixture
def orders_hold(app: Flask) -> Callable[[], None]:
    """What was ordered is known to the site: `orders_hold()`."""

    def look() -> None:
        with app.app_context():
            app.extensions["netflix-orders"].look()

    return look


@pytest.fixture
def admin(app: Flask) -> FlaskCliRunner:
    """The terminal: `admin.invoke(main, ["users", "list"])`."""
    return app.test_cli_runner()


@pytest.fixture
def ada(app: Flask) -> str:
    """A member; her e-mail."""
    with app.app_context():
        return create("ada@example.org", PASSWORD).email


@pytest.fixture
def known(app: Flask, browser: Browser, ada: str) -> Browser:
    """A browser in which Ada has signed in, and out again."""
    browser.sign_in(ada)
    browser.sign_out()
    return browser


@pytest.fixture
def grace(app: Flask) -> str:
    """An administrator; her e-mail."""
    with app.app_context():
        return create("grace@example.org", PASSWORD, is_admin=True).email
