"""What the doctor finds at a site that is served, by itself and behind proxies good and bad."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskCliRunner

from cli import main
from tests.cli.conftest import Run
from tests.mail.server import self_made
from tests.served import proxy
from tests.served.proxy import Proxy
from tests.served.site import Site, served


@pytest.fixture
def run(admin: FlaskCliRunner) -> Run:
    return lambda *words: admin.invoke(main, words)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """For 127.0.0.1, and for as long as these tests run this process believes it."""
    path = self_made(tmp_path_factory.mktemp("certificate") / "certificate.pem")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(path))
        yield path


@pytest.fixture(scope="module")
def alone(migrated: Path, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site that trusts no proxy."""
    with served(folder(migrated, tmp_path_factory), redis_url=redis_url) as site:
        yield site


@pytest.fixture(scope="module")
def trusting(migrated: Path, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site that trusts the proxy before it, and has a name."""
    settings: dict[str, Any] = {
        "redis_url": redis_url,
        "trusted_proxies": "127.0.0.1/32",
        "url": "https://films.example.org",
    }
    with served(folder(migrated, tmp_path_factory), **settings) as site:
        yield site


def folder(migrated: Path, factory: pytest.TempPathFactory) -> Path:
    path = factory.mktemp("site")
    (path / "netflix.db").write_bytes(migrated.read_bytes())
    return path


@pytest.fixture
def found(run: Run) -> Callable[..., tuple[int, dict[str, str]]]:
    """The exit code, and the checks that are not ok, each with its sentence."""

    def look(*words: str) -> tuple[int, dict[str, str]]:
        told = run(*words, "--format", "json")
        assert told.stdout, told.stderr
        rows = [row for row in json.loads(told.stdout) if row["state"] != "ok"]
        return told.exit_code, {row["check"]: row["found"] for row in rows}

    return look


Found = Callable[..., tuple[int, dict[str, str]]]
# What the doctor looks at from outside.
OUTSIDE = {"site", "headers", "cookies", "https", "host", "server"}


def outside(told: tuple[int, dict[str, str]]) -> dict[str, str]:
    return {check: words for check, words in told[1].items() if check in OUTSIDE}


def test_a_site_by_itself_is_right(alone: Site, found: Found) -> None:
    url = f"http://127.0.0.1:{alone.port}"
    assert found("doctor", "proxy", "--url", url) == (0, {})
    assert outside(found("doctor", "--url", url)) == {}


def test_a_site_behind_a_proxy_that_appends_is_right(trusting: Site, found: Found, certificate: Path) -> None:
    with proxy.before(trusting.port, proxy.APPENDS, certificate) as good:
        assert found("doctor", "proxy", "--url", good.url) == (0, {})
        assert outside(found("doctor", "--url", good.url)) == {}


def test_a_forged_header_that_is_believed_is_found(trusting: Site, found: Found, certificate: Path) -> None:
    with proxy.before(trusting.port, proxy.PASSES, certificate) as bad:
        code, told = found("doctor", "proxy", "--url", bad.url)
    assert code == 7
    assert set(told) == {"visitor", "X-Forwarded-For", "two X-Forwarded-For", "X_Forwarded_For", "scheme"}
    assert told["X-Forwarded-For"] == "It was believed: anybody can be anybody (203.0.113.77)."


def test_a_doctor_who_is_a_proxy_itself_is_told_to_ask_from_elsewhere(
    migrated: Path, redis_url: str, tmp_path_factory: pytest.TempPathFactory, found: Found
) -> None:
    near = folder(migrated, tmp_path_factory)
    with served(near, redis_url=redis_url, trusted_proxies="127.0.0.0/8") as site:
        code, told = found("doctor", "proxy", "--url", f"http://127.0.0.1:{site.port}")
        assert (code, set(told)) == (0, {"X-Forwarded-For", "two X-Forwarded-For", "X_Forwarded_For"})
        assert told["X-Forwarded-For"] == (
            "It was believed, since 127.0.0.2 is one of the trusted proxies (127.0.0.0/8)."
        )
        with proxy.before(site.port, proxy.PASSES) as bad:
            assert found("doctor", "proxy", "--url", bad.url)[0] == 7


def test_that_everybody_looks_like_the_proxy_is_found(alone: Site, found: Found, run: Run) -> None:
    for way in (proxy.APPENDS, proxy.IS_SILENT, proxy.PASSES):
        with proxy.before(alone.port, way) as between:
            code, told = found("doctor", "proxy", "--url", between.url)
            assert (code, set(told)) == (7, {"visitor"}), way
            assert told["visitor"].startswith("Everybody looks like the proxy, 127.0.0.1")
            if way == proxy.APPENDS:
                assert "NETFLIX_TRUSTED_PROXIES=127.0.0.1/32" in run("doctor", "proxy", "--url", between.url).stdout


def test_a_cookie_that_is_not_secure_behind_https_is_found(trusting: Site, found: Found, certificate: Path) -> None:
    with proxy.before(trusting.port, proxy.FORGETS_THE_SCHEME, certificate) as bad:
        told = outside(found("doctor", "--url", bad.url))
        assert set(told) == {"cookies", "https"}
        assert told["cookies"] == "The cookie session is served without Secure, the prefix __Host-."
        assert set(found("doctor", "proxy", "--url", bad.url)[1]) == {"scheme"}


SPOILING: dict[str, tuple[Callable[[Proxy], object], str]] = {
    "a header is lost": (lambda proxy: proxy.drops.update({"content-security-policy"}), "headers"),
    "a header is added": (lambda proxy: proxy.adds.update({"Cache-Control": "public"}), "headers"),
    "cookies are lost": (lambda proxy: proxy.drops.update({"set-cookie"}), "cookies"),
    "HSTS is lost": (lambda proxy: proxy.drops.update({"strict-transport-security"}), "https"),
    "any name will do": (lambda proxy: setattr(proxy, "keeps_host", False), "host"),
    "it tells its version": (
        lambda proxy: proxy.puts.update({"Server": "nginx/1.2.3"}),
        "server",
    ),
}


@pytest.mark.parametrize("what", SPOILING)
def test_what_a_proxy_spoils_is_found(trusting: Site, found: Found, certificate: Path, what: str) -> None:
    spoil, check = SPOILING[what]
    with proxy.before(trusting.port, proxy.APPENDS, certificate) as bad:
        spoil(bad)
        told = found("doctor", "--url", bad.url)
        assert set(outside(told)) == {check}, told


def test_a_certificate_that_nobody_vouches_for_is_found(trusting: Site, found: Found, tmp_path: Path) -> None:
    with proxy.before(trusting.port, proxy.APPENDS, self_made(tmp_path / "other.pem")) as bad:
        assert "its certificate is not good" in outside(found("doctor", "--url", bad.url))["site"]


def test_another_s_site_and_none_are_told(run: Run, redis_url: str) -> None:
    told = run("doctor", "proxy", "--url", "http://127.0.0.1:9")
    assert told.exit_code == 7
    assert "http://127.0.0.1:9 does not answer: Connection refused." in told.stderr


def test_a_site_with_another_redis_is_told(
    migrated: Path,
    tmp_path: Path,
    run: Run,
    short_folder: Path,
) -> None:
    (short_folder / "other").mkdir()
    (short_folder / "other" / "netflix.db").write_bytes(migrated.read_bytes())
    with served(short_folder / "other") as site:
        told = run("doctor", "proxy", "--url", f"http://127.0.0.1:{site.port}")
    assert told.exit_code == 7
    assert "must have the same Redis" in told.stderr
