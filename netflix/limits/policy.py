"""The table of named limits; views, commands and the page of a refusal read this one."""

from dataclasses import dataclass
from enum import StrEnum

from limits import RateLimitItem

from netflix.config import Config
from netflix.values import rates


class Lane(StrEnum):
    """Whom a limit counts."""

    ADDRESS = "address"
    ACCOUNT = "account"


@dataclass(frozen=True)
class Limit:
    """`setting` names the field of Config that holds its rates; `fixed` are rates nobody will tune."""

    name: str
    lane: Lane
    counts: str
    setting: str = ""
    fixed: str = ""

    def rates(self, config: Config) -> tuple[RateLimitItem, ...]:
        return getattr(config, self.setting) if self.setting else rates(self.fixed)


SIGN_IN_FROM_ADDRESS = Limit("sign-in", Lane.ADDRESS, "attempts to sign in; a right one is given back", "login_limit")
SIGN_IN_TO_ACCOUNT = Limit("sign-in", Lane.ACCOUNT, "failed attempts to sign in to one e-mail", "account_limit")
REGISTRATION_FROM_ADDRESS = Limit("register", Lane.ADDRESS, "attempts to register", "registration_limit")
RECOVERY_FROM_ADDRESS = Limit("recover", Lane.ADDRESS, "passwords sent with a one-time link", fixed="20 per hour")

LIMITS = (SIGN_IN_FROM_ADDRESS, SIGN_IN_TO_ACCOUNT, REGISTRATION_FROM_ADDRESS, RECOVERY_FROM_ADDRESS)
