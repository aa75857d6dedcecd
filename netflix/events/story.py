"""What happened, as the person it happened to is told: in plain words."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from netflix.events.event import STRANGER, Event, Kind
from netflix.limits import policy
from netflix.limits.policy import LIMITS

OPERATOR = "The person who runs this site"
ADMINISTRATOR = "An administrator"
WAYS = {
    "signed out": "You signed out.",
    "ended from another browser": "You signed a browser out from another one.",
    "all other browsers": "You signed all other browsers out.",
    "too many": "So many browsers were signed in that the one not seen for longest was signed out.",
}

FACTORS = {
    "passkey": " and a passkey",
    "password+totp": " and a code",
    "password+recovery code": " and a recovery code",
}
ADDED = {
    "totp": "You turned two-step sign-in on.",
    "recovery codes": "You made new recovery codes.",
    "passkey": "You added the passkey{}.",
}
REMOVED = {
    "lately added": "What was added lately to sign in with was taken off.",
    "totp": "You turned two-step sign-in off.",
    "passkey": "You removed the passkey{}.",
    "all": "All second factors and passkeys were taken off.",
}


# What is no harm, whoever did it, or is told as somebody else's doing.
HARMLESS = {Kind.SIGN_IN_FAILED, Kind.LIMIT_REACHED, Kind.SESSION_ENDED, Kind.USER_CREATED, Kind.REPORTED}
# By these a failure is of somebody who has the password or a browser that is signed in.
INSIDE = {"proof", "second_step", "kept_out"}


# What each limit counts, by its name and lane.
COUNTED = {(limit.name, str(limit.lane)): limit.counts for limit in LIMITS}


class Told(NamedTuple):
    """An event of one's own, as its person reads it."""

    number: int
    at: datetime
    sentence: str
    address: str
    is_warning: bool
    is_disputable: bool

    @classmethod
    def of(cls, event: Event) -> "Told":
        return cls(event.id, event.at, told(event), address(event), event.is_warning, is_disputable(event))


def is_disputable(event: Event) -> bool:
    """Whether somebody may say that it was not them: what was done as them, and matters."""
    return doer(event) == "You" and (event.kind not in HARMLESS or not INSIDE.isdisjoint(event.details))


def told(event: Event) -> str:
    """One sentence about an event of one's own."""
    return SENTENCES[Kind(event.kind)](event, event.details)


def address(event: Event) -> str:
    """From where it was done; where an administrator was is not for others to know."""
    return "" if doer(event) == ADMINISTRATOR else event.address


def doer(event: Event) -> str:
    """Who did it, as the sentence begins; "You" when nobody else is known to have."""
    if event.by.startswith("operator:"):
        return OPERATOR
    return ADMINISTRATOR if event.by.startswith("user:") and event.by != f"user:{event.user_id}" else "You"


def password_changed(event: Event, details: dict[str, Any]) -> str:
    if event.by.startswith("operator:"):
        return f"{OPERATOR} gave you a new password."
    return "Your password was changed by a one-time link." if "way" in details else "You changed your password."


def sign_in_failed(_: Event, details: dict[str, Any]) -> str:
    if "proof" in details:
        return f"Somebody who was signed in as you could not prove it: a wrong {details['proof']}."
    if "link" in details:
        return "Somebody who opened a link that was mailed to you typed a wrong password."
    if "passkey" in details:
        return "Somebody tried to sign in with a passkey that was not right."
    if "second_step" in details:
        return "Somebody who knew your password typed a wrong code."
    if "kept_out" in details:
        return "Somebody who typed your password was kept out: signing in was limited then."
    return "Somebody tried to sign in with a wrong password."


def signed_in(_: Event, details: dict[str, Any]) -> str:
    return f"You signed in with {details['browser']}{FACTORS.get(details['factor'], '')}."


def sign_in_begun(_: Event, details: dict[str, Any]) -> str:
    return f"Your right password was typed with {details['browser']}, and a code was asked for."


def factor_added(_: Event, details: dict[str, Any]) -> str:
    name = f" “{details['name']}”" if "name" in details else ""
    return ADDED[details["factor"]].format(name)


def factor_removed(event: Event, details: dict[str, Any]) -> str:
    if doer(event) != "You":
        return f"{doer(event)} took your second factors off your account."
    name = f" “{details['name']}”" if "name" in details else ""
    return REMOVED[details["factor"]].format(name)


def rights_changed(event: Event, details: dict[str, Any]) -> str:
    return f"{doer(event)} made you {'an administrator' if details['admin'] else 'a member'}."


def user_changed(event: Event, details: dict[str, Any]) -> str:
    return f"{doer(event)} {'kept you out for a while' if details['disabled'] else 'let you in again'}."


def session_ended(event: Event, details: dict[str, Any]) -> str:
    who = doer(event)
    return WAYS.get(details["reason"], f"{who} signed {'a browser of yours' if who == 'You' else 'you'} out.")


