"""The documents say what is so."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from cli import GROUPS
from netflix.config import PREFIX, Config
from netflix.values import rates
from netflix.version import __version__

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("setting", [known.name for known in fields(Config)])
def test_every_setting_stands_in_the_readme(setting: str) -> None:
    assert f"| `{PREFIX}{setting.upper()}` |" in README


def test_the_readme_names_no_setting_that_is_none() -> None:
    named = set(re.findall(rf"`({PREFIX}[A-Z_]+)`", README))
    assert named == {PREFIX + known.name.upper() for known in fields(Config)}


@pytest.mark.parametrize("name", sorted(GROUPS))
def test_every_group_of_commands_stands_in_the_readme(name: str) -> None:
    assert re.search(rf"^\| [^|]*`{name}`", README, re.M)


def test_the_readme_names_the_default_limits() -> None:
    defaults: dict[str, object] = {known.name: known.default for known in fields(Config)}
    told = re.findall(r"\| `NETFLIX_([A-Z]+_LIMIT)` \| `([^`]+)`", README)
    assert len(told) == 4
    assert all(defaults[setting.lower()] == rates(text) for setting, text in told)


def test_the_readme_is_read_in_minutes() -> None:
    assert len(README.splitlines()) < 120


def test_the_first_change_is_of_this_version() -> None:
    assert re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.M)[1] == __version__  # type: ignore[index]


@pytest.mark.parametrize("document", ["README.md", *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))])
def test_every_file_that_a_document_links_to_is_there(document: str) -> None:
    text = (ROOT / document).read_text()
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert ((ROOT / document).parent / target).exists(), target
