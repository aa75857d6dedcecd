"""How all passwords are kept: which schemes, keys and costs there are, counted by the database in one statement."""

from typing import NamedTuple

from sqlalchemy import case, func, select

from netflix import config as settings
from netflix.accounts import password as passwords
from netflix.accounts.user import User
from netflix.extensions import db

NONE = "none"


class Kept(NamedTuple):
    """`scheme` is ours with the key's name, that of bare bcrypt, or `none`, which has no cost."""

    scheme: str
    rounds: int | None
    users: int
    must_change: int
    state: str
    is_lost: bool = False


def survey() -> list[Kept]:
    """The most users first."""
    # The salt begins after the cost: $2b$12$.
    keyed = len(passwords.scheme_id(settings.current()) + "$2b$12$")
    mark = case(
        (User.password_hash.startswith(passwords.SCHEME), func.substr(User.password_hash, 1, keyed)),
        else_=func.substr(User.password_hash, 1, len("$2b$12$")),
    )
    begun = select(mark.label("mark"), User.must_change_since).subquery().c
    counted = select(begun.mark, func.count(), func.count(begun.must_change_since)).group_by(begun.mark)
    rows = [kept(*row) for row in db.session.execute(counted)]
    return sorted(rows, key=lambda row: (-row.users, row.scheme, row.rounds or 0))


def kept(mark: str | None, users: int, must_change: int) -> Kept:
    if mark is None:
        return Kept(NONE, None, users, must_change, "no password")
    keyed, _, bare = mark.partition("$")
    version, _, rounds = bare.rstrip("$").partition("$")
    if not rounds.isdecimal() or version not in passwords.VERSIONS:
        return Kept("unknown", None, users, must_change, "cannot be read: give them a link", is_lost=True)
    scheme = keyed or f"bcrypt ${version}$"
    ours, today = passwords.scheme_id(settings.current()), settings.current().bcrypt_rounds
    if keyed and keyed != ours:
        return Kept(scheme, int(rounds), users, must_change, "of another key: give them a link", is_lost=True)
    state = "as today" if keyed and int(rounds) == today else "made anew at the next sign-in"
    return Kept(scheme, int(rounds), users, must_change, state)
