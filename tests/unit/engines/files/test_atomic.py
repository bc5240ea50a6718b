"""Files that are written as a whole or not at all."""

from __future__ import annotations

import os
import resource
import stat
from typing import TYPE_CHECKING

import pytest

from tasks.engines.files import atomic
from tasks.problems import Problem
from tests.threads import side_by_side

if TYPE_CHECKING:
    from pathlib import Path


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(("content", "read"), [("é\n", b"\xc3\xa9\n"), (b"\x00\xff", b"\x00\xff"), ("", b"")])
def test_the_content_is_there_and_nothing_else(tmp_path: Path, content: str | bytes, read: bytes) -> None:
    path = tmp_path / "new folder" / "file"
    atomic.write(path, content)
    assert path.read_bytes() == read
    assert mode_of(path) == 0o644
    assert list(path.parent.iterdir()) == [path]


def test_the_mode_is_the_given_one_or_stays(tmp_path: Path) -> None:
    path = tmp_path / "key"
    atomic.write(path, "1", mode=0o600)
    assert mode_of(path) == 0o600
    atomic.write(path, "2")
    assert mode_of(path) == 0o600
    earlier = os.umask(0o077)
    try:
        atomic.write(path, "3", mode=0o644)
    finally:
        os.umask(earlier)
    assert mode_of(path) == 0o644


def test_a_write_that_is_cut_off_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "file"
    atomic.write(path, "before")
    earlier = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, earlier[1]))
    try:
        with pytest.raises(Problem, match="File too large"):
            atomic.write(path, "after" * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, earlier)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]
    atomic.write(path, "after")
    assert list(tmp_path.iterdir()) == [path]


def test_threads_that_write_one_file_leave_the_whole_of_one_of_them(tmp_path: Path) -> None:
    path = tmp_path / "file"
    texts = [str(number) * 100_000 for number in range(8)]
    for _ in range(20):
        side_by_side([lambda text=text: atomic.write(path, text) for text in texts])  # type: ignore[misc]
        assert path.read_text() in texts
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_nothing_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(Problem, match="is a folder, not a file"):
        atomic.write(tmp_path / "folder", "x")
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]
