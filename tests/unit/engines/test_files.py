"""Files that are there as a whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tasks.engines import files


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(("content", "read"), [("é\n", b"\xc3\xa9\n"), (b"\x00\xff", b"\x00\xff"), ("", b"")])
def test_the_content_is_there_and_nothing_else(tmp_path: Path, content: str | bytes, read: bytes) -> None:
    path = tmp_path / "new folder" / "file"
    files.write(path, content)
    assert path.read_bytes() == read
    assert mode_of(path) == 0o644
    assert list(path.parent.iterdir()) == [path]


def test_the_mode_is_the_given_one_or_stays(tmp_path: Path) -> None:
    path = tmp_path / "key"
    files.write(path, "1", mode=0o600)
    assert mode_of(path) == 0o600
    files.write(path, "2")
    assert mode_of(path) == 0o600
    earlier = os.umask(0o077)
    try:
        files.write(path, "3", mode=0o644)
    finally:
        os.umask(earlier)
    assert mode_of(path) == 0o644


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    files.write(path, "before")

    def cut(*_: object) -> None:
        raise OSError("cut")

    monkeypatch.setattr(Path, "replace", cut)
    with pytest.raises(OSError, match="cut"):
        files.write(path, "after")
    monkeypatch.undo()
    assert path.read_text() == "before"
    files.write(path, "after")
    assert list(tmp_path.iterdir()) == [path]
