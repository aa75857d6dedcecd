"""The doctor: every check there is, each on its own, so that one that fails keeps no other back."""

from collections.abc import Callable, Generator, Iterator
from functools import partial

from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from netflix import config as settings
from netflix.config import Config
from netflix.errors import ConfigError, Refusal
from netflix.extensions import db
from netflix.health import contact, database, machine, mail, proxy, redis, served
from netflix.health.finding import Finding, fault, warning

Look = Callable[[Config], Iterator[Finding]]
INSIDE: dict[str, Look] = {
    "schema": database.findings,
    "redis": redis.findings,
    "machine": machine.findings,
    "mail server": mail.findings,
    "contact": contact.findings,
}


def examined(url: str = "") -> Generator[Finding, None, None]:
    """`url`: where to look at the site from outside; by default where it says that it is served."""
    config = settings.current()
    for name, look in INSIDE.items():
        yield from guarded(name, partial(look, config))
    if at := url or told_address(config):
        yield from guarded("site", partial(served.findings, config, at))
    else:
        yield warning("site", f"No site is served from {config.instance}.", "Start it, or name its address with --url.")


def through_proxy(url: str = "") -> Generator[Finding, None, None]:
    """Raises CountersUnavailable, and Declined where there is nobody to ask."""
    config = settings.current()
    return proxy.findings(url or config.url or told_address(config) or config.address)


def told_address(config: Config) -> str:
    try:
        return config.served_at.read_text().strip()
    except OSError:
        return ""


def guarded(name: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from look()
    except Refusal as refusal:
        yield fault(name, refusal.sentence, refusal.remedy)
    except (SQLAlchemyError, RedisError, OSError) as error:
        reason = str(getattr(error, "orig", error)).partition("\n")[0]
        yield fault(name, f"It could not be looked at: {reason}.", "Mend that first, then look again.")
    except Exception as error:
        # A fault of this check's own; what it says may have a secret of the settings.
        yield fault(name, f"It could not be looked at: {type(error).__name__}.", "Tell whoever maintains the site.")
    finally:
        db.session.rollback()


def of_settings(error: ConfigError) -> Generator[Finding, None, None]:
    """Where the site cannot even be put together."""
    for problem in error.problems:
        yield fault("settings", problem, "Set it right where the site's settings are kept.")
