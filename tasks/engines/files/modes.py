"""Permission bits of what others than its maker read: of a file only whether it is executable counts.

Git knows no more of a file either, and whatever else it has comes from the umask of whoever made it.
"""

from __future__ import annotations

import os
import shutil
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER = 0o755
PROGRAM = 0o755
FILE = 0o644
# What the digest of something tells of the modes that its files were given.
GIVEN = f"{FILE:o} {PROGRAM:o}"
_ANY_EXECUTES = 0o111


def is_executable(path: Path) -> bool:
    """Tell whether anybody may execute a file, or what a link leads to; a link to nothing is not executable."""
    try:
        return bool(path.stat().st_mode & _ANY_EXECUTES)
    except OSError:
        return False


def of_file(mode: int) -> int:
    """Return the mode that a file gets in place of its own."""
    return PROGRAM if mode & _ANY_EXECUTES else FILE


def copy(source: Path, target: Path) -> None:
    """Copy a file with the mode it gets, or a link as it is; missing folders are made.

    Args:
        source: The file; a link is copied as what it leads to, where that is there.
        target: The path of the copy.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target, follow_symlinks=source.is_file())
    if not target.is_symlink():
        target.chmod(PROGRAM if is_executable(source) else FILE)


def link(source: Path, target: Path) -> None:
    """Hard-link a large file, or copy it: where it has another mode than it gets, or is on another file system.

    Args:
        source: The file; its own mode stays.
        target: The path of the second name.
    """
    mode = stat.S_IMODE(source.stat().st_mode)
    if mode != of_file(mode):
        copy(source, target)
        return
    try:
        os.link(source.resolve(), target)
    except OSError:
        copy(source, target)


def normalise(root: Path) -> None:
    """Give a folder and all that is in it the modes that everybody can read.

    Args:
        root: The folder; what links in it lead to is left alone, and so is the mode of what has it already.
    """
    root.chmod(FOLDER)
    for entry in _below(root):
        if entry.is_symlink():
            continue
        mode = stat.S_IMODE(entry.stat().st_mode)
        wanted = FOLDER if entry.is_dir() else of_file(mode)
        if mode != wanted:
            os.chmod(entry.path, wanted)  # noqa: PTH101 - a Path for each of thousands takes twice as long


def _below(folder: Path | str) -> Iterator[os.DirEntry[str]]:
    """Yield what is below a folder, each folder before what it holds."""
    with os.scandir(folder) as found:
        entries = list(found)
    for entry in entries:
        yield entry
        if entry.is_dir(follow_symlinks=False):
            yield from _below(entry.path)
