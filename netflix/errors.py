"""Every way to be refused, as one tree; answered once for the web and once for the terminal.

    Refusal
    ├── ConfigError          the settings do not hold together
    ├── NotAccepted          what was typed cannot be taken, field by field
    ├── WrongCredentials     e-mail and password do not match
    ├── SignInRequired       the page is for people who are signed in
    ├── PasswordToChange     whoever is signed in must choose a new password before anything else
    ├── ProofRequired        the page is for who proved lately who they are
    ├── FirstStepRequired    the second step of signing in, without the first
    ├── SecondStepRequired   the password was right, and a second factor is asked for
    ├── PasskeyNotTaken      a passkey that does not prove it
    ├── TooManyAttempts      a limit is used up
    ├── Busy                 all hashing lanes, or all places for what is being sent, are taken
    ├── NotFound             no such user, session or link
    │   └── LinkGone         a one-time link that was used, replaced or has expired
    ├── AlreadyExists        the e-mail is taken
    ├── Declined             not done for a reason of policy
    │   └── EmailNotConfirmed    nobody has shown yet that the e-mail is theirs
    ├── LockedDown           only known browsers and second factors sign in for a while
    ├── Banned               the network that somebody comes from is shut out
    ├── NotSent              the mail server did not take a mail
    │   ├── MailNotTaken     and never will
    │   └── MailServerUnavailable  nor any other just now
    ├── CountersUnavailable  Redis does not answer
    └── DatabaseUnavailable  the database does not answer, or fails
        ├── DatabaseBusy     somebody else holds what is needed of it
        ├── DatabaseDamaged  its file is not what SQLite wrote
        └── NotMigrated      it has not the tables of this version
            └── SiteMissing  there is no site in this folder

Exit codes of `netflix-admin`: 0 done, 1 unexpected, 2 usage, 3 not found, 4 already exists,
5 Redis unavailable, 6 database unavailable or not migrated, 7 refused, 8 partly done.
"""

from pathlib import Path
from typing import Any


class Refusal(Exception):
    """One sentence of what is the matter and one of what to do next.

    `status` answers on the web, `exit_code` in the terminal; `retry_after` is in whole seconds.
    """

    status = 400
    exit_code = 1
    title = "That did not work"
    sentence = "That could not be done."
    remedy = "Go back and try again."
    retry_after: int | None = None

    def __init__(self, sentence: str | None = None, remedy: str | None = None) -> None:
        self.sentence = sentence if sentence is not None else self.sentence
        self.remedy = remedy if remedy is not None else self.remedy
        super().__init__(self.sentence)

    def __str__(self) -> str:
        between = "" if self.sentence.endswith("\n") else " "
        return f"{self.sentence}{between}{self.remedy}".strip()


class ConfigError(Refusal):
    """`problems` holds one line for each setting at fault."""

    status = 500
    exit_code = 2
    title = "The settings are not right"

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("The settings are not right:", "\n".join(f"  {problem}" for problem in problems))

    def __str__(self) -> str:
        return f"{self.sentence}\n{self.remedy}"


class NotAccepted(Refusal):
    """`faults` maps a field to the sentences that stand at it."""

    status = 422
    exit_code = 2
    title = "Please look at the form again"
    sentence = "Some of that cannot be taken."
    remedy = "Mend what is marked and send it again."

    def __init__(self, faults: dict[str, list[str]]) -> None:
        self.faults = faults
        super().__init__()

    def __str__(self) -> str:
        return " ".join(sentence for sentences in self.faults.values() for sentence in sentences)


def accept(**faults: list[str]) -> None:
    """Raises NotAccepted for the fields that have a sentence standing at them."""
    if found := {field: sentences for field, sentences in faults.items() if sentences}:
        raise NotAccepted(found)


class WrongCredentials(Refusal):
    """The same for an unknown e-mail, a wrong password and a disabled user (ASVS 5.0 6.3.8)."""

    status = 401
    exit_code = 7
    title = "Not signed in"
    sentence = "That e-mail and password do not match."
    remedy = "Check both and try again."


class SignInRequired(Refusal):
    """The page belongs to people who are signed in."""

    status = 401
    exit_code = 7
    title = "Please sign in"
    sentence = "This page is for people who are signed in."
    remedy = "Sign in and you will be brought back to it."


class PasswordToChange(Refusal):
    """Compromised, or a first one that may not stay (NIST SP 800-63B-4 3.1.1.2; ASVS 5.0 6.4.1)."""

    status = 403
    exit_code = 7
    title = "Choose a new password first"
    sentence = "Your password is known to others, so it has to be changed before anything else."
    remedy = "Choose a new one at /password."


class ProofRequired(Refusal):
    """A dangerous step, and the last proof is too old (ASVS 5.0 7.5.1); `back` is the page whose form asked for it."""

    status = 401
    exit_code = 7
    title = "Is it you?"
    sentence = "This needs a fresh proof that it is you."
    remedy = "Open this site's page `/prove`, then send it again."

    def __init__(self, back: str) -> None:
        self.back = back
        super().__init__()


class FirstStepRequired(Refusal):
    """The second step of signing in, and the first was not done, is too old, or its account changed since."""

    status = 401
    exit_code = 7
    title = "Please start again"
    sentence = "That took a while, or your account changed."
    remedy = "Sign in again with your e-mail and password."


class SecondStepRequired(Refusal):
    """The password was right, and alone opens nothing; `first_step` is what the browser carries to the second."""

    status = 401
    exit_code = 7
    title = "One more step"
    sentence = "Your password is right, and your account asks for a code too."
    remedy = "Send it as `code` to `/login/second`."

    def __init__(self, first_step: Any) -> None:
        self.first_step = first_step
        super().__init__()


