"""`netflix-admin`: the site's terminal. This is the root; each group of commands is loaded when it is asked for."""

import io
import sys
from importlib import import_module

try:
    from typing import Any

    import click
    from click.exceptions import NoSuchCommand

    from netflix.version import __version__

    from . import interrupts, output, refusals
except KeyboardInterrupt:
    # Nobody is there yet who would answer it.
    sys.exit(130)

# In which module each command is, under its own name.
GROUPS = {
    "backup": ".backups",
    "bans": ".bans",
    "completion": ".completion",
    "db": ".maintenance",
    "devices": ".devices",
    "doctor": ".doctor",
    "events": ".events",
    "invites": ".invites",
    "limits": ".limits",
    "lockdown": ".lockdown",
    "mail": ".mail",
    "passwords": ".passwords",
    "purge": ".purge",
    "restore": ".backups",
    "sessions": ".sessions",
    "users": ".users",
}
# What each says of itself, so that the list of them loads none.
SUMMARIES = {
    "backup": "Copy the database into one file, while the site serves.",
    "bans": "Shut networks out, see which are, and let them in again.",
    "completion": "Print a script that completes commands in bash, zsh or fish.",
    "db": "Migrate the database, as `flask db` does.",
    "devices": "See which browsers an account knows, and end that.",
    "doctor": "Look for what is wrong with the site.",
    "events": "Read what happened, and check that nobody changed the record.",
    "invites": "Invite people to register, and take invitations back.",
    "limits": "See who has used up their attempts, and let them try again.",
    "lockdown": "Let only known browsers and second factors in, for a while.",
    "mail": "See mails that wait to be sent, and send them.",
    "passwords": "Refuse those that guessers know, and see how all are kept.",
    "purge": "Delete what has run out: sessions, links, mails, accounts.",
    "restore": "Replace the database by what a backup holds.",
    "sessions": "See which browsers are signed in, and end their sessions.",
    "users": "Make, list, disable and delete users, and let them in again.",
}
EXIT_CODES = """\b
Exit codes:
  0  done
  1  unexpected
  2  usage: the command or a setting is not right
  3  not found
  4  already exists
  5  Redis unavailable
  6  database unavailable or not migrated
  7  refused: not confirmed, or against a rule
  8  partly done: some of several failed
  130  stopped by Ctrl-C
  143  told to end (SIGTERM)
"""


class Admin(click.Group):
    """Loads a group by its path, and answers whatever goes wrong in any of them."""

    def main(self, *args: Any, **more: Any) -> Any:
        with interrupts.ended_whole():
            return super().main(*args, **more)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(GROUPS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        return getattr(import_module(GROUPS[name], __package__), name) if name in GROUPS else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(SUMMARIES.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in GROUPS and not args[0].startswith("-"):
            raise NoSuchCommand(args[0], possibilities=GROUPS, ctx=ctx)
        return super().resolve_command(ctx, args)

    def make_context(self, info_name: str | None, args: list[str], *more: Any, **extra: Any) -> click.Context:
        with refusals.answered(args):
            ctx = super().make_context(info_name, args.copy(), *more, **extra)
        ctx.meta[refusals.ARGS] = args
        return ctx

    def invoke(self, ctx: click.Context) -> Any:
        with refusals.answered(ctx.meta[refusals.ARGS], "--traceback" in ctx.meta[refusals.ARGS]):
            result = super().invoke(ctx)
            if output.UNSAID in ctx.meta:
                ctx.exit(1)
            return result


@click.group(cls=Admin, epilog=EXIT_CODES)
@click.option("--traceback", is_flag=True, expose_value=False, help="When something unexpected fails, show where.")
@click.version_option(__version__, prog_name="netflix-admin", message="%(prog)s %(version)s")
def main() -> None:
    """Look after a Netflix site: who comes in, who has to wait, and what happened.

    It reads the same NETFLIX_… settings as the site.

    \b
    Example:
      netflix-admin users create you@example.org --admin
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
