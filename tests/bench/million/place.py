"""A migrated site in a folder of its own, with its Redis."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from netflix import embedded
from netflix.config import Config
from tests.watching import ROOT


class Place(NamedTuple):
    """`env` is for whatever is run in it."""

    config: Config
    env: dict[str, str]


@contextmanager
def site(**settings: str) -> Iterator[Place]:
    """`settings` as the site reads them, such as NETFLIX_DATABASE_URL."""
    with tempfile.TemporaryDirectory(prefix="nb-") as folder:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("NETFLIX_")}
        # Compiled once, as when installed, and away from the checkout.
        kept = {name: value for name, value in kept.items() if name != "PYTHONDONTWRITEBYTECODE"}
        env = kept | {"NETFLIX_INSTANCE": folder, "PYTHONPYCACHEPREFIX": f"{folder}/compiled"} | settings
        config = Config(instance=Path(folder), database_url=settings.get("NETFLIX_DATABASE_URL", "")).completed()
        with embedded.running(config):
            subprocess.run([sys.executable, "-m", "flask", "db", "upgrade"], env=env, cwd=ROOT, check=True)
            yield Place(config, env)
