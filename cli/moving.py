"""Users to and from other sites: `users import` and `users export`."""

import sys
from collections.abc import Generator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from netflix.errors import AlreadyExists, DatabaseUnavailable, Declined

from . import cells, files, output, refusals, site
from .interrupts import Interrupts
from .lock import one_at_a_time

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

    from netflix.accounts.roll import Refused
    from netflix.administration.importing import Done

STDIN = "-"
# To a person: more than would be read is in the report.
TOLD = 20
# In bytes: what takes longer than a second.
LONG = 500_000


class Tally:
    """What became of all rows so far."""

    def __init__(self, is_rehearsal: bool) -> None:
        self.is_rehearsal = is_rehearsal
        self.new = self.known = self.changed = self.without_password = self.refused = self.links = self.renewed = 0

    def add(self, done: "Done") -> None:
        self.new += done.new
        self.known += done.known
        self.changed += done.changed
        self.without_password += done.without_password
        self.refused += len(done.refused)
        self.links += len(done.links)
        self.renewed += done.renewed

    def __str__(self) -> str:
        others = {"there": self.known, "refused": self.refused}
        return ", ".join([f"{self.new:,} new", *(f"{count:,} {what}" for what, count in others.items() if count)])

    def in_words(self) -> str:
        links = f" and print {self.links:,} link{'s' * (self.links != 1)}" * (self.is_rehearsal and self.links > 0)
        said = [f"Would import {users(self.new)}{links}" if self.is_rehearsal else f"Imported {users(self.new)}"]
        said += [f"{'would change' if self.is_rehearsal else 'changed'} {self.changed:,}"] if self.changed else []
        unchanged = self.known - self.changed
        said += [f"{unchanged:,} {'was' if unchanged == 1 else 'were'} there already"] if unchanged > 0 else []
        get = "would get" if self.is_rehearsal else "got"
        said += [f"{self.renewed:,} who {'was' if self.renewed == 1 else 'were'} there {get} a new link"] * (
            self.renewed > 0
        )
        said += [f"{self.refused:,} row{'s' * (self.refused != 1)} refused"] if self.refused else []
        return "; ".join(said) + "."


def users(count: int) -> str:
    return f"{count:,} user{'s' * (count != 1)}"


class Report:
    """Each refused row on standard error, as many as are read, and all of them in a file where one is named."""

    def __init__(self, file: IO[str] | None) -> None:
        self._file = file
        self._most = TOLD if output.is_terminal(sys.stderr) else None
        self._kept: list[Refused] = []
        self._count = 0

    def add(self, refused: "list[Refused]") -> None:
        self._count += len(refused)
        if self._file:
            self._file.writelines(f"{cells.as_json(one._asdict())}\n" for one in refused)
        if self._most is None:
            self._tell(refused)
        else:
            # Not between the steps of a bar.
            self._kept += refused[: self._most - len(self._kept)]

    def end(self) -> None:
        self._tell(self._kept)
        more = self._count - len(self._kept)
        if self._most and more:
            output.note(f"… and {more:,} more{'' if self._file else ': --report FILE has all of them'}.")

    @staticmethod
    def _tell(refused: "list[Refused]") -> None:
        for one in refused:
            output.note(f"Line {one.line}{f', {one.email}' if one.email else ''}: {one.reason}")


def imported(name: str, report_to: str | None, skipping: bool, is_rehearsal: bool, **how: Any) -> Tally:
    """Imports a file, telling how far it is at a terminal. What was committed is told, however it ends."""
    size = Path(name).stat().st_size if name != STDIN else 0
    tally, interrupts, seen = Tally(is_rehearsal), Interrupts(), output.is_terminal(sys.stderr) and size > LONG
    with ExitStack() as opened:
        report = Report(opened.enter_context(files.placed(Path(report_to))) if report_to else None)
        opened.callback(report.end)
        file = opened.enter_context(click.open_file(name, "rb"))
        rows = opened.enter_context(closing(site.roll.read(file, skipping)))
        bar: ProgressBar[None] = click.progressbar(
            length=size,
            label="Importing",
            file=sys.stderr,
            hidden=not seen,
            item_show_func=lambda _: str(tally),
            # What the words leave of the line: one that is longer would be a new one each time.
            width=0,
        )
        read = 0
        try:
            with interrupts.heard(), bar:
                for done in site.importing.imported(interrupts.between(rows), is_rehearsal=is_rehearsal, **how):
                    tally.add(done)
                    report.add(done.refused)
                    for email, link in done.links if not is_rehearsal else ():
                        hand_out(email, link, tally)
                    place = file.tell() if seen else 0
                    bar.update(place - read)
                    read = place
        except (KeyboardInterrupt, SystemExit):
            output.note(ended_early(tally))
            raise
        except site.database_errors.DBAPIError as error:
            why = refusals.as_refusal(error)
            raise DatabaseUnavailable(f"{why.sentence} {ended_early(tally)}", why.remedy) from error
        except Declined as why:
            # Such as an archive that breaks off.
            if not tally.new:
                raise
            raise Declined(f"{why.sentence} {ended_early(tally)}", why.remedy) from why
    return tally


def hand_out(email: str, link: str, tally: Tally) -> None:
    """Raises NotPrinted."""
    try:
        output.product(f"{output.printable(email)}\t{link}")
    except output.NotPrinted as lost:
        raise output.NotPrinted(
            lost.error,
            "Mend the output, and run the same again: it makes and prints new links, and goes on.",
            f"It stopped, since links could not be printed ({lost.reason}); those are lost, and later rows are not "
            f"imported. {ended_early(tally, '')}",
        ) from lost


