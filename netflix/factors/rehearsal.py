"""Whether a sign-in would be let in now, and what decides, found out without making an attempt.

`REASONS` holds all that can stand against it, in the order in which the site would find it.
"""

import math
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from netflix.accounts import email as addresses
from netflix.accounts.user import User
from netflix.bans.ban import Ban
from netflix.bans.network import shown
from netflix.errors import Declined, in_words
from netflix.factors import second_step
from netflix.limits import rehearsal
from netflix.limits.key import ALL
from netflix.limits.policy import Lane
from netflix.limits.rehearsal import Counter, Rehearsal
from netflix.lockdown.lockdown import Lockdown
from netflix.signin import attempt
from netflix.signin.device import Device


class Asked(NamedTuple):
    """Who would sign in, from where, and how the limits stand at each step; `known` where the browser is.

    `by_link` where nobody has signed in on it yet.
    """

    address: str
    email: str
    user: User | None
    known: bool
    steps: list[Rehearsal]
    by_link: bool = False

    @property
    def counters(self) -> list[Counter]:
        return [counter for step in self.steps for counter in step.counters]

    @property
    def decides(self) -> Counter | None:
        """The counter that would refuse it: of the first step that one does."""
        return next((step.decides for step in self.steps if step.decides), None)


def asked(address: str, email: str, device: str = "") -> Asked:
    """For the right password, and the right code where one is asked for; `device` is a browser's digest.

    A browser that is no longer known still carries its cookie: it is counted as known, then as a stranger.
    """
    account = addresses.normalised(email)
    user = User.known_as(email)
    row = Device.counted_by(device) if device else None
    is_known = bool(row and user and row.user_id == user.id)
    by_link = bool(row and is_known and row.by_link)
    steps = [attempt.lanes(account, address, device)] if device and (is_known or not row) else []
    if not is_known:
        steps.append(attempt.lanes(account, address))
    if user and user.has_second_factor:
        steps.append(second_step.lanes(account, address, device if is_known and not by_link else ""))
    return Asked(address, email, user, is_known, [rehearsal.rehearsed(*subjects) for subjects in steps], by_link)


def in_known_browsers(address: str, email: str) -> list[tuple[Device, Asked]]:
    """As `asked`, in each browser that the account knows, the latest seen first."""
    user = User.known_as(email)
    return [(row, asked(address, email, row.who)) for row in Device.of(user.id)] if user else []


class Objection(NamedTuple):
    """What stands against it: a limit, by its counter, or something else of a name that no limit has."""

    name: str
    lane: Lane
    who: str
    refusal: Declined
    until: datetime | None = None
    counter: Counter | None = None


def against(asked: Asked) -> list[Objection]:
    """All that stands against it, what decides first; nothing when it would be let in."""
    return [found for reason in REASONS if (found := reason(asked))]


def banned(asked: Asked) -> Objection | None:
    row = Ban.against(asked.address)
    if row is None:
        return None
    network = shown(row.network)
    refusal = Declined(f"{network} is banned.", f"`netflix-admin bans revoke {network}` lets it in again.")
    return Objection("ban", Lane.ADDRESS, network, refusal, row.until)


def locked_down(asked: Asked) -> Objection | None:
    present = Lockdown.present()
    if present is None or asked.known or (asked.user and asked.user.has_second_factor):
        return None
    refusal = Declined(
        "There is a lockdown: only known browsers, passkeys and two-step sign-in come in.",
        "`netflix-admin lockdown off` ends it.",
    )
    return Objection("lockdown", Lane.SITE, ALL, refusal, present.until)


def used_up(asked: Asked) -> Objection | None:
    decides = asked.decides
    if decides is None:
        return None
    limit, who = decides.key.limit, {Lane.ACCOUNT: asked.email}.get(decides.key.limit.lane, decides.key.who)
    whose, option = (f" ({who})", f"--{limit.lane} {who}") if limit.lane is not Lane.SITE else ("", "--site")
    refusal = Declined(
        f"Of {limit.counts}{whose} {decides.used} of {decides.amount} are used up; "
        f"the next has to wait {in_words(math.ceil(decides.wait))}.",
        f"`netflix-admin limits clear {option}` lets them try at once.",
    )
    return Objection(limit.name, limit.lane, who, refusal, counter=decides)


def unknown(asked: Asked) -> Objection | None:
    if asked.user:
        return None
    refusal = Declined(f"No user has the e-mail {asked.email}.", "See `netflix-admin users list`.")
    return Objection("no-user", Lane.ACCOUNT, asked.email, refusal)


def disabled(asked: Asked) -> Objection | None:
    if asked.user is None or not asked.user.is_disabled:
        return None
    email = asked.user.email
    refusal = Declined(f"{email} is disabled.", f"`netflix-admin users enable {email}` lets them in again.")
    return Objection("disabled", Lane.ACCOUNT, email, refusal)


def without_password(asked: Asked) -> Objection | None:
    if asked.user is None or asked.user.has_password:
        return None
    email = asked.user.email
    refusal = Declined(
        f"{email} has no password.", f"`netflix-admin users reset-password {email}` makes a link to choose one."
    )
    return Objection("no-password", Lane.ACCOUNT, email, refusal)


REASONS: tuple[Callable[[Asked], Objection | None], ...] = (
    banned,
    used_up,
    unknown,
    disabled,
    without_password,
    locked_down,
)


def remarks(asked: Asked, device: str = "") -> list[str]:
    """What else an operator would want to know of it."""
    user = asked.user
    told = {
        "Redis does not answer: the journal in the instance folder decides.": any(s.in_journal for s in asked.steps),
        "The browser is known to the account, so that strangers' attempts do not count.": asked.known,
        "Nobody has signed in on it since a mailed link made it known, so that strangers' codes count.": asked.by_link
        and bool(user and user.has_second_factor),
        "The browser is not known to the account, so it counts as a stranger.": bool(device) and not asked.known,
        "A code is asked for after the password.": bool(user and user.has_second_factor),
        "A new password has to be chosen before anything else.": bool(user and user.must_change_since),
        "The account is about to be deleted; signing in takes that back.": bool(user and user.is_leaving),
    }
    return [sentence for sentence, is_so in told.items() if is_so]
