"""A roll of people: the file, CSV or JSON lines, in which they come from elsewhere and go elsewhere.

A line that cannot be taken costs that line alone, whatever is wrong with it: an open quotation mark, another
encoding, no end.
"""

import csv
import io
import json
import re
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import IO, Any, NamedTuple

from netflix import clock
from netflix.accounts import email as addresses
from netflix.accounts import password as passwords
from netflix.errors import Declined, NotAccepted
from netflix.gzipped import unpacked
from netflix.spelling import covered, uncovered

COLUMNS = ("email", "admin", "disabled", "verified", "must_change", "created_at", "password_hash")
# In bytes: far beyond what a person needs.
LONGEST = 65_536
# Of a record in CSV, whose values may hold the ends of lines.
MOST_LINES = 20
BOM = b"\xef\xbb\xbf"
WORDS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


class Person(NamedTuple):
    """Somebody whose row can be taken; None is what their row does not say."""

    line: int
    email: str
    key: str
    admin: bool | None = None
    disabled: bool | None = None
    verified: bool | None = None
    must_change: bool | None = None
    created_at: datetime | None = None
    kept: str | None = None


class Refused(NamedTuple):
    """A row that cannot be taken, and what to do about it; `row` as it was read, where it could be told apart."""

    line: int
    email: str
    reason: str
    row: Mapping[str, Any] | None = None


Read = Generator[Person | Refused, None, None]


class Unfit(Exception):
    """A line, or a value, that cannot be taken."""


HOW_TO_QUOTE = 'Close it at the end of its value, and write "" for one inside.'


class Mark(NamedTuple):
    """A quotation mark that opens, by the line of a record and the character: what is the matter with it."""

    line: int
    character: int
    fault: str


def misplaced(lines: Sequence[bytes]) -> Mark | None:
    """The quotation mark by which a record cannot be read: it is left open, or closed amid its value."""
    opened, quoted, begins = (0, 0), False, True
    for number, line in enumerate(lines):
        text, at = line.removeprefix(BOM).decode(errors="replace"), 0
        while at < len(text):
            sign = text[at]
            if quoted and sign == '"':
                after = text[at + 1 : at + 2]
                # Two of them stand for one.
                quoted = after == '"'
                at += quoted
                if not quoted and after not in ("", ",", "\r", "\n"):
                    return Mark(*opened, "is closed amid its value")
            elif begins and sign == '"':
                opened, quoted = (number, at + 1), True
            begins = not quoted and sign in ",\r\n"
            at += 1
    return Mark(*opened, "is not closed") if quoted else None


