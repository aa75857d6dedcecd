import dataclasses
import os
import re
import shutil
import sqlite3
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netflix import database, paths
from netflix.config import PREFIX, Config, is_loopback
from netflix.errors import ConfigError, DatabaseUnavailable, SiteMissing
from netflix.values import networks, rates

KEY = "k" * 32


def problems(**env: str) -> list[str]:
    with pytest.raises(ConfigError) as refusal:
        Config.from_env(env)
    return refusal.value.problems


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(tmp_path / "instance")


def test_nothing_set_is_enough_in_a_checkout(folder: str) -> None:
    config = Config.from_env({"NETFLIX_INSTANCE": folder})
    assert (config.host, config.port, config.bcrypt_rounds, config.workers) == ("127.0.0.1", 5000, 12, 2)
    assert config.database_url == f"sqlite:///{folder}/netflix.db"
    assert config.redis_url == f"unix://{folder}/redis.sock"
    assert config.keeps_own_redis
    assert [(rate.amount, rate.get_expiry()) for rate in config.login_limit] == [(5, 60), (20, 3600)]


def test_all_faults_are_told_at_once() -> None:
    told = problems(
        NETFLIX_PORT="http", NETFLIX_BCRYPT_ROUNDS="99", NETFLIX_LOGIN_LIMIT="often", NETFLIX_HOSTS="x", NETFLIX_URL="x"
    )
    assert [line.partition(":")[0] for line in told] == [
        "NETFLIX_PORT",
        "NETFLIX_URL",
        "NETFLIX_BCRYPT_ROUNDS",
        "NETFLIX_LOGIN_LIMIT",
        "NETFLIX_HOSTS",
    ]


@pytest.mark.parametrize("name", [known.name.upper() for known in dataclasses.fields(Config)])
def test_a_fault_tells_variable_value_and_what_is_accepted(name: str) -> None:
    known = next(known for known in dataclasses.fields(Config) if known.name.upper() == name)
    (told,) = problems(**{PREFIX + name: " !\0 "})
    assert told.startswith(f"NETFLIX_{name}: ")
    assert told.endswith(f"it accepts {known.metadata['accepts']}.")
    assert ("its value" if known.metadata["secret"] else "'!\\x00'") in told


def test_a_secret_is_never_shown() -> None:
    told = problems(
        NETFLIX_SECRET_KEY="hunter2",
        NETFLIX_PASSWORD_KEY="hunter2",
        NETFLIX_DATABASE_URL="mysql://u:hunter2@h/d",
        NETFLIX_REDIS_URL="redis://:hunter2@:x",
        NETFLIX_MAIL_URL="smtp://u:hunter2@",
    )
    assert len(told) == 5
    assert "hunter2" not in str(told)


@pytest.mark.parametrize("name", ["LOGIN_LIMITS", "LOGIN_LIMT", "TRUSTED_PROXY", "BCRYPT_ROUND", "SECRETKEY", "WORKER"])
def test_a_misspelt_name_is_told(name: str) -> None:
    (told,) = problems(**{PREFIX + name: "x"})
    assert f"NETFLIX_{name}: there is no such setting; did you mean NETFLIX_" in told


def test_names_of_others_are_left_alone(folder: str) -> None:
    assert Config.from_env({"NETFLIX_INSTANCE": folder, "NETFLIX_BENCH_FOR": "1", "NETWORK": "x", "PATH": "x"})


@pytest.mark.parametrize("value", ["", "  "])
def test_an_empty_setting_is_none(folder: str, value: str) -> None:
    assert Config.from_env({"NETFLIX_INSTANCE": folder, "NETFLIX_PORT": value}).port == 5000


