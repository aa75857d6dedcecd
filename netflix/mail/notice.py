"""Telling a person by mail that something about their way in has changed (ASVS 5.0 6.3.7)."""

from collections.abc import Callable
from typing import Any

from netflix import clock, links
from netflix.events.event import Kind
from netflix.mail import outbox

OPERATOR = "the person who runs the site"


def tell(email: str, kind: Kind, address: str = "", browser: str = "", **detail: Any) -> None:
    """Posts the notice of an event; committed by the act that called. Without an e-mail nobody is told.

    `address` is where it was done from; the operator has none. `browser` is such as "Firefox on Linux".
    """
    if not email:
        return
    outbox.post(
        email,
        "notice",
        sentence=SENTENCES[kind](detail),
        when=clock.told(clock.now()),
        address=address,
        browser=browser,
        by_operator="" if address else OPERATOR,
        activity=links.link("/activity"),
        recover=links.link("/recover"),
    )


def password_changed(detail: dict[str, Any]) -> str:
    if detail.get("way") == "one-time link":
        return "a new password was chosen, by a one-time link"
    return "the password was changed"


# What happened, as it stands after "On your account".
SENTENCES: dict[Kind, Callable[[dict[str, Any]], str]] = {
    Kind.SIGNED_IN: lambda _: "somebody signed in with a browser that had not signed in before",
    Kind.PASSWORD_CHANGED: password_changed,
    Kind.EMAIL_RESTORED: lambda _: "a change of the e-mail was taken back",
}
