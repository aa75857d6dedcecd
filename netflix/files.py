"""Files that change together with the database, and drafts of such as are moved into place."""

import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import rmtree


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


def hold(draft: int) -> None:
    """From now on, while it is open, `sweep` leaves this draft alone."""
    # Where its folder's system has no locks, nobody sweeps either.
    with suppress(OSError):
        fcntl.flock(draft, fcntl.LOCK_EX | fcntl.LOCK_NB)


def sweep(folder: Path, names: str) -> None:
    """Removes the drafts of these names (a pattern) whose writer was killed, and what a database keeps beside one.

    A draft may be a folder.
    """
    pattern = re.compile(f"({names})(-journal|-wal|-shm)?")
    found = sorted((match[1], match[0]) for name in os.listdir(folder) if (match := pattern.fullmatch(name)))
    for draft, name in found:
        with suppress(OSError):
            if name == draft or not os.path.lexists(folder / draft):
                remove_unheld(folder / name)


def remove_unheld(draft: Path) -> None:
    descriptor = os.open(draft, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if draft.is_dir():
            rmtree(draft)
        else:
            draft.unlink()
    finally:
        os.close(descriptor)
