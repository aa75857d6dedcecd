"""People who may sign in."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from netflix.errors import AlreadyExists

from . import asking, formats, moving, output, refusals, site, times
from .formats import Column, Listing, Sheet
from .lock import one_at_a_time

if TYPE_CHECKING:
    from netflix.accounts.user import User
    from netflix.administration.directory import Wanted

HANDED_OVER = {
    asking.LINK: "This link, good once and for an hour, lets them choose a password:",
    asking.GENERATE: "Their password, shown this once; when they sign in they choose another:",
}


def state(user: "User") -> str:
    return f"leaving {formats.human(user.deleting_at)}" if user.state == "leaving" else user.state


def state_role(user: "User") -> str:
    return {"disabled": "bad", "leaving": "bad", "no password": "quiet"}.get(user.state, "")


COLUMNS = (
    Column("email", "E-mail", role=lambda _: "noun", shrinks=True),
    Column("id", type="integer"),
    Column(
        "admin",
        "Role",
        lambda user: user.is_admin,
        lambda user: "administrator" if user.is_admin else "member",
        lambda user: "good" if user.is_admin else "",
        type="boolean",
    ),
    Column("disabled", "State", lambda user: user.is_disabled, lambda user: state(user), state_role, type="boolean"),
    Column("has_password", type="boolean"),
    Column("verified", "Confirmed", lambda user: user.is_verified, role=lambda _: "quiet", spare=True, type="boolean"),
    Column("deleting_at", type="date-time?"),
    Column("signed_in_at", "Signed in", show=lambda user: last(user), role=lambda _: "quiet", type="date-time?"),
    Column("created_at", "Created", role=lambda _: "quiet", spare=True, type="date-time"),
)
DETAILS = (
    *COLUMNS,
    Column("sessions", "Sessions", lambda user: len(site.session.Session.everywhere(user)), type="integer"),
    Column("second_factor", "Two-step", lambda user: user.has_second_factor, type="boolean"),
    Column(
        "recovery_codes", "Recovery codes", lambda user: site.recovery_code.RecoveryCode.left(user.id), type="integer"
    ),
    Column("passkeys", "Passkeys", lambda user: site.passkey.Passkey.count(user.id), type="integer"),
)


# In a table at a terminal.
MOST_ROWS = 1000


class Sort(click.ParamType):
    """What to sort by, and whether from the other end."""

    name = "sort"
    KEYS = ("email", "created", "signed-in")

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, bool]:
        key = value.removeprefix("-")
        if key not in self.KEYS:
            self.fail(f"'{value}' is nothing to sort by. Give email, created or signed-in, or -created.", param, ctx)
        return key, value.startswith("-")

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(key) for key in self.KEYS if key.startswith(incomplete)]


def last(user: "User") -> str:
    return formats.human(user.signed_in_at) if user.signed_in_at else "never"


@click.group()
def users() -> None:
    """Make, list, disable and delete users, and let them in again.

    \b
    Example:
      netflix-admin users create you@example.org --admin
    """


@users.command()
@click.argument("email")
@click.option("--admin", is_flag=True, help="As an administrator.")
@asking.password_stdin
@asking.generate
@click.option(asking.LINK, is_flag=True, help="Print a one-time link by which they choose a password.")
@click.option("--if-not-exists", is_flag=True, help="When there is such a user, change nothing and exit with 0.")
@site.within
def create(email: str, admin: bool, password_stdin: bool, generate: bool, link: bool, if_not_exists: bool) -> None:
    """Make a user.

    Without an option for the password it is asked for, unseen.
    A generated password, or the link, is all that is printed on standard output.

    \b
    Example:
      netflix-admin users create ada@example.org --link
    """
    way = asking.at_most_one({asking.STDIN: password_stdin, asking.GENERATE: generate, asking.LINK: link})
    asking.check_way(way)
    site.registration.check(email, None)
    try:
        fresh = made(email, admin, way)
    except AlreadyExists as known:
        if not if_not_exists:
            raise
        output.done(f"{known.sentence} Nothing was changed.")
    else:
        hand_over(f"{email.strip()} is {'an administrator' if admin else 'a member'}.", way, fresh)


def made(email: str, admin: bool, way: str | None) -> str:
    """Their link or password. Nobody is asked for a password of a user who is there already."""
    site.registration.check_free(email)
    if way == asking.LINK:
        return site.recovery.invite(email, admin)
    password = asking.password(way, email)
    site.registration.create(email, password, is_admin=admin, for_good=way != asking.GENERATE)
    return password


@users.command("list")
@click.option("--admin", is_flag=True, help="Administrators only.")
@click.option("--disabled", is_flag=True, help="Disabled users only.")
@click.option("--unverified", is_flag=True, help="Only those whose e-mail was not confirmed.")
@click.option("--no-second-factor", is_flag=True, help="Only those with neither two-step sign-in nor a passkey.")
@click.option(
    "--inactive-since",
    type=times.Since(),
    metavar="TIME",
    help="Not signed in since then: 90d, or a day as 2026-11-24.",
)
@click.option("--created-since", type=times.Since(), metavar="TIME", help="Made since then.")
@click.option(
    "--sort",
    type=Sort(),
    metavar="[-]KEY",
    help="By email, created or signed-in; with a - before it from the other end.  "
    "[default: email; created with --created-since or --unverified]",
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="The first N only.")
@formats.listing(COLUMNS)
@site.within
def list_users(sort: tuple[str, bool] | None, listing: Listing, **which: Any) -> None:
    """List users.

    To a terminal come the first thousand, unless --limit says how many. Everywhere else come all, as they are read.

    \b
    Example:
      netflix-admin users list --inactive-since 90d --sort -signed-in --fields email,signed_in_at
    """
    # These are found by when they were made.
    by_age = which["created_since"] or which["unverified"]
    key, descending = sort or ("created" if by_age else "email", False)
    wanted = site.directory.Wanted(**which, sort=key, descending=descending)
    if listing.is_for_a_person:
        print_some(wanted, listing)
    elif listing.form == "jsonl":
        listing.print_written(site.directory.json_lines(wanted, listing.fields))
    else:
        listing.by_name().print(site.directory.rows(wanted, listing.fields), "")


def print_some(wanted: "Wanted", listing: Listing) -> None:
    """No more than somebody would read, unless they said how many: a table's widths need all of its rows."""
    shown = list(site.directory.users(wanted if wanted.limit else wanted._replace(limit=MOST_ROWS)))
    anybody = shown or site.directory.count(site.directory.Wanted(limit=1))
    listing.print(
        shown, "No user is like that." if anybody else "There are no users. Make one: netflix-admin users create EMAIL"
    )
    more = 0 if len(shown) < MOST_ROWS or wanted.limit else site.directory.count(wanted) - len(shown)
    if more > 0:
        output.note(f"… and {more:,} more: narrow it, or give --limit or --format.")


