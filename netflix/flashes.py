"""A sentence for the page to come, carried there by the cookie."""

import flask


def tell(sentence: str) -> None:
    """The newest alone is kept, or a cookie could grow beyond what a browser keeps (ASVS 5.0 3.3.5)."""
    flask.session.pop("_flashes", None)
    flask.flash(sentence)


def has_flashes() -> bool:
    """Whether a sentence of the page before is still to be shown."""
    return "_flashes" in flask.session
