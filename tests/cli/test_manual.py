"""The documents that are made of the commands, and that what is printed keeps to them."""

import json
import subprocess
from datetime import timedelta
from pathlib import Path

import click
import jsonschema
import pytest
from flask import Flask

from cli import manual
from netflix.accounts import invitation
from netflix.bans import ban, network
from netflix.extensions import db
from netflix.mail import outbox
from tests.cli.conftest import Run
from tests.people import Browser
from tests.served.parts import program

DOCS = Path(__file__).parents[2] / "docs"
COMMANDS = [one for one in manual.everything() if not one.is_group]
PRINTING = [one.path.removeprefix("netflix-admin ") for one in COMMANDS if one.columns]
# What they need to be told.
MORE = {
    "limits explain": "--address 192.0.2.10 --account ada@example.org",
    "limits show": "--address 192.0.2.10",
    "limits simulate": str(Path(__file__).with_name("sign-ins.jsonl")),
    "users show": "ada@example.org",
}


@pytest.fixture
def busy(app: Flask, ada: str, browser: Browser, answering: None) -> None:
    """Something for every command to print."""
    browser.sign_in(ada)
    browser.sign_in(ada, "not her password")
    with app.app_context():
        ban.add(network.read("203.0.113.7"))
        invitation.invite(1, timedelta(days=1), "for Grace")
        outbox.post("ada@example.org", "test")
        db.session.commit()


@pytest.mark.parametrize("name", ["commands.md", "netflix-admin.1", "schemas.json"])
def test_the_documents_are_those_of_the_commands(name: str) -> None:
    assert (DOCS / name).read_text() == manual.documents()[name], "run `make manual`"


@pytest.mark.parametrize("command", PRINTING)
def test_what_is_printed_keeps_to_its_schema(run: Run, busy: None, command: str) -> None:
    # This one prints lines of JSON and nothing else.
    told = run(f"{command} {MORE.get(command, '')} {'' if command == 'events export' else '--format json'}")
    assert told.exit_code == 0, told.output
    documents = [told.stdout] if command != "events export" else told.stdout.splitlines()
    for printed in map(json.loads, documents):
        assert printed
        checker(command).validate(printed)
    for line in told.stderr.splitlines():
        checker("note").validate(json.loads(line))


def test_of_several_users_an_array_is_printed_as_its_schema_says(run: Run, ada: str) -> None:
    for given in ("", ada):
        checker("users show").validate(json.loads(run("users show - --format json", given=given).stdout))


def test_a_refusal_keeps_to_its_schema(run: Run) -> None:
    for command in ("users show nobody@example.org --format json", "users list --limit x --format=json"):
        checker("error").validate(json.loads(run(command).stderr))


def checker(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(manual.schemas()["$defs"][name], format_checker=jsonschema.FormatChecker())


def test_what_is_one_thing_is_a_row_of_csv_too(run: Run, ada: str, grace: str) -> None:
    rows = run("users show ada@example.org grace@example.org --fields email,admin --format csv").stdout
    assert rows == "email,admin\nada@example.org,no\ngrace@example.org,yes\n"


@pytest.mark.parametrize("one", COMMANDS, ids=lambda one: one.path)
def test_every_command_has_an_example_and_words_for_each_option(one: manual.Documented) -> None:
    assert one.example.startswith(one.path)
    options = [param for param in one.command.params if isinstance(param, click.Option)]
    assert all(option.help for option in options)
    # What is given to them has a name that says what it is, or the choices that there are.
    named = {option.make_metavar(one.ctx) for option in options if not option.is_flag}
    assert not named & {"TEXT", "INTEGER", "INTEGER RANGE", "FLOAT", "FLOAT RANGE"}


def test_the_man_page_has_no_fault() -> None:
    done = subprocess.run(
        [program("man"), "--warnings", "-l", "-E", "UTF-8", DOCS / "netflix-admin.1"],
        env={"MANWIDTH": "80", "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert "netflix-admin limits clear" in done.stdout