@users.command("export")
@click.argument("file", default="-", type=click.Path(dir_okay=False, writable=True, allow_dash=True))
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), help="How; else by the file's ending.")
@click.option("--with-hashes", is_flag=True, help="With how passwords are kept: whoever has that can guess at them.")
@site.within
def export_users(file: str, form: str | None, with_hashes: bool) -> None:
    """Write everybody into a file for another site.

    FILE is for its owner alone, and there once it is whole. Without FILE, or with -, it is standard output.
    Second factors, sessions and known browsers are not in it, and who asked to be deleted is left out.

    \b
    Example:
      netflix-admin users export people.jsonl --with-hashes
    """
    is_csv = form == "csv" or (form is None and file.lower().endswith(".csv"))
    moving.exported(file, site.exporting.exported(is_csv, with_hashes), is_csv)
    if with_hashes:
        output.note(
            "Whoever has this file can guess at everybody's passwords: send it over nothing that others read, and "
            "delete it once it was imported."
        )
    if left_out := site.exporting.leaving():
        output.note(f"{moving.users(left_out)} asked to be deleted, and {'is' if left_out == 1 else 'are'} left out.")


@users.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
@click.option(
    "--skip-existing/--update",
    default=True,
    help="Leave who is there already as they are, or make them as their row says; a password they have stays.",
    show_default=True,
)
@click.option("--invite", is_flag=True, help="Print a one-time link for each new user who has no password.")
@click.option("--ignore-unknown", is_flag=True, help="Leave columns out that there are none of here.")
@click.option(
    "--report",
    type=click.Path(dir_okay=False, writable=True),
    metavar="FILE",
    help="Write each refused row as JSON.",
)
@click.option(
    "--batch", type=click.IntRange(1, 3000), default=1000, metavar="N", help="Rows of a transaction.", show_default=True
)
@site.within
@one_at_a_time
def import_users(
    file: str, dry_run: bool, skip_existing: bool, invite: bool, ignore_unknown: bool, report: str | None, batch: int
) -> None:
    """Make users of the rows of a file.

    FILE is CSV whose first line names its columns, or a JSON object on each line; - is standard input. There is
    `email`, and there may be `admin`, `disabled`, `verified` (yes unless it says no), `must_change`, `created_at`,
    and `password_hash`: bcrypt, as others keep it, or this site's own. Such a password is kept anew at the next
    sign-in.

    A row that cannot be taken is told, and the others are imported: then it ends with 8. Stopped or killed, what was
    imported stays, and running it again goes on.

    \b
    Example:
      netflix-admin users import people.csv --invite --report refused.jsonl
    """
    if invite and dry_run:
        raise click.UsageError("Links cannot be made in a dry run. Give only one of --invite and --dry-run.")
    if report and file != moving.STDIN and Path(report).exists() and Path(report).samefile(file):
        raise click.UsageError("--report would take the place of the file that is imported. Name another one.")
    how = {"size": batch, "updating": not skip_existing, "inviting": invite, "is_rehearsal": dry_run}
    tally = moving.imported(file, report, ignore_unknown, **how)
    told = output.note if invite else output.done
    if tally.new or tally.changed or tally.refused or output.is_terminal(sys.stdout):
        told(tally.in_words(dry_run))
    if tally.without_password:
        told(
            f"{tally.without_password:,} of them without a password: `users reset-password` makes a link, "
            "and with --invite an import does."
        )
    if tally.refused:
        done = tally.new or tally.known
        click.get_current_context().exit(refusals.PARTLY_DONE if done else site.errors.Declined.exit_code)


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
    sheet.print_each([user for email in emails if (user := site.user.User.known_as(email))])
    refusals.for_each(emails, missed)


