"""What a compiler makes is the same, however much memory it may take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.engines.go import command
from tasks.settings import artifacts, parameters, paths

if TYPE_CHECKING:
    from pathlib import Path

LITTLE = {"GOGC": "20"}
MUCH = {"GOGC": "off", "GOMEMLIMIT": "2GiB"}


def test_a_program_has_the_same_bytes_with_much_and_with_little_memory(tmp_path: Path) -> None:
    made = [_compiled(tmp_path / words["GOGC"], words) for words in (LITTLE, MUCH)]
    assert made[0] == made[1]


def _compiled(folder: Path, words: dict[str, str]) -> bytes:
    """Return a program that is compiled with all that it imports, into a cache of its own."""
    source = paths.ROOT / artifacts.PAUSE.folder
    cache = {"GOCACHE": str(folder / "cache")}
    command.run(source, parameters.current(), "build", "-o", str(folder / "pause"), ".", **words, **cache)
    return (folder / "pause").read_bytes()
