"""README's example of an own pattern, calcapp as send > plus > rcv, as its readers make it."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

NAME = "mine"
# The task that makes it, with its options.
NEW = ("new_pattern", "--from", "calcapp-basic", "--name", NAME)
_BLOCK = re.compile(rf"^    # work/patterns/{NAME}/(\S+\.yaml)\n((?:(?:    (?!# work/).*)?\n)+)", re.MULTILINE)


def files() -> dict[str, str]:
    """Return the files that README's example changes, by name."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return {match[1]: textwrap.dedent(match[2]) for match in _BLOCK.finditer(readme)}


def edit(patterns: Path) -> None:
    """Change the files of the new pattern as README says.

    Args:
        patterns: The folder work/patterns of the checkout, in which NEW has been run.
    """
    for file, text in files().items():
        path = patterns / NAME / file
        assert path.is_file(), f"{path}: not made by {' '.join(NEW)}"
        path.write_text(text, encoding="utf-8")
