"""Keys that a development run makes for itself, once, and keeps in the instance folder."""

import os
import secrets
from contextlib import suppress
from pathlib import Path


def kept(folder: Path, name: str) -> str:
    """The key in `folder/name`, made with mode 600 when it is not there.

    Two processes may ask at once: the file is written under another name and linked into place,
    so that one of them wins and both read the same key.
    """
    path = folder / name
    with suppress(FileNotFoundError):
        return path.read_text().strip()
    draft = folder / f".{name}.{secrets.token_hex(8)}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
    return path.read_text().strip()
