"""tasks.engines.host.apt and rootfs: the machine's apt sources, and kept root filesystems."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.engines.host.apt import Distribution
from tasks.engines.host.rootfs import RootFilesystem
from tasks.problems import Problem

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.programs import Programs

LISTED = """\
deb http://mirror.example/ubuntu/ jammy-updates main
deb http://mirror.example/ubuntu/ jammy main
deb http://mirror.example/ubuntu/ jammy main
deb https://vendor.example/apt nodistro main
deb https://vendor.example/apt jammyish main
"""
OTHER = "deb http://other.example/ubuntu jammy main\n"
# Writes its input to the archive, which must not exist yet.
MMDEBSTRAP = """\
for word; do [ "$word" = - ] || part=$word; done
[ ! -e "$part" ] && cat >"$part"
"""


@pytest.fixture
def jammy(tmp_path: Path, programs: Programs) -> Distribution:
    """A distribution whose apt lists sources, with apt's files in a folder of the test."""
    programs.put("apt-get", LISTED)
    return Distribution("jammy", tmp_path / "apt")


def _edit_sources(jammy: Distribution) -> None:
    jammy.etc.mkdir()
    (jammy.etc / "sources.list").write_text("edited", encoding="utf-8")


def test_only_the_distributions_own_sources_are_used(jammy: Distribution, tmp_path: Path) -> None:
    assert jammy.sources(tmp_path / "cache") == (
        "deb http://mirror.example/ubuntu/ jammy main",
        "deb http://mirror.example/ubuntu/ jammy-updates main",
    )


def test_a_word_of_apts_own_is_no_source(jammy: Distribution, programs: Programs, tmp_path: Path) -> None:
    programs.put("apt-get", "N: stale lists\nW:\n\ndeb http://mirror jammy main\ndeb http://mirror sid main\n")
    assert jammy.sources(tmp_path) == ("deb http://mirror jammy main",)


def test_no_source_of_the_distribution_is_a_problem(jammy: Distribution, programs: Programs, tmp_path: Path) -> None:
    programs.put("apt-get", "deb https://vendor.example/apt nodistro main\n")
    with pytest.raises(Problem, match="no source of jammy"):
        jammy.sources(tmp_path / "cache")


def test_another_mirror_is_another_root_filesystem(jammy: Distribution, programs: Programs, tmp_path: Path) -> None:
    made = RootFilesystem(jammy, tmp_path / "cache")
    before = made.digest()
    programs.put("apt-get", LISTED.replace("mirror.example", "other.example"))
    _edit_sources(jammy)
    assert made.digest() != before


def test_apt_is_asked_again_only_when_its_files_change(jammy: Distribution, programs: Programs, tmp_path: Path) -> None:
    first = jammy.sources(tmp_path / "cache")
    programs.put("apt-get", OTHER)
    assert jammy.sources(tmp_path / "cache") == first
    _edit_sources(jammy)
    assert jammy.sources(tmp_path / "cache") == (OTHER.strip(),)


def test_an_answer_that_was_cut_short_is_asked_for_again(jammy: Distribution, tmp_path: Path) -> None:
    first = jammy.sources(tmp_path / "cache")
    (tmp_path / "cache" / "apt-sources.json").write_text("{", encoding="utf-8")
    assert jammy.sources(tmp_path / "cache") == first


def test_a_root_filesystem_is_made_once_and_a_half_made_one_again(
    jammy: Distribution, programs: Programs, tmp_path: Path
) -> None:
    programs.write("mmdebstrap", MMDEBSTRAP)
    made = RootFilesystem(jammy, tmp_path)
    first = made.bootstrap()
    assert "mirror.example/ubuntu/ jammy-updates" in first.read_text(encoding="utf-8")
    assert made.bootstrap() == first
    (run,) = (call for call in programs.calls if call[0] == "mmdebstrap")
    assert run[-3] == "jammy"

    first.rename(run[-2])
    assert made.bootstrap() == first
    assert [call[0] for call in programs.calls].count("mmdebstrap") == 2
