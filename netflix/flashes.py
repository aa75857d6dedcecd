"""A sentence for the page to come, carried there by the cookie."""

import flask

# What a sentence is, as the class of what it stands in.
NOTICE, ALERT = "notice", "alert"


def tell(sentence: str, kind: str = NOTICE) -> None:
    """The newest alone is kept, or a cookie could grow beyond what a browser keeps (ASVS 5.0 3.3.5)."""
    flask.session.pop("_flashes", None)
    flask.flash(sentence, kind)


def warn(sentence: str) -> None:
    """What was not done."""
    tell(sentence, ALERT)


def has_flashes() -> bool:
    """Whether a sentence of the page before is still to be shown."""
    return "_flashes" in flask.session
