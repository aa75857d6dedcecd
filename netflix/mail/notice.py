"""Telling a person by mail that something about their way in has changed (ASVS 5.0 6.3.7)."""

from collections.abc import Callable
from typing import Any

from netflix import clock, links
from netflix.events.actor import OPERATOR, Actor
from netflix.events.event import Kind
from netflix.mail import outbox

RUNS_THE_SITE = "the person who runs the site"


def tell(email: str, kind: Kind, address: str = "", browser: str = "", by: Actor = OPERATOR, **detail: Any) -> None:
    """Posts the notice of an event; committed by the act that called. Without an e-mail nobody is told.

    `address` is where it was done from; the operator has none, and where an administrator was is not told. `browser` is
    such as "Firefox on Linux".
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
        by="" if address else RUNS_THE_SITE if by == OPERATOR else by.title,
        activity=links.link("/activity"),
        # A new password takes off nothing that was added, and to turn two-step sign-in off takes its code.
        alarm=links.link("/account/alarm") if kind is Kind.FACTOR_ADDED else "",
        # A link that they ask for themselves would end the one that they are given.
        is_given_link=kind is Kind.LINK_MADE,
        recover=links.link("/recover"),
        # A new password ends none of them, and whoever was in before may have added one.
        passkeys=links.link("/account/passkeys") if kind is Kind.PASSWORD_CHANGED else "",
    )


def password_changed(detail: dict[str, Any]) -> str:
    if detail.get("way") == "one-time link":
        return "a new password was chosen, by a one-time link"
    return "the password was changed"


def factor_added(detail: dict[str, Any]) -> str:
    return ADDED.get(detail.get("factor", ""), "a second factor was added")


def factor_removed(detail: dict[str, Any]) -> str:
    return REMOVED.get(detail.get("factor", ""), "a second factor was removed")


ADDED = {
    "totp": "two-step sign-in was turned on",
    "recovery codes": "new recovery codes were made, and the old ones ended",
    "passkey": "a passkey was added",
}
REMOVED = {
    "lately added": "what was added lately to sign in with was taken off",
    "totp": "two-step sign-in was turned off",
    "passkey": "a passkey was removed",
    "all": "two-step sign-in, its recovery codes and all passkeys were taken off",
}

# What happened, as it stands after "On your account".
SENTENCES: dict[Kind, Callable[[dict[str, Any]], str]] = {
    Kind.SIGNED_IN: lambda _: "somebody signed in with a browser that had not signed in before",
    Kind.SIGN_IN_BEGUN: lambda _: (
        "somebody typed the right password with a browser that had not signed in before, and was asked for a code"
    ),
    Kind.PASSWORD_CHANGED: password_changed,
    Kind.LINK_MADE: lambda _: "the password was taken away, and a link made to choose a new one",
    Kind.FACTOR_ADDED: factor_added,
    Kind.FACTOR_REMOVED: factor_removed,
    Kind.USER_LEAVING: lambda _: "somebody asked for it to be deleted: it will be in a week, unless you sign in before",
    Kind.USER_STAYED: lambda _: "somebody signed in, so it is not deleted",
}