def ended_early(tally: Tally, then: str = "run the same again to go on") -> str:
    if tally.is_rehearsal:
        return "It was a dry run: nothing was changed."
    if not tally.new:
        return "No user was imported before that."
    was, stay = ("was", "stays") if tally.new == 1 else ("were", "stay")
    return f"{users(tally.new)} {was} imported before that, and {stay}{then and '; '}{then}."


def exported(where: str, batches: Generator[list[str], None, None], is_csv: bool) -> int:
    """How many were written."""
    count = -1 if is_csv else 0
    with ExitStack() as opened:
        file = opened.enter_context(files.placed(Path(where))) if where != STDIN else None
        opened.enter_context(closing(batches))
        for lines in batches:
            text = "".join(lines) if is_csv else cells.joined(lines)
            count += text.count("\n")
            click.echo(text, file, nl=False)
    return count


FORMS = {".csv": "csv", ".jsonl": "jsonl", ".json": "jsonl", ".ndjson": "jsonl"}


def form_of(file: str) -> str:
    """What a file's ending says. Another one would be full of what nobody looks for in it."""
    if file == STDIN:
        return "jsonl"
    try:
        return FORMS[Path(file).suffix.lower()]
    except KeyError:
        raise click.UsageError(
            f"{file} ends neither with .csv nor with .jsonl. Give --format, or another name."
        ) from None


@click.command("export")
@click.argument("file", default="-", type=click.Path(dir_okay=False, writable=True, allow_dash=True))
@click.option(
    "--format", "form", type=click.Choice(["jsonl", "csv"]), help="How; else by the file's ending, .csv or .jsonl."
)
@click.option("--with-hashes", is_flag=True, help="With how passwords are kept: whoever has that can guess at them.")
@click.option("--yes", is_flag=True, help="Write over a file that is there; cron with a fixed name needs it.")
@site.within
def export_users(file: str, form: str | None, with_hashes: bool, yes: bool) -> None:
    """Write everybody into a file for another site.

    FILE is for its owner alone, and there once it is whole; one that is there already is left as it is, but for
    --yes. Without FILE, or with -, it is standard output. Second factors, sessions and known browsers are not in it,
    and who asked to be deleted is left out.

    \b
    Example:
      netflix-admin users export people.jsonl --with-hashes
    """
    is_csv = (form or form_of(file)) == "csv"
    if file != STDIN and Path(file).is_file() and not yes:
        raise AlreadyExists(f"'{file}' is there already.", "Name another file, or add --yes.")
    count = exported(file, site.exporting.exported(is_csv, with_hashes), is_csv)
    if file != STDIN and output.is_terminal(sys.stderr):
        output.note(f"Wrote {users(count)} into {file} ({Path(file).stat().st_size / 1e6:,.1f} MB).")
    if with_hashes:
        output.note(
            "Whoever has this file can guess at everybody's passwords: send it over nothing that others read, and "
            "delete it once it was imported."
        )
    if left_out := site.exporting.leaving():
        output.note(f"{users(left_out)} asked to be deleted, and {'is' if left_out == 1 else 'are'} left out.")


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
@click.option(
    "--skip-existing/--update",
    default=True,
    help="Leave who is there already as they are, or make them as their row says; a password they have stays.",
    show_default=True,
)
@click.option(
    "--invite",
    is_flag=True,
    help="Print a one-time link for each who has no password and never signed in, also of those who were there "
    "already: an older link ends by that.",
)
@click.option("--ignore-unknown", is_flag=True, help="Leave columns out that there are none of here.")
@click.option(
    "--report",
    type=click.Path(dir_okay=False, writable=True),
    metavar="FILE",
    help="Write each refused row as JSON, with why, and under `row` what it said, but for password hashes.",
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

    FILE is CSV whose first line names its columns, or a JSON object on each line; gzip is unpacked, and - is standard
    input. There is
    `email`, and there may be `admin`, `disabled`, `verified` (yes unless it says no), `must_change`, `created_at`,
    and `password_hash`: bcrypt, as others keep it, or this site's own. Such a password is kept anew at the next
    sign-in.

    A row that cannot be taken is told, and the others are imported: then it ends with 8. Stopped or killed, what was
    imported stays, and running it again goes on; with --invite it makes new links in place of those that nobody used.

    \b
    Example:
      netflix-admin users import people.csv --invite --report refused.jsonl
    """
    if report and file != STDIN and Path(report).exists() and Path(report).samefile(file):
        raise click.UsageError("--report would take the place of the file that is imported. Name another one.")
    how = {"size": batch, "updating": not skip_existing, "inviting": invite}
    tally = imported(file, report, ignore_unknown, dry_run, **how)
    told = output.note if invite and not dry_run else output.done
    if tally.new or tally.changed or tally.refused or tally.renewed or output.is_terminal(sys.stdout):
        told(tally.in_words())
    if tally.without_password:
        told(
            f"{tally.without_password:,} of them without a password: `netflix-admin users reset-password` makes a "
            "link, and with --invite an import does."
        )
    if tally.refused:
        done = tally.new or tally.known
        click.get_current_context().exit(refusals.PARTLY_DONE if done else site.errors.Declined.exit_code)
