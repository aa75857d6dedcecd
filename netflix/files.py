"""Files that change together with the database."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def as_it_was(path: Path) -> Iterator[None]:
    """What stands at `path`, or that nothing does, is so again when the body fails.

    Where its folder's system knows no second name for a file, a new one that took its place stays: it is whole.
    """
    before = path.with_name(f".{path.name}.{secrets.token_hex(4)}.before")
    was_there = os.path.lexists(path)
    with suppress(OSError):
        os.link(path, before, follow_symlinks=False)
    try:
        yield
    except BaseException:
        if before.exists():
            before.replace(path)
        elif not was_there:
            path.unlink(missing_ok=True)
        raise
    finally:
        before.unlink(missing_ok=True)