class Lines:
    """The lines of a file as text, numbered. After `begin`, `give_back` has all but the first be read again."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._again: deque[bytes] = deque()
        self._taken: list[bytes] = []
        self.number = 0

    def __iter__(self) -> "Lines":
        return self

    def __next__(self) -> str:
        """Raises Unfit."""
        line = self._again.popleft() if self._again else self._fresh()
        if not line:
            raise StopIteration
        self._taken.append(line)
        self.number += 1
        if len(line) > LONGEST:
            raise Unfit(f"It is longer than {LONGEST:,} bytes. Shorten it, or take it out.")
        if len(self._taken) > MOST_LINES:
            raise Unfit(self.no_csv(f"more than {MOST_LINES} lines"))
        try:
            return line.removeprefix(BOM).decode() if self.number == 1 else line.decode()
        except UnicodeDecodeError:
            raise Unfit("It is not UTF-8. Save the file in that encoding.") from None

    def _fresh(self) -> bytes:
        line = rest = self._stream.readline(LONGEST + 1)
        while len(line) > LONGEST and rest and not rest.endswith(b"\n"):
            rest = self._stream.readline(LONGEST)
        return line

    def begin(self) -> int:
        """The number of the line that comes."""
        self._taken = []
        return self.number + 1

    def give_back(self) -> None:
        """One that looks like the middle of a record may be a record itself."""
        rest = self._taken[1:]
        self._again.extendleft(reversed(rest))
        self.number -= len(rest)

    def no_csv(self, fault: object) -> str:
        """What is the matter with the record that was begun."""
        mark = misplaced(self._taken)
        if mark is None:
            return f"It is no CSV ({fault}). Mend its quotation marks."
        line = self.number - len(self._taken) + 1 + mark.line
        where = f"The quotation mark that opens at character {mark.character} of line {line}"
        return f"{where} {mark.fault}. {HOW_TO_QUOTE}"

    def first(self) -> bytes:
        """The first byte that is no space, of the first line; it is still to be read."""
        line = self._fresh()
        self._again.append(line)
        return line.removeprefix(BOM).lstrip()[:1]


def read(stream: IO[bytes], skipping: bool = False) -> Read:
    """Each row, in the file's order; gzip is unpacked. With `skipping` columns that are not known are no fault.

    Raises Declined for what is no roll at all, or a broken archive.
    """
    with unpacked(stream, "The file") as plain:
        lines = Lines(plain)
        records = json_records(lines) if lines.first() == b"{" else csv_records(lines, skipping)
        seen: dict[int, int] = {}
        for line, found in records:
            one = found if isinstance(found, Refused) else row(line, found, skipping)
            if isinstance(one, Person):
                # Its hash, which is a third of the memory.
                known = seen.setdefault(hash(one.key), line)
                if known != line:
                    why = f"It stands in line {known:,} already. Take one of the two out."
                    one = Refused(line, one.email, why, told(one._asdict()))
            yield one


Records = Iterator[tuple[int, Mapping[str, Any] | Refused]]


def json_records(lines: Lines) -> Records:
    while True:
        line = lines.begin()
        try:
            text = next(lines)
            if not text.strip():
                continue
            found = json.loads(text)
        except StopIteration:
            return
        except Unfit as fault:
            yield line, Refused(line, "", str(fault))
        except (ValueError, RecursionError) as error:
            where = f" ({error.msg}, at {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
            yield line, Refused(line, "", f"It is no JSON{where}. Write one object on each line.")
        else:
            is_object = isinstance(found, dict)
            yield line, found if is_object else Refused(line, "", "It is no JSON object. Write one on each line.")


def csv_records(lines: Lines, skipping: bool) -> Records:
    reader = csv.reader(lines, strict=True)
    names = header(lines, reader, skipping)
    while True:
        line = lines.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (Unfit, csv.Error) as fault:
            said = str(fault) if isinstance(fault, Unfit) else lines.no_csv(fault)
            lines.give_back()
            yield line, Refused(line, "", said)
            continue
        if not any(cells):
            continue
        if len(cells) != len(names):
            told = f"It has {len(cells)} value{'s' * (len(cells) != 1)}, and the first line {len(names)} names."
            yield line, Refused(line, cells[0], f"{told} Put what holds a comma between quotation marks.")
        else:
            yield line, {name: uncovered(cell) or None for name, cell in zip(names, cells, strict=True)}


def header(lines: Lines, reader: Iterator[list[str]], skipping: bool) -> list[str]:
    """The names of the columns. Raises Declined."""
    lines.begin()
    try:
        names = [name.strip().lower() for name in next(reader)]
    except StopIteration:
        raise Declined("The file is empty.", "Give one whose first line names its columns.") from None
    except (Unfit, csv.Error) as fault:
        raise Declined(f"The first line cannot be read. {fault}", "It has to name the columns of a CSV file.") from None
    if "email" not in names:
        by = " Divide them by commas." if len(names) == 1 and re.search("[;\t|]", names[0]) else ""
        raise Declined(
            "The first line names no column `email`.", f"It can name: {', '.join(COLUMNS)}.{by} Or write JSON lines."
        )
    if twice := {name for name in names if names.count(name) > 1 and name in COLUMNS}:
        raise Declined(f"The column {min(twice)} is there twice.", "Take one of the two out.")
    if (strange := strangers(names)) and not skipping:
        raise Declined(strange, f"There are: {', '.join(COLUMNS)}. Rename it, take it out, or add --ignore-unknown.")
    return names


def strangers(names: Sequence[str]) -> str:
    strange = [name[:40] or "without a name" for name in names if name not in COLUMNS]
    if not strange:
        return ""
    return f"There is no column {', '.join(strange[:5])}{', …' * (len(strange) > 5)}."


def row(line: int, values: Mapping[str, Any], skipping: bool) -> Person | Refused:
    email = values.get("email")
    email = email.strip() if isinstance(email, str) else ""
    try:
        if not skipping and (strange := strangers(list(values))):
            raise Unfit(f"{strange} Take it out, or add --ignore-unknown.")
        if not email:
            raise Unfit("It has no e-mail. Give it one, or take it out.")
        if faults := addresses.new_faults(email):
            raise Unfit(faults[0])
        return Person(
            line,
            email,
            addresses.normalised(email),
            **{name: a_boolean(name, values.get(name)) for name in ("admin", "disabled", "verified", "must_change")},
            created_at=a_time(values.get("created_at")),
            kept=a_hash(values.get("password_hash")),
        )
    except Unfit as fault:
        return Refused(line, email, str(fault), told(values))


def told(values: Mapping[str, Any]) -> dict[str, Any]:
    """What of a row may stand in a report: no hash, and nothing of which nobody here knows what it is."""
    found = {name: values[name] for name in COLUMNS if name != "password_hash" and values.get(name) is not None}
    return {name: cell(value) if isinstance(value, datetime) else value for name, value in found.items()}


def a_boolean(name: str, value: object) -> bool | None:
    """Raises Unfit."""
    if value is None or isinstance(value, bool):
        return value
    found = WORDS.get(str(value).strip().lower())
    if found is None:
        raise Unfit(f"Its {name} is {shortened(value)}. Write yes or no.")
    return found


def a_time(value: object) -> datetime | None:
    """Raises Unfit."""
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(str(value).strip())
        at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise Unfit(f"Its created_at is {shortened(value)}. Write it as 2026-11-24 or 2026-11-24T12:00:00Z.") from None
    if not EARLIEST <= at <= clock.now():
        raise Unfit(
            f"Its created_at is {shortened(value)}, which is {'long gone' if at < EARLIEST else 'to come'}. Mend it."
        )
    return at


def a_hash(value: object) -> str | None:
    """Raises Unfit."""
    if value is None:
        return None
    try:
        return passwords.adopted(str(value).strip())
    except NotAccepted as fault:
        raise Unfit(str(fault)) from None


def shortened(value: object) -> str:
    text = str(value)
    return f"“{text[:40]}{'…' * (len(text) > 40)}”"


def as_csv(rows: Sequence[Sequence[str]]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows([covered(text) for text in row] for row in rows)
    return file.getvalue()


def cells(row: Sequence[Any]) -> list[str]:
    return [cell(value) for value in row]


def cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, datetime) else value or ""