class PasskeyNotTaken(Refusal):
    """A passkey's answer that does not hold; the same for one that nobody here has and for a disabled user's."""

    status = 422
    exit_code = 7
    title = "That passkey was not taken"
    sentence = "That passkey opens nothing here."
    remedy = "Try again, or use your password."


class TooManyAttempts(Refusal):
    """A limit is used up; `wait` is seconds until the next attempt would be let in."""

    status = 429
    exit_code = 7
    title = "Too many attempts"

    def __init__(self, wait: float) -> None:
        self.retry_after = max(1, int(wait) + (wait % 1 > 0))
        super().__init__("Too many attempts.", f"Try again in {in_words(self.retry_after)}.")


class Busy(Refusal):
    """Hashing is bounded so that sign-ins never starve the pages (ASVS 5.0 15.2.2)."""

    status = 503
    exit_code = 7
    title = "Very busy just now"
    sentence = "Many people are signing in just now."
    retry_after = 3
    remedy = "Try again in a few seconds."


class NotFound(Refusal):
    """What was named is not there."""

    status = 404
    exit_code = 3
    title = "Not found"
    sentence = "That is not here."
    remedy = "It may have been removed. Go back and look again."


class LinkGone(NotFound):
    """A one-time link that was used, replaced by a newer one, or has expired."""

    status = 410
    title = "This link no longer works"
    sentence = "It was used already, replaced by a newer one, or has expired."
    remedy = "Ask for a new one."


class AlreadyExists(Refusal):
    """Something of that name is there already."""

    status = 409
    exit_code = 4
    title = "Already there"


class Declined(Refusal):
    """Understood, and not done for a reason of policy."""

    status = 403
    exit_code = 7
    title = "Not allowed"


class EmailNotConfirmed(Declined):
    """Nobody has shown yet that the account's e-mail is theirs."""

    sentence = "Your e-mail is not confirmed yet."
    remedy = "Confirm it first, by the link that we mailed you."


class LockedDown(Refusal):
    """Its words hold the reason, which the operator wrote for everybody."""

    status = 403
    exit_code = 7
    title = "Not just now"


class Banned(Refusal):
    """`until` is when it ends, as a person reads it, or nothing when never; `contact` whom to ask.

    Why stands nowhere in it: the reason is for operators.
    """

    status = 403
    exit_code = 7
    title = "This network is shut out"

    def __init__(self, until: str, contact: str, address: str) -> None:
        self.contact, self.address = contact, address
        # What `contact` is to a browser.
        self.link = contact if "://" in contact or not contact else f"mailto:{contact}"
        ends = f" until {until}" if until else ""
        whom = f"{self.verb} {contact}" if contact else "ask whoever runs this site"
        super().__init__(
            f"The network that you come from is shut out here{ends}.",
            f"If you think that is a mistake, {whom}, and say that your address is {address}.",
        )

    @property
    def verb(self) -> str:
        return "write to" if self.link != self.contact else "go to"


class NotSent(Refusal):
    """The mail server did not take a mail; later it may."""

    status = 503
    exit_code = 7
    title = "Not sent"
    sentence = "The mail was not sent."
    remedy = "Try again later."


class MailNotTaken(NotSent):
    """The mail server, or the address itself, will never take this one."""

    remedy = "Check the address."


class MailServerUnavailable(NotSent):
    """The mail server does not answer, breaks off, or takes nothing from this site."""

    remedy = "Check NETFLIX_MAIL_URL and NETFLIX_MAIL_FROM, and whether the server answers."


class CountersUnavailable(Refusal):
    """Redis, which keeps the counters of the limits, does not answer."""

    status = 503
    exit_code = 5
    title = "Out of order for a moment"
    sentence = "Redis, which keeps the limits' counters, does not answer."
    remedy = "Start the site (its own server starts with it), or check NETFLIX_REDIS_URL."


class DatabaseUnavailable(Refusal):
    """The database does not answer, or fails."""

    status = 503
    exit_code = 6
    title = "Out of order for a moment"
    sentence = "The database does not answer."
    remedy = "Start it, or check NETFLIX_DATABASE_URL."


class DatabaseBusy(DatabaseUnavailable):
    """Somebody else holds what is needed of it."""

    sentence = "The database is busy with something else."
    remedy = "Try again in a moment."


class DatabaseDamaged(DatabaseUnavailable):
    """SQLite's file is not what SQLite wrote."""

    SIGNS = ("file is not a database", "disk image is malformed")
    sentence = "The file of the database is damaged."
    remedy = "Stop the site and restore a backup: `netflix-admin restore FILE`."


class NotMigrated(DatabaseUnavailable):
    """The database answers, and has not the tables of this version."""

    sentence = "The database is not migrated."
    remedy = "Run `netflix-admin db upgrade` (or `flask db upgrade`)."


class SiteMissing(NotMigrated):
    """There is no site in this folder, and who only looks after one makes none."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"There is no site in {folder} yet.",
            "Check NETFLIX_INSTANCE; or make one: start it, or run `netflix-admin db upgrade` (or `flask db upgrade`); "
            "or bring one back: `netflix-admin restore FILE`.",
        )


def in_words(seconds: int) -> str:
    """A time to wait as a person would say it; rounded up, so that it is never too early."""
    if seconds < 120:
        return f"{seconds} second{'s' * (seconds != 1)}"
    minutes = -(-seconds // 60)
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{-(-minutes // 60)} hours"