BAD = {
    "SECRET_KEY": ["x" * 31],
    "DATABASE_URL": [
        "sqlite://",
        "sqlite:///relative.db",
        "sqlite:///:memory:",
        "mysql://h/d",
        "postgresql+psycopg2://h/d",
        "x",
    ],
    "REDIS_URL": [
        "http://h",
        "redis://",
        "redis://h:0",
        "redis://h:x",
        "unix://",
        "redis://h?socket_timeout=soon",
        "h:6379",
    ],
    "INSTANCE": ["relative", "/etc/passwd"],
    "HOST": ["a b", "http://x", "[", "x/y", ""][:4],
    "PORT": ["65536", "-1", "5000.0", "²", "9" * 5000, "0x50"],
    "URL": [
        "netflix.example",
        "ftp://x",
        "http://x/path",
        "http://",
        "http://x?y",
        "http://x?",
        "http://x#",
        "http://x:port",
        "http://x:99999",
        "http://x:0",
        "http://a b",
        "http://x/ /",
        "http://user:word@x",
        "http://x\\y",
        "https://straße.example",
    ],
    "MAIL_URL": [
        "mail.example.org",
        "http://h",
        "smtp://",
        "smtp://h:0",
        "smtp://h:99999",
        "smtp://h/path",
        "smtp://h?tls=no",
        "smtp://user@h",
        "smtp://a b",
    ],
    "MAIL_FROM": ["netflix", "@h", "a@b, c@d", "Netflix <a@b>", "ä@b", "a@b\nBcc: c@d", "a" * 65 + "@b"],
    "TRUSTED_PROXIES": ["proxy", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0 10.1.0.0"],
    "BCRYPT_ROUNDS": ["3", "17", "twelve"],
    "LOGIN_LIMIT": ["5", "0 per minute", "-5 per minute", "5 per fortnight", "5 per minute;", "5 per 99999999999 year"],
    "ACCOUNT_LIMIT": ["5 per minute; 3 per 60 seconds", "10000001 per hour"],
    "WORKERS": ["0", "65"],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_a_value_is_not_taken(name: str, value: str) -> None:
    (told,) = problems(**{PREFIX + name: value})
    assert told.startswith(f"NETFLIX_{name}: ")


GOOD = {
    "DATABASE_URL": ["sqlite:////a/b.db", "postgresql://u:p@h/d", "postgres://h/d", "postgresql+psycopg://h/d"],
    "REDIS_URL": ["redis://localhost:6379/0", "rediss://:p@h/1", "unix:///run/redis.sock", "redis://h?db=2"],
    "HOST": ["localhost", "::1", "[::1]", "127.0.0.2"],
    "URL": ["https://films.example", "http://films.example:8080/"],
    "MAIL_URL": ["smtp://localhost", "smtp://u:p%40ss@h:587", "smtps://u:p@h", "smtp://[::1]:25"],
    "MAIL_FROM": ["netflix@example.org", "films+site@example.org"],
    "TRUSTED_PROXIES": ["10.0.0.0/8", "10.0.0.1", "10.0.0.0/8, 2001:db8::/32,"],
    "LOGIN_LIMIT": ["5 per minute", "5/minute", "5 per minute; 20 per hour", "3 per 2 minutes"],
    "BCRYPT_ROUNDS": ["4", "16"],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in GOOD.items() for value in values])
def test_a_value_is_taken(folder: str, name: str, value: str) -> None:
    assert Config.from_env({"NETFLIX_INSTANCE": folder, "NETFLIX_PASSWORD_KEY": KEY, PREFIX + name: value})


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("HTTPS://Films.Example.org/", "https://films.example.org"),
        ("https://films.example.org:443", "https://films.example.org"),
        ("http://films.example.org:443", "http://films.example.org:443"),
        ("http://films.example.org:80/", "http://films.example.org"),
        ("https://films.example.org:8443", "https://films.example.org:8443"),
        ("https://Bücher.example", "https://xn--bcher-kva.example"),
        ("http://[::1]:5000", "http://[::1]:5000"),
    ],
)
def test_the_address_is_kept_as_browsers_have_it(folder: str, typed: str, address: str) -> None:
    assert Config.from_env({"NETFLIX_INSTANCE": folder, "NETFLIX_URL": typed}).address == address


def test_postgres_is_reached_by_psycopg_and_the_password_stays(folder: str) -> None:
    env = {"NETFLIX_INSTANCE": folder, "NETFLIX_PASSWORD_KEY": KEY}
    config = Config.from_env(env | {"NETFLIX_DATABASE_URL": "postgres://u:p%40ss@h/d"})
    assert config.database_url == "postgresql+psycopg://u:p%40ss@h/d"


