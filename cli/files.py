"""Files that a command writes: there whole, or not at all."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

import click

from netflix.errors import Declined
from netflix.files import hold, sweep


@contextmanager
def placed(path: Path) -> Iterator[IO[str]]:
    """What is written takes the place of `path` once it is whole, and is for its owner alone. Raises Declined."""
    if path.exists() and not path.is_file():
        raise click.UsageError(f"{path} is no file. Name one, or give - for standard output.")
    try:
        # A mark of our own, so that no other's file is taken for a draft that was left.
        begin = f".{path.name}.netflix-"
        sweep(path.parent, rf"{re.escape(begin)}[a-z0-9_]{{8}}")
        with NamedTemporaryFile("w", encoding="utf-8", newline="", dir=path.parent, prefix=begin) as draft:
            hold(draft.fileno())
            yield draft
            draft.flush()
            os.fsync(draft.fileno())
            os.replace(draft.name, path)
            # Which has another name by now.
            with suppress(FileNotFoundError):
                draft.close()
    except OSError as error:
        raise Declined(f"{path} cannot be written ({error.strerror}).", "Make room, or name another place.") from error
