"""The steps that Flask's users know, in an environment that has nothing yet."""

import subprocess
import sys
from pathlib import Path

from tests.served.conftest import RedisServer
from tests.served.site import ROOT, environment, served


def test_the_classic_steps_serve_the_site(tmp_path: Path, folder: Path, redis_server: RedisServer) -> None:
    (folder / "netflix.db").unlink()
    python = tmp_path / "venv/bin/python"
    env = environment(instance=folder, redis_url=redis_server.url)

    def run(*command: str | Path) -> None:
        done = subprocess.run(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    # This environment's pip works on the new one, which saves the time to install another.
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv")
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
    run(*pip, "install", "-r", "requirements.txt")
    run(tmp_path / "venv/bin/flask", "db", "upgrade")
    with served(folder, (str(python), "app.py"), redis_url=redis_server.url) as site:
        ada = site.visitor()
        assert ada.register("ada@example.org").status == 303
        assert ada.sign_in("ada@example.org").status == 303
        assert "ada@example.org" in ada.get("/dashboard").text
        assert site.health() == (200, "ok")
        assert not (folder / "redis.sock").exists()