@given(st.text(st.characters(exclude_characters="\0"), max_size=60))
def test_no_text_breaks_the_reading_of_a_setting(text: str) -> None:
    for read in (networks, rates, *(known.metadata["read"] for known in dataclasses.fields(Config))):
        try:
            read(text)
        except ValueError:
            continue


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "netflix.example", "127.0.0.1.example"])  # noqa: S104
def test_off_loopback_a_secret_key_must_be_given(folder: str, host: str) -> None:
    (told,) = problems(NETFLIX_HOST=host, NETFLIX_INSTANCE=folder)
    assert told.startswith("NETFLIX_SECRET_KEY: is not set")
    assert not Path(folder).exists()
    assert Config.from_env({"NETFLIX_HOST": host, "NETFLIX_INSTANCE": folder, "NETFLIX_SECRET_KEY": KEY})


def test_off_loopback_hashes_are_not_cheap(folder: str) -> None:
    env = {"NETFLIX_HOST": "192.0.2.1", "NETFLIX_SECRET_KEY": KEY, "NETFLIX_INSTANCE": folder}
    (told,) = problems(**env, NETFLIX_BCRYPT_ROUNDS="9")
    assert told.startswith("NETFLIX_BCRYPT_ROUNDS: 9 is too cheap")
    assert Config.from_env(env | {"NETFLIX_BCRYPT_ROUNDS": "10"})


def test_mail_for_others_needs_the_address_that_links_name(folder: str) -> None:
    env = {"NETFLIX_HOST": "192.0.2.1", "NETFLIX_SECRET_KEY": KEY, "NETFLIX_INSTANCE": folder}
    (told,) = problems(**env, NETFLIX_MAIL_URL="smtp://mail.example.org")
    assert told.startswith("NETFLIX_URL: is not set, and mails carry links to it")
    assert not Config.from_env(env).sends_mail
    more = {"NETFLIX_MAIL_URL": "smtp://mail.example.org", "NETFLIX_URL": "https://films.example.org"}
    assert Config.from_env(env | more).sends_mail


def test_in_development_mail_needs_no_server(folder: str) -> None:
    assert Config.from_env({"NETFLIX_INSTANCE": folder}).sends_mail
    # On loopback too, behind a proxy.
    assert not Config.from_env({"NETFLIX_INSTANCE": folder, "NETFLIX_URL": "https://films.example.org"}).sends_mail


@pytest.mark.parametrize(
    ("host", "is_so"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("10.0.0.1", False)],
)
def test_what_is_loopback(host: str, is_so: bool) -> None:
    assert is_loopback(host) is is_so


def test_installed_without_a_folder_it_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "checkout", lambda: None)
    (told,) = problems()
    assert told.startswith("NETFLIX_INSTANCE: is not set; it accepts an absolute path")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (told,) = problems(NETFLIX_INSTANCE=str(tmp_path / "file" / "below"))
    assert told.startswith("NETFLIX_INSTANCE: ")
    assert "cannot be written" in told


def test_several_secrets_are_taken_in_their_order(folder: str) -> None:
    config = Config.from_env({"NETFLIX_INSTANCE": folder, "NETFLIX_SECRET_KEY": f"{KEY}, {'o' * 40}"})
    assert config.secret_key == (KEY, "o" * 40)
    (told,) = problems(NETFLIX_SECRET_KEY=f"{KEY},short")
    assert "short" not in told


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    (told,) = problems(NETFLIX_INSTANCE=str(tmp_path))
    assert "cannot be written" in told


def test_a_new_folder_is_its_owner_s_alone(folder: str) -> None:
    Config.from_env({"NETFLIX_INSTANCE": folder})
    assert Path(folder).stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("name", ["secret.key", "password.key"])
def test_a_key_file_that_was_emptied_is_told_and_not_used(folder: str, name: str) -> None:
    Config.from_env({"NETFLIX_INSTANCE": folder})
    (Path(folder) / name).write_text("\n")
    (told,) = problems(NETFLIX_INSTANCE=folder)
    assert f"{folder}/{name}" in told


def test_the_keys_are_kept_and_differ(folder: str) -> None:
    one, other = (Config.from_env({"NETFLIX_INSTANCE": folder}) for _ in range(2))
    assert (one.secret_key, one.password_key) == (other.secret_key, other.password_key)
    assert one.secret_key != one.password_key


def test_a_config_is_completed_once(folder: str) -> None:
    config = Config.from_env({"NETFLIX_INSTANCE": folder})
    assert config.completed() == config
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.port = 80  # type: ignore[misc]


@pytest.fixture
def site(folder: str, migrated: Path) -> Path:
    """The folder of one that is migrated, of which nobody has signed in."""
    Path(folder).mkdir()
    shutil.copy(migrated, Path(folder) / "netflix.db")
    return Path(folder)


