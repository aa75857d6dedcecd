"""The settings: one class, read from NETFLIX_… once, every fault told at once."""

import ipaddress
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import current_app
from limits import RateLimitItem

from netflix import keys, paths
from netflix.errors import ConfigError, SiteMissing
from netflix.values import (
    SHORTEST_KEY,
    Network,
    a_contact,
    a_database,
    a_folder,
    a_host,
    a_key,
    a_mail_server,
    a_redis,
    a_url,
    an_address,
    networks,
    one_of,
    rates,
    some_keys,
    whole,
    yes_or_no,
)

# The site's, as people read it.
NAME = "Netflix"
PREFIX = "NETFLIX_"
# A cost under 10 is for tests and trials on this machine alone (ASVS 5.0 appendix C: bcrypt at 10 or more).
SAFE_ROUNDS = 10
INSTANCE_UNSET = f"{PREFIX}INSTANCE: is not set; it accepts an absolute path of a folder of the site's own."


def setting(read: Callable[[str], Any], default: Any, accepts: str, purpose: str, secret: bool = False) -> Any:
    return field(default=default, metadata={"read": read, "accepts": accepts, "purpose": purpose, "secret": secret})


RATE = "a limit such as `5 per minute` or `5 per minute; 20 per hour`"


@dataclass(frozen=True)
class Config:
    """Each field is read from the variable NETFLIX_ and its name in capitals."""

    secret_key: tuple[str, ...] = setting(
        some_keys,
        (),
        "at least 32 characters; several divided by commas, of which the first signs and all are known",
        "signs cookies; made in the instance folder on a loopback host",
        True,
    )
    password_key: str = setting(
        a_key,
        "",
        "at least 32 characters",
        "keys every password before it is hashed; made in the instance folder. Losing it loses all passwords",
        True,
    )
    database_url: str = setting(
        a_database,
        "",
        "sqlite:////absolute/path or postgresql://user:password@host/name",
        "where people and sessions are kept; by default `netflix.db` in the instance folder",
        True,
    )
    redis_url: str = setting(
        a_redis,
        "",
        "redis://host:6379/0, rediss://… or unix:///path/to/socket",
        "where the limits are counted; by default a server of the site's own in the instance folder",
        True,
    )
    instance: Path = setting(
        a_folder,
        None,
        "an absolute path of a folder",
        "everything that is written while running; `instance` in a checkout",
    )
    host: str = setting(a_host, "127.0.0.1", "a host name or address", "what to listen on")
    port: int = setting(
        whole(0, 65535), 5000, "a whole number from 0 (any free port) to 65535", "the port to listen on"
    )
    url: str = setting(
        a_url, "", "http://host or https://host, with no path", "the site's address as people type it, for links"
    )
    mail_url: str = setting(
        a_mail_server,
        "",
        "smtp://user:password@host:587 or smtps://user:password@host:465",
        "the mail server; TLS is required unless it is on this machine",
        True,
    )
    mail_from: str = setting(
        an_address,
        "",
        "an address such as netflix@example.org",
        "who mails are from; by default netflix@ the site's host",
    )
    contact: str = setting(
        a_contact,
        "",
        "an e-mail address, or an address such as https://example.org/help",
        "whom somebody who is shut out may ask; shown to them",
    )
    trusted_proxies: tuple[Network, ...] = setting(
        networks,
        (),
        "networks such as 10.0.0.0/8, 2001:db8::/32 (no bits of a host, not everybody), divided by commas",
        "whose word on the client's address is taken",
    )
    bcrypt_rounds: int = setting(
        whole(4, 16), 12, "a whole number from 10 to 16 (from 4 on a loopback host)", "the cost of hashing a password"
    )
    login_limit: tuple[RateLimitItem, ...] = setting(
        rates, rates("5 per minute; 20 per hour"), RATE, "strangers' failed attempts to sign in from one address"
    )
    account_limit: tuple[RateLimitItem, ...] = setting(
        rates, rates("10 per hour"), RATE, "strangers' failed attempts to sign in to one account"
    )
    site_limit: tuple[RateLimitItem, ...] = setting(
        rates, rates("1000 per 5 minutes"), RATE, "all strangers' failed attempts to sign in"
    )
    password_minimum: int = setting(
        whole(8, 15), 8, "a whole number from 8 to 15", "the fewest characters that a new password may have"
    )
    registration: str = setting(
        one_of("open", "invite", "closed"),
        "open",
        "open, invite or closed",
        "who may register: all, the invited, nobody",
    )
    registration_limit: tuple[RateLimitItem, ...] = setting(
        rates, rates("10 per hour"), RATE, "registrations from one address"
    )
    registration_site_limit: tuple[RateLimitItem, ...] = setting(
        rates, rates("300 per hour"), RATE, "all registrations without an invitation"
    )
    purge_unverified: bool = setting(
        yes_or_no, False, "yes or no", "whether `purge` deletes accounts whose e-mail was not confirmed in 30 days"
    )
    workers: int = setting(
        whole(1, 64),
        2,
        "a whole number from 1 to 64",
        "server processes",
    )

    @classmethod
    def from_env(cls, env: Mapping[str, str], makes: bool = True) -> "Config":
        """Reads and checks everything. `makes`: also the folder and keys that a new site lacks.

        Raises ConfigError, which lists all faults, SiteMissing where something lacks and is not to be made, and
        DatabaseUnavailable where that cannot be known.
        """
        read, problems = cls.read(env)
        problems += cls._together(read)
        if problems:
            raise ConfigError(problems)
        return cls(**read).completed(makes)

    @classmethod
    def read(cls, env: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
        """What is set, each by itself, and what is wrong with that."""
        read: dict[str, Any] = {}
        problems = []
        for known in fields(cls):
            name = PREFIX + known.name.upper()
            text = env.get(name, "").strip()
            if not text:
                continue
            try:
                read[known.name] = known.metadata["read"](text)
            except ValueError:
                shown = "its value" if known.metadata["secret"] else repr(text)
                problems.append(f"{name}: {shown} is not valid; it accepts {known.metadata['accepts']}.")
        return read, problems + cls._misspelt(env)

    @classmethod
    def _misspelt(cls, env: Mapping[str, str]) -> list[str]:
        """A limit that is set under a wrong name would silently not hold."""
        names = [PREFIX + known.name.upper() for known in fields(cls)]
        strange = {name: get_close_matches(name, names, 1, 0.85) for name in sorted(env) if name not in names}
        return [
            f"{name}: there is no such setting; did you mean {close[0]}?" for name, close in strange.items() if close
        ]

    @staticmethod
    def _together(read: dict[str, Any]) -> list[str]:
        """What each setting alone cannot know."""
        problems = []
        if not read.get("instance") and not paths.checkout():
            problems.append(INSTANCE_UNSET)
        if read.get("database_url", "").startswith("postgresql") and find_spec("psycopg") is None:
            problems.append(
                f"{PREFIX}DATABASE_URL: names PostgreSQL, whose driver is not installed; "
                f"run `{sys.executable} -m pip install 'psycopg[binary]'`."
            )
        if not is_loopback(read.get("host", "127.0.0.1")):
            if read.get("mail_url") and not read.get("url"):
                problems.append(
                    f"{PREFIX}URL: is not set, and mails carry links to it; it accepts http://host or https://host."
                )
            if not read.get("secret_key"):
                problems.append(
                    f"{PREFIX}SECRET_KEY: is not set, and the site is not bound to loopback; it accepts at least "
                    "32 characters, such as `python -c 'import secrets; print(secrets.token_urlsafe(48))'` prints."
                )
            if read.get("bcrypt_rounds", SAFE_ROUNDS) < SAFE_ROUNDS:
                problems.append(
                    f"{PREFIX}BCRYPT_ROUNDS: {read['bcrypt_rounds']} is too cheap off loopback; "
                    "it accepts a whole number from 10 to 16."
                )
        return problems

    def completed(self, makes: bool = True) -> "Config":
        """With every default that depends on the folder filled in; `makes` as in `from_env`."""
        folder = self.instance or default_instance()
        if folder is None:
            raise ConfigError([INSTANCE_UNSET])
        url = self.database_url or f"sqlite:///{folder / 'netflix.db'}"
        filled: dict[str, Any] = {"instance": folder, "database_url": url, **self._keys(folder, url, makes)}
        filled["redis_url"] = self.redis_url or f"unix://{folder / 'redis.sock'}"
        return Config(**{known.name: getattr(self, known.name) for known in fields(self)} | filled)

    def _keys(self, folder: Path, url: str, makes: bool) -> dict[str, Any]:
        """The keys that were given, and those that are kept in the folder."""
        found: dict[str, Any] = {"secret_key": self.secret_key, "password_key": self.password_key}
        files = {name: folder / name.replace("_", ".") for name, given in found.items() if not given}
        problems = []
        try:
            if "password_key" in files:
                keys.check_new(files["password_key"], url)
            if not makes and not (folder.is_dir() and all(file.exists() for file in files.values())):
                raise SiteMissing(folder)
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for name, file in files.items():
                try:
                    found[name] = (some_keys if name == "secret_key" else a_key)(keys.kept(folder, file.name))
                except ValueError:
                    problems.append(
                        f"{PREFIX}{name.upper()}: the file '{file}' has no key of at least {SHORTEST_KEY} characters; "
                        "put back the one that was there, or remove the file to see whether a new one can be made."
                    )
        except OSError as error:
            raise ConfigError(
                [f"{PREFIX}INSTANCE: '{folder}' cannot be written ({error.strerror}); it accepts a folder that can."]
            ) from error
        if problems:
            raise ConfigError(problems)
        return found

    @property
    def address(self) -> str:
        """The site's, as people type it: the one that was given, or where it listens."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.url or f"http://{host}:{self.port}"

    @property
    def hosts(self) -> list[str] | None:
        """The names that a request may give the site, where its address is known; loopback is for monitors."""
        named = urlsplit(self.url).hostname
        return [named, "localhost", "127.0.0.1"] if named else None

    @property
    def is_development(self) -> bool:
        """Whether nobody but who sits at this machine is served."""
        return is_loopback(self.host) and is_loopback(urlsplit(self.address).hostname or "")

    @property
    def sends_mail(self) -> bool:
        """By a mail server or, in development, into files."""
        return bool(self.mail_url) or self.is_development

    @property
    def sender(self) -> str:
        """The address that mails are from."""
        host = urlsplit(self.address).hostname or ""
        return self.mail_from or f"netflix@{'localhost' if is_loopback(host) else host}"

    @property
    def served_at(self) -> Path:
        """The file in which the site that is served says where; a terminal may not have been told."""
        return self.instance / "address"

    @property
    def keeps_own_redis(self) -> bool:
        return self.redis_url == f"unix://{self.instance / 'redis.sock'}"


def default_instance() -> Path | None:
    root = paths.checkout()
    return root / "instance" if root else None


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def current() -> Config:
    """The site's that is at work."""
    return current_app.extensions["netflix-config"]
