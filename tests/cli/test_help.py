"""Help: quick, complete, and with an example."""

import re
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from flask.testing import FlaskCliRunner

from cli import GROUPS, SUMMARIES, main
from netflix.version import __version__
from tests.watching import ROOT

HEAVY = ("flask", "flask_migrate", "sqlalchemy", "redis", "rich", "bcrypt", "limits")


def commands(group: click.Group = main, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    ctx = click.Context(group)
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        assert command
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


PATHS = [path for path, _ in commands()]


def test_every_group_and_command_is_here() -> None:
    assert {" ".join(path) for path in PATHS} == {
        "backup",
        "bans",
        "bans add",
        "bans export",
        "bans list",
        "bans revoke",
        "completion",
        "db",
        "db check",
        "db current",
        "db downgrade",
        "db history",
        "db upgrade",
        "devices",
        "devices end",
        "devices list",
        "doctor",
        "doctor proxy",
        "events",
        "events export",
        "events list",
        "events tail",
        "events verify",
        "invites",
        "invites create",
        "invites list",
        "invites revoke",
        "limits",
        "limits clear",
        "limits explain",
        "limits list",
        "limits policy",
        "limits show",
        "limits simulate",
        "lockdown",
        "lockdown off",
        "lockdown on",
        "lockdown status",
        "mail",
        "mail list",
        "mail retry",
        "mail send",
        "mail test",
        "passwords",
        "passwords calibrate",
        "passwords check",
        "passwords forget",
        "passwords import",
        "passwords report",
        "passwords status",
        "purge",
        "restore",
        "sessions",
        "sessions end",
        "sessions list",
        "users",
        "users create",
        "users delete",
        "users demote",
        "users disable",
        "users enable",
        "users export",
        "users import",
        "users list",
        "users promote",
        "users reset-password",
        "users reset-second-factor",
        "users show",
    }


def test_no_help_builds_the_site_or_loads_its_libraries() -> None:
    ours = [[], *(list(path) for path in PATHS)]
    asked = f"""
import sys
from cli import GROUPS, SUMMARIES, main
for path in {ours!r}:
    assert main([*path, "--help"], standalone_mode=False) == 0
print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.count("Usage:") == len(ours)
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_every_help_has_an_example_that_is_this_command(path: tuple[str, ...], admin: FlaskCliRunner) -> None:
    shown = admin.invoke(main, [*path, "--help"])
    assert shown.exit_code == 0
    assert re.search(rf"Example:\n\s+netflix-admin {' '.join(path)}\b", shown.output)


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_no_summary_is_cut_short(path: tuple[str, ...]) -> None:
    beside = max(len(other[-1]) for other in PATHS if other[:-1] == path[:-1])
    room = 78 - 6 - beside  # what Click leaves of 80 columns
    assert not dict(commands())[path].get_short_help_str(room).endswith("...")


def test_the_exit_codes_are_told(admin: FlaskCliRunner) -> None:
    shown = admin.invoke(main, ["--help"]).output
    for code, meaning in enumerate(
        ["done", "unexpected", "usage", "not found", "already exists", "Redis", "database", "refused", "partly done"]
    ):
        assert f"\n    {code}  {meaning}" in shown


def test_without_a_command_help_is_shown_and_it_counts_as_a_slip(admin: FlaskCliRunner) -> None:
    shown = admin.invoke(main, [])
    assert (shown.exit_code, shown.stdout) == (2, "")
    assert "Commands:" in shown.stderr


def test_the_version_is_told(admin: FlaskCliRunner) -> None:
    assert admin.invoke(main, ["--version"]).output == f"netflix-admin {__version__}\n"


@pytest.mark.parametrize(
    ("line", "completion"),
    [
        ("netflix-admin users reset-p", "plain,reset-password"),
        ("netflix-admin users create --if", "plain,--if-not-exists"),
        ("netflix-admin events list --kind authn_login_f", "plain,authn_login_fail"),
    ],
)
def test_the_shell_completes(line: str, completion: str) -> None:
    env = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1), "_NETFLIX_ADMIN_COMPLETE": "bash_complete"}
    asked = "from cli import GROUPS, SUMMARIES, main; main(prog_name='netflix-admin')"
    done = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.stdout.splitlines() == [completion]


def test_the_list_of_commands_says_what_each_says_itself() -> None:
    whole = click.Context(main)
    said = {name: main.get_command(whole, name).get_short_help_str(200) for name in main.list_commands(whole)}  # type: ignore[union-attr]
    assert said == SUMMARIES
    assert list(SUMMARIES) == sorted(GROUPS)
