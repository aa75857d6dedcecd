"""The table of named limits; views, commands and the page of a refusal read this one."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from limits import RateLimitItem

from netflix.config import PREFIX, Config
from netflix.values import rates


class Lane(StrEnum):
    """Whom a limit counts."""

    ADDRESS = "address"
    ACCOUNT = "account"
    DEVICE = "device"
    SITE = "site"


@dataclass(frozen=True, eq=False)
class Limit:
    """One of the table below, which is only itself: it is looked up at each attempt.

    `setting` names the field of Config that holds its rates; `fixed` are rates nobody will tune.
    """

    name: str
    lane: Lane
    counts: str
    setting: str = ""
    fixed: str = ""

    def rates(self, config: Config) -> tuple[RateLimitItem, ...]:
        return getattr(config, self.setting) if self.setting else rates(self.fixed)

    def rules(self, config: Config) -> "list[PolicyRule]":
        return [PolicyRule(self, rate.amount, rate.get_expiry()) for rate in self.rates(config)]


class PolicyRule(NamedTuple):
    """One line of the table: so many attempts in so many seconds."""

    limit: Limit
    amount: int
    window: int

    @property
    def setting(self) -> str | None:
        return f"{PREFIX}{self.limit.setting.upper()}" if self.limit.setting else None


# A stranger's attempt to sign in counts in the first four; one of a browser that is known to the account in the next
# two alone, so that no flood of strangers keeps its owner out.
SIGN_IN_FROM_ADDRESS = Limit("sign-in", Lane.ADDRESS, "strangers' failed attempts to sign in", "login_limit")
SIGN_IN_TO_ACCOUNT = Limit("sign-in", Lane.ACCOUNT, "strangers' failed attempts at one e-mail", "account_limit")
# NIST SP 800-63B-4, 3.2.2: no more than 100 in a row.
IN_A_ROW = Limit("in-a-row", Lane.ACCOUNT, "strangers' failed attempts in a row at one e-mail", fixed="100 per 30 days")
SIGN_IN_TO_SITE = Limit("sign-in", Lane.SITE, "all strangers' failed attempts to sign in", "site_limit")
SIGN_IN_FROM_DEVICE = Limit(
    "sign-in", Lane.DEVICE, "failed attempts of a browser known to the account", fixed="5 per minute; 10 per hour"
)
IN_A_ROW_FROM_DEVICE = Limit(
    "in-a-row", Lane.DEVICE, "failed attempts in a row of a browser known to the account", fixed="100 per 30 days"
)
REGISTRATION_FROM_ADDRESS = Limit("register", Lane.ADDRESS, "attempts to register", "registration_limit")
# Each has us hash, and write to whom strangers please.
REGISTRATION_TO_SITE = Limit(
    "register", Lane.SITE, "all attempts to register without an invitation", "registration_site_limit"
)
RECOVERY_FROM_ADDRESS = Limit("recover", Lane.ADDRESS, "passwords sent with a one-time link", fixed="20 per hour")
# What strangers can have us write, to whomever: counted for known and unknown e-mails alike.
MAIL_FROM_ADDRESS = Limit("mail", Lane.ADDRESS, "mails asked for", fixed="20 per hour")
RECOVERY_OF_ACCOUNT = Limit("recover", Lane.ACCOUNT, "links for a new password asked for", fixed="3 per hour")
UNLOCK_OF_ACCOUNT = Limit("unlock", Lane.ACCOUNT, "links that let a browser in asked for", fixed="3 per hour")
REGISTRATION_OF_ACCOUNT = Limit("register", Lane.ACCOUNT, "attempts to register one e-mail", fixed="5 per hour")
# Of who asks, and apart from that of whom the mail goes to: nobody can use up what an account may ask for.
EMAIL_OF_ACCOUNT = Limit(
    "e-mail", Lane.ACCOUNT, "mails to confirm an e-mail that one account asks for", fixed="5 per hour"
)
EMAIL_TO_NEW = Limit("new-e-mail", Lane.ACCOUNT, "mails to one e-mail that an account is to have", fixed="5 per hour")
# Who gets to it knows the password: no stranger can use these up. As with passwords, a browser that is known to the
# account counts in lanes of its own, once somebody has signed in on it, and no more than 100 are wrong in a row.
SECOND_STEP_TO_ACCOUNT = Limit(
    "second-step",
    Lane.ACCOUNT,
    "strangers' wrong codes at one account",
    fixed="5 per 5 minutes; 20 per hour; 50 per day",
)
SECOND_STEP_FROM_ADDRESS = Limit(
    "second-step", Lane.ADDRESS, "strangers' wrong codes from one address", fixed="20 per 5 minutes; 60 per hour"
)
CODES_IN_A_ROW = Limit(
    "codes-in-a-row", Lane.ACCOUNT, "strangers' wrong codes in a row at one account", fixed="100 per 30 days"
)
SECOND_STEP_FROM_DEVICE = Limit(
    "second-step", Lane.DEVICE, "wrong codes of a browser known to the account", fixed="5 per 5 minutes; 20 per hour"
)
CODES_IN_A_ROW_FROM_DEVICE = Limit(
    "codes-in-a-row", Lane.DEVICE, "wrong codes in a row of a browser known to the account", fixed="100 per 30 days"
)
PASSKEYS_ASKED_FROM_ADDRESS = Limit(
    "passkey-asked", Lane.ADDRESS, "sign-in pages that offer passkeys", fixed="60 per minute; 600 per hour"
)
PASSKEYS_FROM_ADDRESS = Limit("passkey", Lane.ADDRESS, "passkeys not taken", fixed="10 per minute; 60 per hour")
FACTORS_OF_ACCOUNT = Limit("factors", Lane.ACCOUNT, "changes of codes and passkeys", fixed="30 per hour")
DENIED_TO_ACCOUNT = Limit(
    "denied", Lane.ACCOUNT, "pages not for them that are written down; more are not", fixed="10 per hour"
)
EXPORT_OF_ACCOUNT = Limit("export", Lane.ACCOUNT, "copies of one's data", fixed="10 per hour")

LIMITS = (
    SIGN_IN_FROM_ADDRESS,
    SIGN_IN_TO_ACCOUNT,
    IN_A_ROW,
    SIGN_IN_TO_SITE,
    SIGN_IN_FROM_DEVICE,
    IN_A_ROW_FROM_DEVICE,
    REGISTRATION_FROM_ADDRESS,
    REGISTRATION_TO_SITE,
    RECOVERY_FROM_ADDRESS,
    MAIL_FROM_ADDRESS,
    RECOVERY_OF_ACCOUNT,
    UNLOCK_OF_ACCOUNT,
    REGISTRATION_OF_ACCOUNT,
    EMAIL_OF_ACCOUNT,
    EMAIL_TO_NEW,
    SECOND_STEP_TO_ACCOUNT,
    SECOND_STEP_FROM_ADDRESS,
    CODES_IN_A_ROW,
    SECOND_STEP_FROM_DEVICE,
    CODES_IN_A_ROW_FROM_DEVICE,
    PASSKEYS_ASKED_FROM_ADDRESS,
    PASSKEYS_FROM_ADDRESS,
    FACTORS_OF_ACCOUNT,
    DENIED_TO_ACCOUNT,
    EXPORT_OF_ACCOUNT,
)
