"""The file of known passwords."""

from collections.abc import Iterator
from hashlib import sha1
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netflix.accounts import blocklist
from netflix.accounts.blocklist import HEADER, Blocklist, Broken, Shape

MANY = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def digests(*words: str) -> list[bytes]:
    return [sha1(word.encode(), usedforsecurity=False).digest() for word in words]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some.passwords"


@MANY
@given(st.lists(st.binary(min_size=20, max_size=20)), st.lists(st.binary(min_size=20, max_size=20)))
def test_it_has_what_was_written_and_nothing_else(path: Path, written: list[bytes], others: list[bytes]) -> None:
    assert blocklist.write(path, written, "a test") == len(set(written))
    found = Blocklist(path)
    found.check()
    assert (found.count, found.source) == (len(set(written)), "a test")
    assert all(found.has(one) for one in written)
    assert not any(found.has(one) for one in set(others) - set(written))


@pytest.mark.parametrize("count", [0, 1, 30_000, 10**6, 3 * 10**7, 10**9])
def test_it_takes_another_for_one_of_its_own_once_in_a_million_at_most(count: int) -> None:
    prefix, rest = Shape.for_as_many(count)
    assert count / 256 ** (prefix + rest) <= 1e-6
    # And is no larger than it must be: thirty million are 115 MB.
    assert rest <= 4 or count > 10**8


def test_a_hundred_thousand_others_are_not_found(path: Path) -> None:
    blocklist.write(path, digests(*(f"known {n}" for n in range(5000))), "a test")
    found = Blocklist(path)
    assert not any(map(found.has, digests(*(f"other {n}" for n in range(100_000)))))


def test_what_is_counted_is_exact(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when some are cut to the same bytes, as of two thousand in two bytes."""
    monkeypatch.setattr(Shape, "for_as_many", lambda _: Shape(1, 1))
    words = [n.to_bytes(20) for n in range(2000)]
    assert blocklist.write(path, [*words, *words], "") == 2000
    found = Blocklist(path)
    found.check()
    assert found.count == 2000
    assert all(map(found.has, words))


def test_two_files_of_the_same_passwords_tell_them_by_different_digests(tmp_path: Path) -> None:
    for name in "ab":
        blocklist.write(tmp_path / name, digests("one", "two"), "")
    assert (tmp_path / "a").read_bytes()[HEADER.size :] != (tmp_path / "b").read_bytes()[HEADER.size :]


@pytest.mark.parametrize("left", [0, 1, HEADER.size - 1, HEADER.size, HEADER.size + 100, -1])
def test_a_file_that_is_cut_short_is_broken(path: Path, left: int) -> None:
    blocklist.write(path, digests(*"abcdefgh"), "")
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(Broken):
        Blocklist(path)


@pytest.mark.parametrize("content", [b"\0" * 5000, b"password1\npassword2\n" * 100, b"nfpwlist\2" + b"\0" * 5000])
def test_a_file_of_something_else_is_broken(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(Broken):
        Blocklist(path)


def test_any_changed_byte_is_found_and_does_no_harm(path: Path) -> None:
    blocklist.write(path, digests(*"abcdefgh"), "")
    whole = path.read_bytes()
    for place in range(HEADER.size, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x80]) + whole[place + 1 :])
        found = Blocklist(path)
        with pytest.raises(Broken):
            found.check()
        for digest in digests("a", "b", "other"):
            try:
                assert found.has(digest) in (True, False)
            except Broken:
                continue


def test_a_file_that_is_cut_short_while_open_is_told(path: Path) -> None:
    """A mapping of it would kill the process."""
    blocklist.write(path, digests(*"abcdefgh"), "")
    found = Blocklist(path)
    path.write_bytes(b"")
    with pytest.raises(Broken):
        found.has(*digests("a"))


def test_one_that_fails_half_way_leaves_the_old_one_and_nothing_else(path: Path) -> None:
    blocklist.write(path, digests("old"), "")

    def stopped() -> Iterator[bytes]:
        yield from digests("new")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        blocklist.write(path, stopped(), "")
    assert Blocklist(path).has(*digests("old"))
    assert list(path.parent.iterdir()) == [path]
