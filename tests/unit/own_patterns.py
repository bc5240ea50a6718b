"""A user's own pattern for tests: the sample's calcapp, with names of its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tasks.engines.files import atomic
from tasks.patterns import known
from tasks.settings import controller, paths

if TYPE_CHECKING:
    from pathlib import Path

# Where the word is no image and no program.
_NAMES = re.compile(r"(?<![/_])calcapp")
_SCENARIO = "calc-func/basic"
# Before fixtures move the folders of the checkout.
_SOURCE = paths.SAMPLE / controller.SCENARIOS / _SCENARIO
_PATTERN = paths.PATTERNS / "calcapp-basic" / "pattern.yaml"


def write(name: str, patterns: Path | None = None) -> Path:
    """Write a pattern of seven functions to work/patterns, or to that of another checkout; return its folder."""
    folder = (patterns or paths.OWN_PATTERNS) / name
    for source in [*sorted(_SOURCE.glob("*.yaml")), _PATTERN]:
        text = source.read_text(encoding="utf-8").replace(f"scenario: {_SCENARIO}\n", "")
        atomic.write(folder / source.name, _NAMES.sub(name, text))
    known.forget()
    return folder


def edit(file: Path, before: str, after: str) -> None:
    """Replace the only place of a text in a file."""
    text = file.read_text(encoding="utf-8")
    assert text.count(before) == 1, f"{before!r} is there {text.count(before)} times"
    atomic.write(file, text.replace(before, after))
    known.forget()
