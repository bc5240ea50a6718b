"""Copies of this checkout, for runs that need a lock, a task database and a build folder of their own."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.settings import paths

if TYPE_CHECKING:
    from collections.abc import Iterable

# What a fresh clone does not have.
_NOT_CLONED = (
    *(".git", ".venv", ".venv.lock", ".env", "build", "__pycache__", ".*_cache", "*.egg-info"),
    *("controller.tar.gz", "*.run", "*.mp4"),
)
_OF_THE_USER = ("patterns", "functions", "RESULT")


def copy_to(root: Path) -> None:
    """Copy what a clone would hold, with a link to this checkout's .venv.

    Args:
        root: Folder of the copy, which must not exist yet.
    """
    shutil.copytree(paths.ROOT, root, symlinks=True, ignore=_not_cloned)
    (root / ".venv").symlink_to(paths.VENV)


def _not_cloned(folder: str, names: Iterable[str]) -> set[str]:
    """Return the names in a folder of this checkout that a clone would not have."""
    own = _OF_THE_USER if Path(folder) == paths.WORK else ()
    return {*shutil.ignore_patterns(*_NOT_CLONED)(folder, [*names]), *own}
