"""Mails of a site that is served: one thread of each process sends them."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.people import PASSWORD
from tests.served.site import APP, GUNICORN, ROOT, Site, served
from tests.watching import until


def member(site: Site) -> str:
    """Somebody whose e-mail is known to be theirs."""
    command = [sys.executable, "-m", "cli", "users", "create", "ada@example.org", "--password-stdin"]
    subprocess.run(command, cwd=ROOT, env=site.env, input=f"{PASSWORD}\n".encode(), check=True, capture_output=True)
    return "ada@example.org"


@pytest.mark.parametrize("command", [APP, GUNICORN], ids=["granian", "gunicorn"])
def test_a_mail_is_on_its_way_as_soon_as_it_is_posted(folder: Path, command: Sequence[str]) -> None:
    with served(folder, command) as site:
        email, visitor = member(site), site.visitor()
        assert visitor.sign_in(email).status == 303
        chosen = {"current_password": PASSWORD, "password": "another quiet password"}
        assert visitor.send("/password", **chosen).status == 303
        until(lambda: list((folder / "mail").glob("*.eml")))
        (path,) = (folder / "mail").glob("*.eml")
        assert "the password was changed" in path.read_text()
        until(lambda: f"a mail is in {path}" in site.said)
        assert site.end() == 0
        assert "Traceback" not in site.said
