"""`netflix-admin db`."""

from pathlib import Path

from netflix.config import Config
from tests.cli.conftest import Run
from tests.cli.terminal import in_a_pipe


def test_the_database_is_migrated_by_flask_migrates_own_commands(config: Config, tmp_path: Path) -> None:
    (tmp_path / "netflix.db").unlink()
    assert in_a_pipe(config, "users", "list").returncode == 6
    migrated = in_a_pipe(config, "db", "upgrade")
    assert (migrated.returncode, migrated.stdout) == (0, "")
    assert in_a_pipe(config, "users", "list").returncode == 0


def test_the_commands_of_db_are_listed(run: Run) -> None:
    shown = run("db --help")
    assert shown.exit_code == 0
    assert "upgrade" in shown.output
    assert run("db upgrade --help").exit_code == 0
