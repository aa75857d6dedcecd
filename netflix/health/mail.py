"""The mail server: whether it lets us in. No mail is sent."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from netflix.config import Config
from netflix.errors import MailServerUnavailable
from netflix.health.finding import Finding, fault, ok, warning
from netflix.mail import transport


def findings(config: Config) -> Iterator[Finding]:
    if not config.mail_url:
        if config.is_development:
            yield ok("mail server", f"There is none; mails are files in {config.instance / 'mail'}.")
        else:
            yield warning("mail server", "There is none: nobody gets back in by mail.", "Name one by NETFLIX_MAIL_URL.")
        return
    try:
        transport.opened(config).close()
    except MailServerUnavailable as refusal:
        yield fault("mail server", refusal.sentence, refusal.remedy)
    else:
        yield ok("mail server", f"{urlsplit(config.mail_url).hostname} lets the site in.")
