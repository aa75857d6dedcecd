"""The terminal, as the tests speak to it."""

from collections.abc import Callable

import pytest
from click.testing import Result
from flask.testing import FlaskCliRunner

from cli import main

Run = Callable[..., Result]


@pytest.fixture
def run(admin: FlaskCliRunner) -> Run:
    """One command: `run("users list")`, or in words where one holds a space; without a terminal."""

    def invoke(*words: str, given: str | bytes = "") -> Result:
        args = words[0].split() if len(words) == 1 else list(words)
        return admin.invoke(main, args, input=given)

    return invoke
