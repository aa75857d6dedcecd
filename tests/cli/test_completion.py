"""Completion in the shell."""

import subprocess
import sys

import pytest

from netflix.config import Config
from tests.cli.conftest import Run
from tests.cli.terminal import environment

# As the installed command calls it.
INSTALLED = "from cli import main; main(prog_name='netflix-admin')"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_script(run: Run, shell: str) -> None:
    told = run(f"completion {shell}")
    assert told.exit_code == 0
    assert f"_NETFLIX_ADMIN_COMPLETE={shell}_complete" in told.stdout


def test_bash_takes_the_script(run: Run) -> None:
    script = run("completion bash").stdout
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_fish_keeps_what_stands_behind_a_comma(run: Run) -> None:
    assert '(string split --max 1 "," $completion)' in run("completion fish").stdout


def completed(config: Config, line: str) -> list[str]:
    """What bash is offered for the last word of a line."""
    words = {
        "_NETFLIX_ADMIN_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(line.count(" ")),
    }
    done = subprocess.run(
        [sys.executable, "-c", INSTALLED], env=environment(config) | words, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_a_command_is_completed(config: Config) -> None:
    assert "plain,show" in completed(config, "netflix-admin limits s")


@pytest.mark.parametrize(
    ("begun", "offered"),
    [
        ("ne", ["network"]),
        ("id,re", ["id,reason", "id,revoked_at"]),
        ("id,reason,i", []),
        ("id,network,state,until,reason,by,", ["created_at", "revoked_at"]),
        ("nothing", []),
    ],
)
def test_fields_are_completed_one_after_the_other(config: Config, begun: str, offered: list[str]) -> None:
    head = begun[: begun.rfind(",") + 1] if begun.endswith(",") else ""
    assert completed(config, f"netflix-admin bans list --fields {begun}") == [f"plain,{head}{one}" for one in offered]


def test_all_fields_are_offered_where_none_is_begun(config: Config) -> None:
    assert "plain,who" in completed(config, "netflix-admin limits list --fields ")
