"""Whose e-mails the account lane counts: it knows them by a digest, from which nobody can tell them but by trying."""

from collections.abc import Callable, Collection, Iterator

from sqlalchemy import select

from netflix.accounts.user import User
from netflix.extensions import db
from netflix.json_rows import lines
from netflix.limits.counter import counters

# Parameters of one statement.
BATCH = 500


def emails(digests: Collection[str]) -> dict[str, str]:
    """By digest, the e-mail of each that a user has. It tries every user until all are found."""
    keys = dict(found(frozenset(digests)))
    spelt = select(User.email_key, User.email)
    known = [row for part in parts(list(keys)) for row in db.session.execute(spelt.where(User.email_key.in_(part)))]
    return {keys[email_key]: email for email_key, email in known}


def digests(is_like: Callable[[str], bool]) -> set[str]:
    """Of the users whose normalised e-mail is like something."""
    digest = counters().digest
    return {digest(email_key) for batch in lines(select(User.email_key)) for email_key in batch if is_like(email_key)}


def found(digests: frozenset[str]) -> Iterator[tuple[str, str]]:
    """The users' keys, each with the digest that is theirs."""
    left, digest = set(digests), counters().digest
    if not left:
        return
    for batch in lines(select(User.email_key)):
        for email_key in batch:
            tried = digest(email_key)
            if tried in left:
                left.remove(tried)
                yield email_key, tried
        if not left:
            return


def parts(keys: list[str]) -> Iterator[list[str]]:
    """No more than a database takes as parameters."""
    for begin in range(0, len(keys), BATCH):
        yield keys[begin : begin + BATCH]
