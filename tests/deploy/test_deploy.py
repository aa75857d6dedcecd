"""What runs the site for real: cron lines and systemd units that are well formed, and call commands that there are."""

import os
import re
import shlex
import subprocess
import sys
import time
from configparser import ConfigParser
from pathlib import Path
from typing import NamedTuple

import click
import pytest
from flask.testing import FlaskCliRunner

from cli import main
from netflix.config import Config
from tests.cli.conftest import Run
from tests.served.parts import program
from tests.watching import ROOT

DEPLOY = ROOT / "deploy"
CRON = DEPLOY / "cron" / "netflix"
UNITS = sorted((DEPLOY / "systemd").iterdir())
SERVICES = [path for path in UNITS if path.suffix == ".service"]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
# The least and most of cron's five fields (crontab(5)).
RANGES = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 7)}


@pytest.fixture
def run(admin: FlaskCliRunner) -> Run:
    return lambda *words: admin.invoke(main, words)


class Line(NamedTuple):
    """One job of /etc/cron.d."""

    times: tuple[str, ...]
    user: str
    command: str


LINES = [
    Line(tuple(words[:5]), words[5], words[6])
    for text in CRON.read_text().splitlines()
    if text and not re.match(r"#|[A-Z]+=", text)
    for words in [text.split(None, 6)]
]


def ours(command: str) -> list[str]:
    """The words after `netflix-admin`, or none where it calls something else."""
    words = shlex.split(command, comments=False)
    at = next((n for n, word in enumerate(words) if word.endswith("netflix-admin")), None)
    if at is None:
        return []
    rest = words[at + 1 :]
    return rest[: rest.index(">")] if ">" in rest else rest


def started(path: Path) -> list[str]:
    return re.findall(r"^Exec\w+=(.*)$", path.read_text(), re.M)


# As operations.md has it, which is typed as it stands.
AT_THE_TERMINAL = re.search(r"^ +sudo -u netflix (sh -c .*)$", OPERATIONS, re.M)


def test_the_folder_is_where_the_terminal_and_cron_look_for_it(tmp_path: Path) -> None:
    named = re.search(r"`(NETFLIX_INSTANCE=[^`]+)`: the units set that themselves", OPERATIONS)
    assert named
    assert all(named[1] in path.read_text() for path in SERVICES)
    settings = tmp_path / "netflix.env"
    settings.write_text(f'NETFLIX_INSTANCE={tmp_path}\nNETFLIX_LOGIN_LIMIT="5 per minute; 20 per hour"\n')
    assert AT_THE_TERMINAL
    typed = AT_THE_TERMINAL[1].replace("/etc/netflix.env", str(settings))
    typed = typed.replace("/srv/netflix/.venv/bin/netflix-admin", f"{sys.executable} -m cli")
    told = subprocess.run(typed, shell=True, capture_output=True, text=True, cwd=ROOT, check=False)  # noqa: S602
    assert f"There is no site in {tmp_path} yet." in told.stderr
    assert told.returncode == 6


CALLED = [
    words
    for command in [*(line.command for line in LINES), *(one for path in SERVICES for one in started(path))]
    if (words := ours(command))
]


def numbers(field: str, least: int, most: int) -> set[int]:
    """What a field of cron's means. Raises ValueError."""
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        if span == "*":
            low, high = least, most
        else:
            first, _, last = span.partition("-")
            low, high = int(first), int(last or first)
        if not least <= low <= high <= most or (step and int(step) < 1):
            raise ValueError(f"{part} is no time")
        found |= set(range(low, high + 1, int(step or 1)))
    return found


def test_there_is_a_line_for_each_thing_that_is_to_be_done() -> None:
    assert [" ".join(ours(line.command)) for line in LINES if ours(line.command)] == [
        "purge --max-runtime 60s --wait",
        "purge --keep 365d --max-runtime 5m --wait",
        "backup /var/backups/netflix/",
        "events verify",
        "doctor --quiet",
    ]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.command[-30:])
def test_a_cron_line_is_one(line: Line) -> None:
    for field, (least, most) in zip(line.times, RANGES.values(), strict=True):
        assert numbers(field, least, most)
    assert line.user == "netflix"
    # Cron would end the command at it.
    assert "%" not in line.command
    subprocess.run(["sh", "-n", "-c", line.command], check=True)


FORTNIGHT = 15 * 86400


@pytest.mark.parametrize("works", [True, False])
@pytest.mark.parametrize("by", ["cron", "systemd"])
def test_old_backups_go_only_after_a_new_one_is_there(tmp_path: Path, by: str, works: bool) -> None:
    """However long none could be made, the last ones stay."""
    for name in ("netflix-1.tar", "netflix-2.tar", "other.tar"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, times=(time.time() - FORTNIGHT,) * 2)
    (tmp_path / "env").touch()
    stand_in = tmp_path / "netflix-admin"
    stand_in.write_text(f"#!/bin/sh\n{f'touch {tmp_path}/netflix-3.tar' if works else 'exit 6'}\n")
    stand_in.chmod(0o755)
    if by == "cron":
        (command,) = [line.command for line in LINES if "/var/backups" in line.command]
    else:
        # With a oneshot what is to come after comes after success alone (systemd.service(5)).
        unit = (DEPLOY / "systemd" / "netflix-backup.service").read_text()
        assert "\nType=oneshot\n" in unit
        first, then = re.findall(r"^ExecStart(?:Post)?=(.*)$", unit, re.M)
        command = f"{first} && set -f && {then}"
    for real, here in (
        ("/srv/netflix/.venv/bin/", f"{tmp_path}/"),
        ("/var/backups/netflix/", f"{tmp_path}/"),
        ("/etc/netflix.env", str(tmp_path / "env")),
    ):
        command = command.replace(real, here)
    done = subprocess.run(["sh", "-c", command], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True)
    assert (done.returncode == 0) is works
    left = {path.name for path in tmp_path.glob("*.tar")}
    assert left == ({"netflix-3.tar", "other.tar"} if works else {"netflix-1.tar", "netflix-2.tar", "other.tar"})


