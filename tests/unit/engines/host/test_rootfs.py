"""tasks.engines.host.apt and rootfs: the machine's own sources, and root filesystems that are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tasks.engines.host import apt, rootfs
from tasks.engines.programs import shell
from tasks.problems import Problem

LISTED = """\
deb http://mirror.example/ubuntu/ jammy-updates main
deb http://mirror.example/ubuntu/ jammy main
deb http://mirror.example/ubuntu/ jammy main
deb https://vendor.example/apt nodistro main
deb https://vendor.example/apt jammyish main
"""


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what apt lists, which a test may replace; its files and the cache are in a folder of the test."""
    text = [LISTED]
    monkeypatch.setattr(apt, "_ETC", tmp_path / "apt")
    monkeypatch.setattr(apt, "suite", lambda: "jammy")
    monkeypatch.setattr(shell, "run", lambda *_words, **_options: shell.Completed(0, text[0], ""))
    return text


def test_only_the_distributions_own_sources_are_used(listed: list[str], tmp_path: Path) -> None:
    assert apt.sources(tmp_path / "cache") == (
        "deb http://mirror.example/ubuntu/ jammy main",
        "deb http://mirror.example/ubuntu/ jammy-updates main",
    )


def test_a_word_of_apts_own_is_no_source(listed: list[str]) -> None:
    listed[0] = "N: stale lists\nW:\n\ndeb http://mirror jammy main\ndeb http://mirror sid main\n"
    assert apt._ask_for_sources() == ("deb http://mirror jammy main",)


def test_no_source_of_the_distribution_is_a_problem(listed: list[str], tmp_path: Path) -> None:
    listed[0] = "deb https://vendor.example/apt nodistro main\n"
    with pytest.raises(Problem, match="no source of jammy"):
        apt.sources(tmp_path / "cache")


def test_another_mirror_is_another_root_filesystem(listed: list[str], tmp_path: Path) -> None:
    before = rootfs.digest(tmp_path / "cache")
    listed[0] = LISTED.replace("mirror.example", "other.example")
    _edit_sources(tmp_path)
    assert rootfs.digest(tmp_path / "cache") != before


def test_apt_is_asked_again_only_when_its_files_change(listed: list[str], tmp_path: Path) -> None:
    first = apt.sources(tmp_path / "cache")
    listed[0] = "deb http://other.example/ubuntu jammy main\n"
    assert apt.sources(tmp_path / "cache") == first
    _edit_sources(tmp_path)
    assert apt.sources(tmp_path / "cache") == ("deb http://other.example/ubuntu jammy main",)


def test_an_answer_that_was_cut_short_is_asked_for_again(listed: list[str], tmp_path: Path) -> None:
    first = apt.sources(tmp_path / "cache")
    (tmp_path / "cache" / "apt-sources.json").write_text("{", encoding="utf-8")
    assert apt.sources(tmp_path / "cache") == first


def _edit_sources(tmp_path: Path) -> None:
    (tmp_path / "apt").mkdir()
    (tmp_path / "apt" / "sources.list").write_text("edited", encoding="utf-8")


def test_a_root_filesystem_is_made_once_and_a_half_made_one_again(
    listed: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[Any] = []

    def run(argv: list[str], *, stdin: str = "", **_options: object) -> shell.Completed:
        if argv[0] == "mmdebstrap":
            part = Path(argv[-2])
            assert not part.exists()
            part.write_text(stdin, encoding="utf-8")
            runs.append(part)
        return shell.Completed(0, LISTED, "")

    monkeypatch.setattr(shell, "run", run)
    monkeypatch.setattr(apt, "install", lambda _needed: None)

    first = rootfs.bootstrap(tmp_path)
    assert "mirror.example/ubuntu/ jammy-updates" in first.read_text(encoding="utf-8")
    assert rootfs.bootstrap(tmp_path) == first
    assert len(runs) == 1

    first.rename(runs[0])
    assert rootfs.bootstrap(tmp_path) == first
    assert len(runs) == 2
