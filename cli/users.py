"""People who may sign in."""

from typing import TYPE_CHECKING

import click

from netflix.errors import AlreadyExists, accept

from . import asking, directory, dry_run, formats, moving, output, refusals, site
from .formats import Column, Sheet

if TYPE_CHECKING:
    from netflix.signin.access import Outcome

HANDED_OVER = {
    asking.LINK: "This link, good once and for an hour, lets them choose a password:",
    asking.GENERATE: "Their password, shown this once; when they sign in they choose another:",
}


DETAILS = (
    *(column for column in directory.COLUMNS if not column.is_extra),
    Column("sessions", "Sessions", lambda user: len(site.session.Session.everywhere(user)), type="integer"),
    Column("second_factor", "Second factor", directory.has_second_factor, type="boolean"),
    Column("two_step", "Two-step", lambda user: user.has_second_factor, type="boolean"),
    Column(
        "recovery_codes", "Recovery codes", lambda user: site.recovery_code.RecoveryCode.left(user.id), type="integer"
    ),
    Column("passkeys", "Passkeys", lambda user: site.passkey.Passkey.count(user.id), type="integer"),
)


@click.group()
def users() -> None:
    """Make, list, disable and delete users, and let them in again.

    \b
    Example:
      netflix-admin users create you@example.org --admin
    """


@users.command()
@asking.emails
@click.option("--admin", is_flag=True, help="As an administrator.")
@asking.password_stdin
@asking.generate
@click.option(asking.LINK, is_flag=True, help="Print a one-time link by which they choose a password.")
@click.option("--if-not-exists", is_flag=True, help="When there is such a user, change nothing and exit with 0.")
@site.within
@dry_run.offered
def create(
    emails: tuple[str, ...], admin: bool, password_stdin: bool, generate: bool, link: bool, if_not_exists: bool
) -> None:
    """Make a user.

    Without an option for the password it is asked for, unseen.
    A generated password, or the link, is all that is printed on standard output; with several users each line is the
    e-mail, a tab, and the link or password.

    \b
    Example:
      netflix-admin users create ada@example.org --link
    """
    way = asking.at_most_one({asking.STDIN: password_stdin, asking.GENERATE: generate, asking.LINK: link})
    several = len(emails) > 1
    if several and way not in HANDED_OVER:
        raise click.UsageError(
            "One password for several users is none. Give --link or --generate, or one user at a time."
        )
    asking.check_way(way)

    def create_one(email: str) -> None:
        whose = f"'{email}': " if several else ""
        accept(email=[f"{whose}{fault}" for fault in site.email.new_faults(email)])
        try:
            fresh = made(email, admin, way)
        except AlreadyExists as known:
            if not if_not_exists:
                raise
            told = output.note if is_handed_over(way) else output.done
            told(f"{known.sentence} Nothing was changed.")
            return
        if several and is_handed_over(way):
            output.product(f"{output.printable(email.strip())}\t{fresh}", unseen(email.strip()))
        else:
            hand_over(email.strip(), f"is {'an administrator' if admin else 'a member'}.", way, fresh)

    refusals.for_each(emails, create_one)


def made(email: str, admin: bool, way: str | None) -> str:
    """Their link or password. Nobody is asked for a password of a user who is there already."""
    site.registration.check_free(email)
    if way == asking.LINK:
        return site.recovery.invite(email, admin)
    password = asking.password(way, email)
    site.registration.create(email, password, is_admin=admin, for_good=way != asking.GENERATE)
    return password


@users.command()
@asking.emails
@formats.sheet(DETAILS)
@site.within
def show(emails: tuple[str, ...], sheet: Sheet) -> None:
    """Show one user, or several.

    \b
    Example:
      netflix-admin users show ada@example.org
    """
    found = [user for email in emails if (user := site.user.User.known_as(email))]
    sheet.print_each(found, asking.is_of_several())
    refusals.for_each(emails, missed)


def missed(email: str) -> None:
    """Raises NotFound."""
    site.user.User.named(email)


@users.command("reset-password")
@asking.emails
@asking.password_stdin
@asking.generate
@site.within
@dry_run.offered
def reset_password(emails: tuple[str, ...], password_stdin: bool, generate: bool) -> None:
    """Let users choose a new password, by a one-time link.

    The link is good for an hour. Their old password and all their sessions end at once, by this and by the other ways.
    With several users each line is the e-mail, a tab, and the link or password.

    \b
    Example:
      netflix-admin users reset-password ada@example.org
    """
    way = asking.at_most_one({asking.STDIN: password_stdin, asking.GENERATE: generate}) or asking.LINK
    several = len(emails) > 1
    if several and way == asking.STDIN:
        raise click.UsageError("One password for several users is none. Give --generate, or one user at a time.")
    given = asking.password(way, emails[0]) if way == asking.STDIN else None

    def reset(email: str) -> None:
        user = site.user.User.named(email)
        if way == asking.LINK:
            fresh = site.access.reset_by_link(email)
        else:
            fresh = given or site.password.generated()
            site.access.set_password(email, fresh, for_good=way != asking.GENERATE)
        if several and is_handed_over(way):
            output.product(f"{output.printable(user.email)}\t{fresh}", unseen(user.email))
        else:
            hand_over(user.email, "has to sign in with a new password.", way, fresh)

    refusals.for_each(emails, reset)


