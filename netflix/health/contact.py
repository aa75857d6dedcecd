"""Whom to ask: whether somebody who is shut out is told."""

from collections.abc import Iterator

from sqlalchemy.exc import SQLAlchemyError

from netflix.bans.ban import Ban
from netflix.config import Config
from netflix.health.finding import Finding, ok, warning


def findings(config: Config) -> Iterator[Finding]:
    if config.contact:
        yield ok("contact", f"Whoever is shut out is told whom to ask: {config.contact}.")
        return
    try:
        is_asked = not config.is_development or any(Ban.all())
    except SQLAlchemyError:
        # What is wrong with the database is told by who looks at that.
        return
    if is_asked:
        yield warning(
            "contact",
            "Whoever comes from a banned network, perhaps by mistake, is not told whom to ask.",
            "Name an e-mail or web address by NETFLIX_CONTACT.",
        )
    else:
        yield ok("contact", "Nobody is shut out, and nobody but who sits at this machine is served.")
