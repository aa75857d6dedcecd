"""A file of passwords that are known to guessers, kept as short digests under a key of the file's own.

    header · the rests of all digests, sorted · where each prefix begins

A digest is BLAKE2b of the password's SHA-1 (the form in which breached passwords are published), cut to as few bytes
as keep a stranger's password from being taken for one of the list once in a million. Its first one or two bytes are
its place in the index, the rest is what is stored: about four bytes for each password, looked up by two reads.
The file is read, not mapped: the system's cache is shared by all processes just so, and a file that is cut short
under us is a short read, where a mapping would kill the process.
"""

import os
import secrets
import struct
import sys
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from hashlib import blake2b, sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, NamedTuple
from weakref import finalize

MAGIC = b"nfpwlist"
VERSION = 1
# magic, version, bytes of a prefix, bytes of a rest, how many, salt, SHA-256 of what follows, where it comes from
HEADER = struct.Struct("<8sBBBQ16s32s64s")
PLACE = struct.Struct("<QQ")
# A digest while the file is made.
WHOLE = 8
# Of taking another password for one of the list.
WRONGLY = 1e-6
PARTS = 256


class Broken(Exception):
    """The file is none of ours, or not as it was written."""


class Shape(NamedTuple):
    """How many bytes of a digest are index, and how many are stored."""

    prefix: int
    rest: int

    @classmethod
    def for_as_many(cls, count: int) -> "Shape":
        prefix = 2 if count >= 1 << 20 else 1
        total = next(size for size in range(prefix + 1, WHOLE + 1) if count <= WRONGLY * 256**size or size == WHOLE)
        return cls(prefix, total - prefix)

    @property
    def index_size(self) -> int:
        return 8 * (256**self.prefix + 1)


class Blocklist:
    """An open file; closed when nobody has it any more. Raises Broken, or OSError, FileNotFoundError among them."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        finalize(self, os.close, self._file)
        try:
            magic, version, prefix, rest, count, self._salt, self._digest, source = HEADER.unpack(
                os.pread(self._file, HEADER.size, 0)
            )
        except struct.error:
            raise Broken("it is too short") from None
        if (magic, version) != (MAGIC, VERSION) or prefix not in (1, 2) or not 0 < rest < WHOLE:
            raise Broken("it is not a list of this version")
        self.shape, self.count = Shape(prefix, rest), count
        self.source = source.rstrip(b"\0").decode("utf-8", "ignore")
        self._index = HEADER.size + count * rest
        self.size = os.fstat(self._file).st_size
        if self.size != self._index + self.shape.index_size:
            raise Broken("it is not as long as it was")

    @property
    def wrongly(self) -> float:
        """How likely another password is taken for one of the list."""
        return float(self.count / 256 ** (self.shape.prefix + self.shape.rest))

    def has(self, sha1: bytes) -> bool:
        """Raises Broken or OSError."""
        prefix, rest = self.shape
        digest = keyed(self._salt, sha1)
        try:
            place = self._index + 8 * int.from_bytes(digest[:prefix])
            first, end = PLACE.unpack(os.pread(self._file, PLACE.size, place))
        except struct.error:
            raise Broken("it was cut short") from None
        if not first <= end <= self.count:
            raise Broken("its index makes no sense")
        rests = os.pread(self._file, (end - first) * rest, HEADER.size + first * rest)
        wanted = digest[prefix : prefix + rest]
        found = bisect_left(range(len(rests) // rest), wanted, key=lambda n: rests[n * rest : (n + 1) * rest])
        return rests[found * rest : (found + 1) * rest] == wanted

    def check(self) -> None:
        """Reads all of it. Raises Broken when a byte is not as it was written, or OSError."""
        told, place = sha256(), HEADER.size
        while read := os.pread(self._file, 1 << 20, place):
            told.update(read)
            place += len(read)
        if told.digest() != self._digest:
            raise Broken("its content is not what was written")


def keyed(salt: bytes, sha1: bytes) -> bytes:
    return blake2b(sha1, key=salt, digest_size=WHOLE).digest()


def write(path: Path, sha1s: Iterable[bytes], source: str) -> int:
    """Writes the file in place of the one that is there, at once or not at all; answers how many it holds.

    Raises OSError.
    """
    with drafted(path, sha1s, source) as (draft, count):
        draft.replace(path)
    return count


@contextmanager
def drafted(
    path: Path, sha1s: Iterable[bytes], source: str, sorted_part: Callable[[], object] = lambda: None
) -> Iterator[tuple[Path, int]]:
    """A whole file beside `path`, to be moved there, and how many it holds; gone in the end, unless it was moved.

    On the way it needs disk, some ten bytes for each, and little memory: they are sorted in 256 parts, and
    `sorted_part` is called after each. Raises OSError.
    """
    salt = secrets.token_bytes(16)
    with TemporaryDirectory(prefix=draft_prefix(path), dir=path.parent) as folder, ExitStack() as opened:
        parts = [opened.enter_context(open(Path(folder, str(n)), "wb+")) for n in range(PARTS)]
        for sha1 in sha1s:
            digest = keyed(salt, sha1)
            parts[digest[0]].write(digest)
        draft = opened.enter_context(open(Path(folder, "draft"), "wb+"))
        count = fill(draft, parts, salt, source, sorted_part)
        draft.flush()
        os.fsync(draft.fileno())
        yield Path(draft.name), count


def draft_prefix(path: Path) -> str:
    """How the name of a draft begins: with a mark of our own, so that no other's file is taken for one."""
    return f".{path.name}.netflix-"


def fill(
    draft: IO[bytes], parts: Sequence[IO[bytes]], salt: bytes, source: str, sorted_part: Callable[[], object]
) -> int:
    """The whole file, of the digests in each part."""
    shape = Shape.for_as_many(sum(part.tell() for part in parts) // WHOLE)
    prefix, rest = shape
    draft.write(bytes(HEADER.size))
    told, places = sha256(), [0] * (256**prefix + 1)
    for part in parts:
        part.seek(0)
        digests = array("Q", part.read())
        if sys.byteorder == "little":
            digests.byteswap()
        # Told apart while whole: two that are cut to the same are counted as two.
        for digest in sorted(set(digests)):
            value = digest >> 8 * (WHOLE - prefix - rest)
            places[(value >> 8 * rest) + 1] += 1
            draft.write(stored := (value & (256**rest - 1)).to_bytes(rest))
            told.update(stored)
        sorted_part()
    for n in range(1, len(places)):
        places[n] += places[n - 1]
    index = struct.pack(f"<{len(places)}Q", *places)
    draft.write(index)
    told.update(index)
    draft.seek(0)
    label = source.encode("utf-8", "replace")[:64]
    draft.write(HEADER.pack(MAGIC, VERSION, prefix, rest, places[-1], salt, told.digest(), label))
    return places[-1]
