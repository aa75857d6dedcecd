from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from netflix import keys


def test_a_key_is_made_once_and_is_its_owner_s_alone(tmp_path: Path) -> None:
    made = keys.kept(tmp_path, "x.key")
    assert len(made) >= 64
    assert keys.kept(tmp_path, "x.key") == made
    assert (tmp_path / "x.key").stat().st_mode & 0o777 == 0o600


def test_two_keys_are_never_the_same(tmp_path: Path) -> None:
    assert len({keys.kept(tmp_path, f"{n}.key") for n in range(20)}) == 20


@pytest.mark.parametrize(
    "crowd", [lambda: ThreadPoolExecutor(16), lambda: ProcessPoolExecutor(2, get_context("spawn"))]
)
def test_many_at_once_read_the_same_key(tmp_path: Path, crowd: type[ThreadPoolExecutor]) -> None:
    with crowd() as pool:
        made = list(pool.map(keys.kept, [tmp_path] * 16, ["x.key"] * 16))
    assert len(set(made)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["x.key"]


def test_who_comes_second_reads_the_first_one_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def overtaken(count: int) -> str:
        (tmp_path / "x.key").write_text("the first one's")
        return "the second one's"

    monkeypatch.setattr(keys.secrets, "token_urlsafe", overtaken)
    assert keys.kept(tmp_path, "x.key") == "the first one's"


def test_a_full_disk_leaves_no_half_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keys.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        keys.kept(tmp_path, "x.key")
    assert list(tmp_path.iterdir()) == []