def missed(email: str) -> None:
    """Raises NotFound."""
    site.user.User.named(email)


@users.command("reset-password")
@asking.emails
@asking.password_stdin
@asking.generate
@site.within
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
        if several:
            output.product(f"{output.printable(user.email)}\t{fresh}")
        else:
            hand_over(f"{user.email} has to sign in with a new password.", way, fresh)

    refusals.for_each(emails, reset)


@users.command("reset-second-factor")
@asking.emails
@site.within
def reset_second_factor(emails: tuple[str, ...]) -> None:
    """Take second factors off users who have lost them.

    That is two-step sign-in, its recovery codes, and passkeys.

    Their sessions end, their password stays, and they are told by mail. Be sure first that it is they who ask.

    \b
    Example:
      netflix-admin users reset-second-factor ada@example.org
    """

    def reset(email: str) -> None:
        user = site.removal.reset_second_factor(email)
        output.done(f"{user.email} signs in by password alone, and is signed out everywhere.")

    refusals.for_each(emails, reset)


@users.command()
@asking.emails
@site.within
def disable(emails: tuple[str, ...]) -> None:
    """Keep a user out, and end their sessions.

    Nothing of theirs is deleted.

    \b
    Example:
      netflix-admin users disable ada@example.org
    """

    def act(email: str) -> None:
        output.done(f"{site.access.disable(email).email} can no longer sign in, and is signed out everywhere.")

    refusals.for_each(emails, act)


@users.command()
@asking.emails
@site.within
def enable(emails: tuple[str, ...]) -> None:
    """Let a disabled user in again.

    \b
    Example:
      netflix-admin users enable ada@example.org
    """

    def act(email: str) -> None:
        output.done(f"{site.access.enable(email).email} may sign in.")

    refusals.for_each(emails, act)


@users.command()
@asking.emails
@site.within
def promote(emails: tuple[str, ...]) -> None:
    """Make a user an administrator, who signs in anew.

    \b
    Example:
      netflix-admin users promote ada@example.org
    """

    def act(email: str) -> None:
        output.done(f"{site.access.promote(email).email} is an administrator.")

    refusals.for_each(emails, act)


@users.command()
@asking.emails
@site.within
def demote(emails: tuple[str, ...]) -> None:
    """Make an administrator a member again.

    \b
    Example:
      netflix-admin users demote ada@example.org
    """

    def act(email: str) -> None:
        output.done(f"{site.access.demote(email).email} is a member.")

    refusals.for_each(emails, act)


@users.command()
@asking.emails
@click.option("--yes", is_flag=True, help="Do not ask.")
@site.within
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


def hand_over(told: str, way: str | None, fresh: str | None) -> None:
    """What was made for a user is alone on standard output; what they chose or the operator knows is not repeated."""
    if way in HANDED_OVER:
        output.note(f"{told} {HANDED_OVER[way]}")
        output.product(fresh or "")
    else:
        output.done(told)
