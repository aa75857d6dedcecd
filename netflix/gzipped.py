"""Files that may be packed by gzip, read alike."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, RawIOBase
from typing import IO, Any, cast

from netflix.errors import Declined

GZIP = b"\x1f\x8b"


@contextmanager
def unpacked(stream: IO[bytes], name: str) -> Iterator[IO[bytes]]:
    """What a stream holds, unpacked where it has to be; the stream is closed by who opened it.

    Raises Declined while a broken archive is read.
    """
    # Another buffer over a pipe's own would wait until it is full.
    own: Any = None if hasattr(stream, "peek") else BufferedReader(cast(RawIOBase, stream), 1 << 16)
    buffered: Any = own or stream
    try:
        is_packed = buffered.peek(2).startswith(GZIP)
        yield cast(IO[bytes], gzip.GzipFile(fileobj=buffered) if is_packed else buffered)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Declined(f"{name} is compressed, and broken.", "Get it once more.") from error
    finally:
        if own:
            own.detach()


def whole(line: bytes, stream: IO[bytes], longest: int) -> bytes:
    """A line that `readline(longest)` gave, without its end. Raises ValueError, once the rest of a long one is read."""
    if len(line) < longest or line.endswith(b"\n"):
        return line.rstrip(b"\r\n")
    while line and not line.endswith(b"\n"):
        line = stream.readline(longest)
    raise ValueError("is too long")