@users.command("reset-second-factor")
@asking.emails
@site.within
@dry_run.offered
def reset_second_factor(emails: tuple[str, ...]) -> None:
    """Take second factors off users who have lost them.

    That is two-step sign-in, its recovery codes, and passkeys.

    Their sessions end, their password stays, and they are told by mail. Be sure first that it is they who ask.

    \b
    Example:
      netflix-admin users reset-second-factor ada@example.org
    """

    def reset(email: str) -> None:
        outcome = site.removal.reset_second_factor(email)
        tell(outcome, "signs in by password alone, and is signed out everywhere.", "has no second factor.")

    refusals.for_each(emails, reset)


@users.command()
@asking.emails
@site.within
@dry_run.offered
def disable(emails: tuple[str, ...]) -> None:
    """Keep a user out, and end their sessions.

    Nothing of theirs is deleted.

    \b
    Example:
      netflix-admin users disable ada@example.org
    """

    def act(email: str) -> None:
        tell(site.access.disable(email), "can no longer sign in, and is signed out everywhere.", "is disabled already.")

    refusals.for_each(emails, act)


@users.command()
@asking.emails
@site.within
@dry_run.offered
def enable(emails: tuple[str, ...]) -> None:
    """Let a disabled user in again.

    \b
    Example:
      netflix-admin users enable ada@example.org
    """

    def act(email: str) -> None:
        tell(site.access.enable(email), "may sign in.", "may sign in already.")

    refusals.for_each(emails, act)


@users.command()
@asking.emails
@site.within
@dry_run.offered
def promote(emails: tuple[str, ...]) -> None:
    """Make a user an administrator, who signs in anew.

    \b
    Example:
      netflix-admin users promote ada@example.org
    """

    def act(email: str) -> None:
        outcome = site.access.promote(email)
        tell(outcome, "is an administrator.", "is an administrator already.")
        if outcome.changed and site.outbox.is_on() and not site.user.User.named(email).is_verified:
            output.note(f"Nobody has shown yet that {outcome.email} is theirs: make sure who registered with it.")

    refusals.for_each(emails, act)


@users.command()
@asking.emails
@site.within
@dry_run.offered
def demote(emails: tuple[str, ...]) -> None:
    """Make an administrator a member again.

    \b
    Example:
      netflix-admin users demote ada@example.org
    """

    def act(email: str) -> None:
        tell(site.access.demote(email), "is a member.", "is a member already.")

    refusals.for_each(emails, act)


@users.command()
@asking.emails
@click.option("--yes", is_flag=True, help="Do not ask.")
@site.within
@dry_run.offered
def delete(emails: tuple[str, ...], yes: bool) -> None:
    """Delete a user and all that is theirs, for ever.

    \b
    Example:
      netflix-admin users delete ada@example.org --yes
    """

    whom = site.user.User.named(emails[0]).email if len(emails) == 1 else f"{len(emails):,} users"
    asking.confirm(f"Delete {output.printable(whom)} and all that is theirs, for ever?", yes)

    def act(email: str) -> None:
        output.done(f"{site.access.remove(email).email} is deleted.")

    refusals.for_each(emails, act)


def tell(outcome: "Outcome", so: str, already: str) -> None:
    output.done(f"{outcome.email} {so if outcome.changed else already}")


def is_handed_over(way: str | None) -> bool:
    """Whether standard output is for a link or password alone."""
    return way in HANDED_OVER and not output.is_dry_run()


def hand_over(email: str, told: str, way: str | None, fresh: str | None) -> None:
    """What was made for a user is alone on standard output; what they chose or the operator knows is not repeated."""
    if is_handed_over(way):
        output.note(f"{email} {told} {HANDED_OVER[way or '']}")
        output.product(fresh or "", unseen(email))
    else:
        output.done(f"{email} {told}")


def unseen(email: str) -> str:
    return (
        f"What was made for {email} is lost: mend the output, and give a new one with "
        f"`netflix-admin users reset-password {email}`."
    )


users.add_command(directory.list_users)
users.add_command(moving.export_users)
users.add_command(moving.import_users)
