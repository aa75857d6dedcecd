"""Keys that a development run makes for itself, once, and keeps in the instance folder."""

import os
import secrets
import shlex
from contextlib import suppress
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from netflix import database
from netflix.errors import ConfigError, DatabaseUnavailable


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


def check_new(file: Path, url: str) -> None:
    """Raises ConfigError where the password key is not there and was: under a new one nobody could sign in.

    Raises DatabaseUnavailable where that cannot be known.
    """
    if file.exists():
        return
    try:
        # Another process may have made the key, and somebody an account, since it was looked for.
        is_lost = database.has_accounts(url) and not file.exists()
    except DBAPIError as error:
        why = database.refusal(error)
        raise DatabaseUnavailable(
            f"'{file}' is not there, and only the database can tell whether it was. {why.sentence}",
            f"{why.remedy} If there was a key, put it back.",
        ) from error
    if is_lost:
        make = "python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
        raise ConfigError(
            [
                f"NETFLIX_PASSWORD_KEY: is not set, and '{file}' is not there, though the database has accounts, whose "
                "passwords are under it; put it back from where you keep it, or set the variable. Only if it is lost "
                f"for good: `(umask 077; {make} > {shlex.quote(str(file))})`, and then a new link for everybody "
                "(`netflix-admin users reset-password`)."
            ]
        )
