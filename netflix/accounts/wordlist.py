"""An operator's own list of passwords: how its files are read, and that it replaces the one before it."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha1
from typing import IO, Any, NamedTuple

from netflix.accounts import blocklist, screening
from netflix.accounts.password import normalised
from netflix.errors import Declined
from netflix.events import event
from netflix.events.event import Kind
from netflix.extensions import db
from netflix.files import as_it_was, sweep
from netflix.gzipped import unpacked, whole

# As haveibeenpwned's downloads are: how often it was seen may follow.
SHA1 = re.compile(rb"([0-9A-Fa-f]{40})(:\d{1,12})?")
OTHER_HASH = re.compile(rb"(?:[0-9A-Fa-f]{32}|[0-9A-Fa-f]{64})(?::\d+)?")
# A hash alone may be somebody's password; one with a number behind it is none.
LIKE_HASH = re.compile(rb"\s*(?:[0-9A-Fa-f]{32}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64})\s*(?P<count>[:;,\s]\s*\d+\s*)?")
SHORTEST_HASH = 32
# Files of Windows begin so.
UTF8_MARK, UTF16_MARKS = b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff")
# In bytes: no password that can be chosen is longer.
LONGEST = 8192
# Of the lines that cannot be read, as many are told as one would look at.
TOLD = 10
TOLD_EVERY = 10_000


class Imported(NamedTuple):
    """How many passwords the new list holds, how many lines were left out, and as what the files were read."""

    passwords: int
    left_out: int
    read_as: tuple[str, ...]


class Lines:
    """The lines of one file, as SHA-1 digests; what cannot be read is noted by its number.

    `tell` is called now and then, for who shows how far it is read.
    """

    def __init__(self, name: str, stream: IO[bytes], tell: Callable[[], object] = lambda: None) -> None:
        self._name, self._stream, self._tell = name, stream, tell
        self.faulty = 0
        self.faults: list[str] = []
        self.read_as = ""
        self._passwords = self._like_hashes = 0

    def __iter__(self) -> Iterator[bytes]:
        """Raises Declined for what is no list of passwords at all."""
        with unpacked(self._stream, self._name) as stream:
            yield from self._digests(stream)
        self._tell()

    def _digests(self, stream: IO[bytes]) -> Iterator[bytes]:
        digest: Callable[[bytes], bytes] | None = None
        for number, line in enumerate(iter(partial(stream.readline, LONGEST), b""), 1):
            if number % TOLD_EVERY == 0:
                self._tell()
            try:
                text = whole(line, stream, LONGEST)
                if number == 1:
                    text = self._without_mark(text)
                digest = digest or self._form(text)
                if digest is of_password:
                    self._suspect(text, number)
                if digest and text:
                    yield digest(text)
            except ValueError as error:
                self._note(f"{self._name}, line {number} {error}.")
        if 2 * self._like_hashes > self._passwords:
            raise self._of_both("most lines are hashes")

    def _without_mark(self, line: bytes) -> bytes:
        if line.startswith(UTF16_MARKS):
            raise Declined(f"{self._name} is UTF-16, so nothing was changed.", "Save it as UTF-8.")
        return line.removeprefix(UTF8_MARK)

    def _form(self, line: bytes) -> Callable[[bytes], bytes] | None:
        """What the first line is, all are; None for an empty one."""
        if OTHER_HASH.fullmatch(line):
            raise Declined(f"{self._name} holds hashes that are not SHA-1.", "Get the list of SHA-1 hashes.")
        if not line:
            return None
        is_hash = bool(SHA1.fullmatch(line))
        self.read_as = "SHA-1 hashes" if is_hash else "passwords"
        return of_hash if is_hash else of_password

    def _suspect(self, line: bytes, number: int) -> None:
        """Counts a line that looks like a hash among passwords. Raises Declined for one that can be nothing else."""
        self._passwords += bool(line)
        found = LIKE_HASH.fullmatch(line) if len(line) >= SHORTEST_HASH else None
        if found and found["count"]:
            raise self._of_both(f"line {number} is a hash")
        self._like_hashes += bool(found)

    def _of_both(self, what: str) -> Declined:
        """A list that is read as passwords refuses nobody whose hash it holds."""
        return Declined(
            f"{self._name} begins with a line that is no SHA-1 hash, yet {what}, so nothing was changed.",
            "Give passwords alone, or hashes alone, as HASH or HASH:COUNT, from the first line on.",
        )

    def _note(self, fault: str) -> None:
        self.faulty += 1
        if len(self.faults) < TOLD:
            self.faults.append(fault)


def of_hash(line: bytes) -> bytes:
    """Raises ValueError."""
    found = SHA1.fullmatch(line)
    if found is None:
        raise ValueError("is no SHA-1 hash")
    return bytes.fromhex(found[1].decode())


def of_password(line: bytes) -> bytes:
    """Raises ValueError."""
    if line.isascii():
        return sha1(line, usedforsecurity=False).digest()
    try:
        return screening.hashed(normalised(line.decode()))
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8") from None


def replace(
    files: list[Lines],
    source: str,
    skipping: bool = False,
    sorted_part: Callable[[], object] = lambda: None,
    dry_run: bool = False,
) -> Imported:
    """The list of these files in place of the one that was imported before, or, when a line cannot be read, nothing.

    `skipping`: such lines are left out instead. `sorted_part` is called 256 times once all is read.
    Raises Declined or OSError.
    """

    def digests() -> Iterator[bytes]:
        found = False
        for file in files:
            for digest in file:
                found = True
                yield digest
        if not skipping and any(file.faulty for file in files):
            raise refusal(files)
        if not found:
            raise Declined(
                "There is no password in it, so nothing was changed.",
                "Give a list that has some; `netflix-admin passwords forget` takes the present one away.",
            )

    path = screening.imported_path()
    # What one that was killed left; nobody else imports meanwhile.
    sweep(path.parent, rf"{re.escape(blocklist.draft_prefix(path))}[a-z0-9_]{{8}}")
    with blocklist.drafted(path, digests(), source, sorted_part) as (draft, count):
        left_out = sum(file.faulty for file in files)
        done = Imported(count, left_out, tuple(dict.fromkeys(file.read_as for file in files if file.read_as)))
        if dry_run:
            return done
        more: dict[str, Any] = {"left_out": left_out} if left_out else {}
        # From here on nobody else writes in the record, or touches the list, until both are as told.
        event.record(Kind.BLOCKLIST_IMPORTED, passwords=count, source=source[:100], **more)
        with as_it_was(path):
            draft.replace(path)
            db.session.commit()
    return done


def refusal(files: list[Lines]) -> Declined:
    """With the first lines that cannot be read."""
    faults, faulty = [fault for file in files for fault in file.faults][:TOLD], sum(file.faulty for file in files)
    listed = "\n".join(f"  {fault}" for fault in faults) + f"\n  And {faulty - len(faults)} more." * (faulty > TOLD)
    what = "A line cannot be read" if faulty == 1 else f"{faulty} lines cannot be read"
    return Declined(f"{what}, so nothing was changed:\n{listed}\n", "Mend that, or add --skip-malformed.")


def forget(dry_run: bool = False) -> bool:
    """Removes the imported list; answers whether there was one."""
    path = screening.imported_path()
    if dry_run:
        return path.exists()
    event.record(Kind.BLOCKLIST_FORGOTTEN)
    with as_it_was(path):
        try:
            path.unlink()
        except FileNotFoundError:
            db.session.rollback()
            return False
        db.session.commit()
    return True