@pytest.mark.parametrize("field", ["60", "5-1", "*/0", "x", "1-99", ""])
def test_the_parser_of_cron_s_fields_knows_what_is_none(field: str) -> None:
    with pytest.raises(ValueError, match=r"is no time|invalid literal"):
        numbers(field, 0, 59)


def test_no_two_of_the_nightly_lines_start_at_once() -> None:
    nightly = [line.times[:2] for line in LINES if line.times[1] != "*"]
    assert len(set(nightly)) == len(nightly)


@pytest.mark.parametrize("words", CALLED, ids=" ".join)
def test_every_command_that_is_called_is_there_with_its_options(words: list[str]) -> None:
    command: click.Command = main
    ctx = click.Context(main, info_name="netflix-admin")
    rest = list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        found = command.get_command(ctx, rest.pop(0))
        assert found, words
        command = found
    # What is no option of it, and what an option does not take, is refused here.
    command.make_context(words[0], rest)


def test_what_cron_runs_is_silent_while_all_is_well(run: Run, config: Config, ada: str, tmp_path: Path) -> None:
    """But for the doctor, who has more to say of a site of the tests."""
    (tmp_path / "backups").mkdir()
    for line in LINES:
        words = [str(tmp_path / "backups") if word.startswith("/var") else word for word in ours(line.command)]
        if words and words[0] != "doctor":
            told = run(*words)
            assert told.exit_code == 0, words
            assert told.stderr == ""
            assert ">" in line.command or told.stdout == "", words


def test_each_job_of_cron_has_its_timer_and_the_other_way_round() -> None:
    by_cron = {words[0] for line in LINES if (words := ours(line.command))}
    by_timer = {ours(one)[0] for path in SERVICES for one in started(path) if ours(one)}
    assert by_cron == by_timer
    timers = {path.stem for path in UNITS if path.suffix == ".timer"}
    assert timers == {path.stem for path in SERVICES} - {"netflix"}


def said_by_systemd(folder: Path, name: str) -> str:
    """Of the units in a folder, whose programs and other units it would look for."""
    for unit in UNITS:
        text = re.sub(r"/srv/netflix/.venv/bin/[a-z-]+", "/bin/true", unit.read_text())
        (folder / unit.name).write_text(text.replace("network-online.target", "basic.target"))
    if name not in {unit.name for unit in UNITS}:
        (folder / name).write_text((folder / "netflix.service").read_text().replace("ProtectSystem", "ProtectSystm"))
    done = subprocess.run(
        [program("systemd-analyze"), "verify", "--man=no", "--recursive-errors=no", str(folder / name)],
        capture_output=True,
        text=True,
        env={"SYSTEMD_UNIT_PATH": f"{folder}:", "PATH": "/usr/bin:/bin", "SYSTEMD_LOG_LEVEL": "warning"},
    )
    return f"{done.stderr}{done.stdout}" + (f"exit code {done.returncode}" if done.returncode else "")


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_systemd_takes_the_unit(path: Path, tmp_path: Path) -> None:
    assert said_by_systemd(tmp_path, path.name) == ""


def test_systemd_would_say_if_there_were_a_slip(tmp_path: Path) -> None:
    assert "ProtectSystm" in said_by_systemd(tmp_path, "slip.service")


HARDENED = {
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "CapabilityBoundingSet": "",
    "UMask": "0077",
    "User": "netflix",
    "EnvironmentFile": "/etc/netflix.env",
}


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_a_service_may_do_no_more_than_it_must(path: Path) -> None:
    unit = ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(path)
    assert {name: unit["Service"].get(name) for name in HARDENED} == HARDENED
    writes = unit["Service"].get("ReadWritePaths")
    assert writes == ("/var/backups/netflix" if path.stem == "netflix-backup" else None)
    assert not re.search(r"NETFLIX_(?!INSTANCE=/var/lib/netflix$)\w+=", path.read_text(), re.M)


def test_who_holds_a_lock_is_not_kept_waiting_itself() -> None:
    assert "Nice=" not in (DEPLOY / "systemd" / "netflix-purge.service").read_text()


def test_the_operator_s_page_names_every_file_and_repeats_none() -> None:
    assert "deploy/cron/netflix" in OPERATIONS
    assert "deploy/systemd/" in OPERATIONS
    assert "[Service]" not in OPERATIONS
    assert not re.search(r"^\s+[\d*/]+ [\d*]+ +\* +\* +\* ", OPERATIONS, re.M)