def planted(site: Path, statement: str) -> None:
    with closing(sqlite3.connect(site / "netflix.db")) as database, database:
        database.execute(statement)


USER = (
    "INSERT INTO user (email, email_key, is_admin, created_at) "
    "VALUES ('ada@example.org', 'ada@example.org', 0, '2026-01-01 00:00:00')"
)
EVENT = (
    'INSERT INTO event (id, at, kind, "by", address, detail, digest) '
    "VALUES (1, '2026-01-01 00:00:00', 'user_deleted', 'operator:root', '', '{}', x'00')"
)


@pytest.mark.parametrize("has_made", ["", USER, EVENT])
def test_a_password_key_is_never_made_where_an_account_was_made_under_another(site: Path, has_made: str) -> None:
    env = {"NETFLIX_INSTANCE": str(site)}
    if not has_made:
        assert Config.from_env(env).password_key
        return
    planted(site, has_made)
    (told,) = problems(**env)
    assert told.startswith(f"NETFLIX_PASSWORD_KEY: is not set, and '{site}/password.key' is not there, though the")
    assert [path.name for path in site.iterdir()] == ["netflix.db"]
    # By the variable, put back, or made anew by hand, as the sentence says.
    assert Config.from_env(env | {"NETFLIX_PASSWORD_KEY": KEY}).password_key == KEY
    (by_hand,) = re.findall(r"`\((.*)\)`", told)
    subprocess.run(["bash", "-c", by_hand], check=True)
    assert Config.from_env(env).password_key == (site / "password.key").read_text().strip()
    assert (site / "password.key").stat().st_mode & 0o777 == 0o600


def test_to_look_for_accounts_makes_no_database(folder: str) -> None:
    Config.from_env({"NETFLIX_INSTANCE": folder})
    assert {path.name for path in Path(folder).iterdir()} == {"secret.key", "password.key"}


def test_what_else_stands_in_the_database_is_no_account(site: Path) -> None:
    for name in ("user", "event"):
        planted(site, f"DROP TABLE {name}")
    assert Config.from_env({"NETFLIX_INSTANCE": str(site)}).password_key


def test_a_key_that_another_process_made_meanwhile_is_taken(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which served somebody since, too."""

    def overtaken(url: str) -> bool:
        (site / "password.key").write_text(KEY)
        return True

    monkeypatch.setattr(database, "has_accounts", overtaken)
    assert Config.from_env({"NETFLIX_INSTANCE": str(site)}).password_key == KEY


def test_of_two_that_start_a_new_site_at_once_both_have_its_key(folder: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: Config.from_env({"NETFLIX_INSTANCE": folder}).password_key, range(8)))
    assert len(set(made)) == 1


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://u@127.0.0.1:9/d", "The database does not answer (connection failed"),
        ("sqlite:///{folder}/netflix.db", "The file of the database is damaged."),
    ],
)
def test_a_database_that_cannot_be_asked_is_no_reason_for_a_key(folder: str, url: str, words: str) -> None:
    Path(folder).mkdir()
    (Path(folder) / "netflix.db").write_bytes(b"no database " * 1000)
    with pytest.raises(DatabaseUnavailable) as refusal:
        Config.from_env({"NETFLIX_INSTANCE": folder, "NETFLIX_DATABASE_URL": url.format(folder=folder)})
    assert words in refusal.value.sentence
    assert refusal.value.remedy.endswith("If there was a key, put it back.")
    assert [path.name for path in Path(folder).iterdir()] == ["netflix.db"]


@pytest.mark.parametrize("lacking", ["secret.key", "password.key"])
def test_who_only_looks_after_a_site_makes_none(folder: str, lacking: str) -> None:
    env = {"NETFLIX_INSTANCE": folder}
    with pytest.raises(SiteMissing, match=f"There is no site in {folder} yet"):
        Config.from_env(env, makes=False)
    assert not Path(folder).exists()
    with pytest.raises(SiteMissing):
        Config.from_env(env | {"NETFLIX_SECRET_KEY": KEY, "NETFLIX_PASSWORD_KEY": KEY}, makes=False)
    made = Config.from_env(env)
    assert Config.from_env(env, makes=False) == made
    (Path(folder) / lacking).unlink()
    with pytest.raises(SiteMissing):
        Config.from_env(env, makes=False)
    assert not (Path(folder) / lacking).exists()
