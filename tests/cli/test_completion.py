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


def test_a_command_is_completed(config: Config) -> None:
    words = {"_NETFLIX_ADMIN_COMPLETE": "bash_complete", "COMP_WORDS": "netflix-admin limits s", "COMP_CWORD": "2"}
    done = subprocess.run(
        [sys.executable, "-c", INSTALLED], env=environment(config) | words, capture_output=True, text=True, check=True
    )
    assert "plain,show" in done.stdout.splitlines()