def limit_reached(_: Event, details: dict[str, Any]) -> str:
    if details["limit"] == policy.DENIED_TO_ACCOUNT.name:
        return "Pages that are for administrators were asked for so often as you that more is not written down."
    counts = COUNTED.get((details["limit"], details["lane"]), "attempts")
    return f"A limit was reached, so that more had to wait for a while: {counts}."


def device_forgotten(event: Event, details: dict[str, Any]) -> str:
    if "reason" in details:
        return "So many browsers were known that one of them is not any more."
    return f"{doer(event)} took {'a browser' if 'device' in details else 'all browsers'} off the known ones."


def email_verified(event: Event, details: dict[str, Any]) -> str:
    if "taken_over" in details:
        return "Your e-mail was confirmed by the link that was mailed there, and the password from before forgotten."
    return f"{doer(event)} confirmed your e-mail."


def user_stayed(event: Event, _: dict[str, Any]) -> str:
    if event.by == STRANGER:
        return "Your account stays: a link that was mailed to you took its deletion back."
    return "You came back, so your account stays."


def user_created(event: Event, _: dict[str, Any]) -> str:
    return f"{doer(event)} made your account."


SENTENCES: dict[Kind, Callable[[Event, dict[str, Any]], str]] = {
    Kind.SIGNED_IN: signed_in,
    Kind.SIGN_IN_FAILED: sign_in_failed,
    Kind.SIGN_IN_BEGUN: sign_in_begun,
    Kind.PASSWORD_CHANGED: password_changed,
    Kind.PASSWORD_NOT_CHANGED: lambda *_: "Somebody who was signed in as you typed a wrong present password.",
    Kind.PASSWORD_KNOWN: lambda *_: "Your password was found on a list of known ones, so you had to choose another.",
    Kind.LINK_MADE: lambda event, _: f"{doer(event)} made you a one-time link for a new password.",
    Kind.LINK_ENDED: lambda *_: "A one-time link was ended.",
    Kind.DEVICE_FORGOTTEN: device_forgotten,
    Kind.FACTOR_ADDED: factor_added,
    Kind.FACTOR_REMOVED: factor_removed,
    Kind.PASSKEY_COPIED: lambda *_: "A copy of one of your passkeys was refused. Remove that passkey.",
    Kind.DENIED: lambda *_: "Somebody who was signed in as you asked for a page that is for administrators.",
    Kind.LIMIT_REACHED: limit_reached,
    Kind.LIMIT_CLEARED: lambda *_: "Wrong attempts were forgotten, so that nobody has to wait for them.",
    Kind.RIGHTS_CHANGED: rights_changed,
    Kind.SESSION_ENDED: session_ended,
    Kind.SESSION_RENEWED: lambda *_: "You proved that it is you.",
    Kind.USER_CREATED: user_created,
    Kind.RECOVERY_ASKED: lambda *_: "Somebody asked for a mail with a link for a new password.",
    Kind.UNLOCK_ASKED: lambda *_: "Somebody who had to wait asked for a mail with a link that lets them try at once.",
    Kind.UNLOCKED: lambda *_: "A browser was let past the strangers' wait by a link that was mailed to you.",
    Kind.REGISTERED_AGAIN: lambda *_: "Somebody tried to make another account with your e-mail.",
    Kind.EMAIL_VERIFIED: email_verified,
    Kind.EMAIL_CHANGE_ASKED: lambda *_: "You asked to change your e-mail.",
    Kind.EMAIL_CHANGED: lambda *_: "Your e-mail was changed.",
    Kind.EMAIL_RESTORED: lambda *_: "A change of your e-mail was taken back, and your password forgotten.",
    Kind.USER_CHANGED: user_changed,
    Kind.USER_LEAVING: lambda *_: "You asked for your account to be deleted.",
    Kind.USER_STAYED: user_stayed,
    Kind.DATA_EXPORTED: lambda *_: "You took a copy of your data.",
    Kind.BACKED_UP: lambda *_: "A copy of this site's database was made.",
    Kind.RESTORED: lambda *_: "This site's database was brought back from a copy.",
    Kind.PURGED: lambda *_: "What had run out was deleted from this site's database.",
    Kind.MIGRATED: lambda *_: "This site's database was brought to another version.",
    Kind.BLOCKLIST_IMPORTED: lambda *_: "Other passwords than before are refused here.",
    Kind.BLOCKLIST_FORGOTTEN: lambda *_: "A list of passwords is no longer refused here.",
    Kind.EVENTS_PURGED: lambda *_: "What happened long ago was deleted from this site's record.",
    Kind.REPORTED: lambda *_: "You said that something here was not you, and signed every browser out.",
    Kind.BAN_ADDED: lambda *_: "A network was shut out.",
    Kind.BAN_RENEWED: lambda *_: "A network was shut out for another time.",
    Kind.BAN_REVOKED: lambda *_: "A network was let in again.",
    Kind.LOCKDOWN_ON: lambda *_: "Signing in was limited to known browsers and second factors.",
    Kind.LOCKDOWN_OFF: lambda *_: "That limit was lifted.",
    Kind.USER_DELETED: lambda *_: "Your account was deleted.",
}
