"""tasks.engines.files.modes: a large file is hard-linked or copied."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tasks.engines.files import modes


def test_a_file_of_the_users_own_is_linked_with_its_mode_or_copied(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("x", encoding="utf-8")
    (tmp_path / "real").chmod(0o644)
    (tmp_path / "driver.run").symlink_to("real")
    modes.link(tmp_path / "driver.run", tmp_path / "linked")
    assert (tmp_path / "linked").stat().st_ino == (tmp_path / "real").stat().st_ino
    (tmp_path / "real").chmod(0o600)
    modes.link(tmp_path / "driver.run", tmp_path / "copied")
    assert stat.S_IMODE((tmp_path / "copied").stat().st_mode) == 0o644
    assert stat.S_IMODE((tmp_path / "real").stat().st_mode) == 0o600


def test_a_file_of_another_file_system_is_copied(tmp_path: Path) -> None:
    source = Path("/proc/version")
    with pytest.raises(OSError, match="cross-device"):
        (tmp_path / "linked").hardlink_to(source)
    modes.link(source, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == source.read_bytes() != b""
