"""People from elsewhere become users, a batch at a time: each is one transaction with its events, or nothing.

A second run goes on where the first one ended, since who is there is left as they are. A batch is short: nobody who
signs in meanwhile waits long. Each new user has an event of their own, so that the record says of every account how it
began.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Table, select, update
from sqlalchemy.dialects import postgresql, sqlite

from netflix import clock, trial
from netflix.accounts import one_time_link
from netflix.accounts.one_time_link import Purpose
from netflix.accounts.roll import Person, Refused, told
from netflix.accounts.user import User
from netflix.errors import Refusal
from netflix.events import event
from netflix.events.event import Kind
from netflix.extensions import AS_IT_IS, db
from netflix.signin import access, recovery

BATCH = 1000
USERS: Table = User.__table__  # type: ignore[assignment]


class Done(NamedTuple):
    """What became of a batch: how many are new, were there already, were changed, and have no password.

    `links` are one-time links by e-mail, for who has no password; `renewed` of them are of users who were there. A
    rehearsal makes none.
    """

    new: int
    known: int
    changed: int
    without_password: int
    refused: list[Refused]
    links: list[tuple[str, str]]
    renewed: int = 0


def imported(
    rows: Iterable[Person | Refused],
    size: int = BATCH,
    updating: bool = False,
    inviting: bool = False,
    is_rehearsal: bool = False,
) -> Iterator[Done]:
    """Takes a batch of rows each time it is asked. With `updating` who is there already gets what their row says.

    A rehearsal says what would be done, and writes nothing.
    """
    with trial.trying() if is_rehearsal else nullcontext():
        yield from batch_by_batch(iter(rows), size, updating, inviting, is_rehearsal)


def batch_by_batch(
    rows: Iterator[Person | Refused], size: int, updating: bool, inviting: bool, is_rehearsal: bool
) -> Iterator[Done]:
    while batch := list(islice(rows, size)):
        people = sorted((one for one in batch if isinstance(one, Person)), key=lambda person: person.key)
        refused = [one for one in batch if isinstance(one, Refused)]
        there = known(people)
        fresh = [person for person in people if person.key not in there]
        new, links = (fresh, rehearsed(fresh, inviting)) if is_rehearsal else added(fresh, inviting)
        changed, faults = 0, list[Refused]()
        if updating:
            changed, faults = updated([(there[one.key], one) for one in people if one.key in there], is_rehearsal)
        changing = {one.key for one in people if updating and (one.kept or one.disabled)}
        waiting = [user for key, user in there.items() if inviting and is_waiting(user) and key not in changing]
        again = unmade(waiting) if is_rehearsal else invited_again(waiting)
        without = 0 if inviting else sum(person.kept is None for person in new)
        present = len(people) - len(new) - len(faults)
        in_order = sorted(refused + faults, key=lambda one: one.line)
        yield Done(len(new), present, changed, without, in_order, links + again, len(again))


def invitable(people: Sequence[Person], inviting: bool) -> list[Person]:
    return [person for person in people if inviting and person.kept is None and not person.disabled]


def rehearsed(people: Sequence[Person], inviting: bool) -> list[tuple[str, str]]:
    """As `added`, of new ones, of whom nobody is made."""
    for person in people:
        if person.admin and not person.disabled and (person.kept or inviting):
            trial.note_administrator(-person.line, may_sign_in=True)
    return unmade(invitable(people, inviting))


def unmade(invited: Sequence[Person | User]) -> list[tuple[str, str]]:
    """In a rehearsal: who would get a link, and none."""
    return [(one.email, "") for one in invited]


def known(people: Sequence[Person]) -> dict[str, User]:
    """Those who are there. Only looked at: who writes next begins anew, and what was read holds nobody up."""
    found = db.session.scalars(select(User).where(User.email_key.in_([person.key for person in people])))
    there = {user.email_key: user for user in found}
    db.session.expunge_all()
    db.session.rollback()
    return there


def added(people: Sequence[Person], inviting: bool) -> tuple[list[Person], list[tuple[str, str]]]:
    """Those who are new, and their links. Should somebody come in between, the database's own constraint says so.

    In the order of their e-mails, as every import inserts them: two never wait for each other in a circle.
    """
    if not people:
        return [], []
    dialect = sqlite if db.engine.dialect.name == "sqlite" else postgresql
    adding = dialect.insert(USERS).on_conflict_do_nothing(index_elements=[USERS.c.email_key])
    made = db.session.connection().execute(
        adding.returning(USERS.c.email_key, USERS.c.id), [values(person) for person in people]
    )
    numbers: dict[str, int] = dict(made.all())
    new = [person for person in people if person.key in numbers]
    invited = [(numbers[one.key], one.email) for one in invitable(new, inviting)]
    links = linked(invited)
    event.record_each(
        Kind.USER_CREATED, [(numbers[one.key], {"admin": bool(one.admin), "imported": True}) for one in new]
    )
    event.record_each(Kind.LINK_MADE, [(number, {"link": "new password"}) for number, _ in invited])
    db.session.commit()
    return new, links


def linked(invited: Sequence[tuple[int, str]]) -> list[tuple[str, str]]:
    """A link for each of these, by number and e-mail; committed by the act that called."""
    tokens = one_time_link.issue_each([number for number, _ in invited], Purpose.RECOVER)
    return [(email, recovery.opened_by(token)) for (_, email), token in zip(invited, tokens, strict=True)]


def is_waiting(user: User) -> bool:
    """Whether nobody has come in by it yet, and a link lets them."""
    return not (user.has_password or user.signed_in_at or user.is_disabled or user.is_leaving)


def invited_again(users: Sequence[User]) -> list[tuple[str, str]]:
    """New links in place of those that an import before this one made, which may have ended before it printed them."""
    if not users:
        return []
    still = [
        User.id.in_([user.id for user in users]),
        User.password_hash.is_(None),
        User.signed_in_at.is_(None),
        User.disabled_at.is_(None),
        User.deleting_at.is_(None),
    ]
    # In the order in which every import takes them; what became of somebody meanwhile counts.
    in_order = select(User.id).where(*still).order_by(User.email_key).with_for_update()
    held = update(User).where(User.id.in_(in_order)).values(id=User.id).returning(User.id, User.email, User.email_key)
    rows = db.session.execute(held, execution_options=AS_IT_IS).all()
    invited = [(number, email) for number, email, _ in sorted(rows, key=lambda row: row.email_key)]
    one_time_link.end_each([number for number, _ in invited], Purpose.RECOVER)
    links = linked(invited)
    event.record_each(Kind.LINK_MADE, [(number, {"link": "new password"}) for number, _ in invited])
    db.session.commit()
    return links


def values(person: Person) -> Mapping[str, Any]:
    """The operator's word is taken that an e-mail is theirs, unless the row says otherwise."""
    now = clock.now()
    return {
        "email": person.email,
        "email_key": person.key,
        "password_hash": person.kept,
        "is_admin": bool(person.admin),
        # Who has still to confirm has as long for it as a newcomer, before `purge` takes them for abandoned.
        "created_at": now if person.verified is False else person.created_at or now,
        "verified_at": None if person.verified is False else now,
        "disabled_at": now if person.disabled else None,
        "must_change_since": now if person.must_change else None,
    }


def updated(people: Sequence[tuple[User, Person]], is_rehearsal: bool) -> tuple[int, list[Refused]]:
    """How many were changed, each by the acts that an administrator has, and who could not be."""
    changed, refused = 0, []
    for user, person in people:
        acts = list(changes(user, person))
        try:
            for act in acts:
                act(person.email)
        except Refusal as refusal:
            db.session.rollback()
            refused.append(Refused(person.line, person.email, str(refusal), told(person._asdict())))
        else:
            changed += bool(acts)
        if is_rehearsal and acts:
            # Nobody waits for its locks.
            db.session.rollback()
    return changed, refused


def changes(user: User, person: Person) -> Iterator[Callable[[str], object]]:
    """What has to be done for a user to be as their row says.

    A password that somebody has is never replaced: they may have changed it here since.
    """
    if person.disabled is not None and person.disabled != user.is_disabled:
        yield access.disable if person.disabled else access.enable
    if person.admin is not None and person.admin != user.is_admin:
        yield access.promote if person.admin else access.demote
    if person.kept and not user.has_password:
        yield partial(access.adopt, kept=person.kept)
    if person.verified and not user.is_verified:
        yield access.vouch_for
