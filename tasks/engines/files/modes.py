"""Permission bits of files that not only their maker reads: all that counts is whether a file is executable.

Git records no more than that either. All other bits come from the umask of whoever made the file.
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
# The modes that files are given, as a part of digests.
GIVEN = f"{FILE:o} {PROGRAM:o}"
_ANY_EXECUTES = 0o111


def is_executable(path: Path) -> bool:
    """Return whether anybody may execute a file or the target of a link; a dangling link is not executable."""
    try:
        return bool(path.stat().st_mode & _ANY_EXECUTES)
    except OSError:
        return False


def of_file(mode: int) -> int:
    """Return the mode that a file gets in place of its own."""
    return PROGRAM if mode & _ANY_EXECUTES else FILE


def copy(source: Path, target: Path) -> None:
    """Copy a file, with a mode that everybody can read; create missing folders.

    Args:
        source: The file; a link to a file is followed, any other link is copied as a link.
        target: The path of the copy.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target, follow_symlinks=source.is_file())
    if not target.is_symlink():
        target.chmod(PROGRAM if is_executable(source) else FILE)


def link(source: Path, target: Path) -> None:
    """Hard-link a large file, or copy it if its mode has to change or it is on another file system.

    Args:
        source: The file, whose own mode stays.
        target: The path of the link or copy.
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
    """Give a folder and everything in it modes that let everybody read it.

    Args:
        root: The folder; the targets of links in it, and modes that are already right, are left alone.
    """
    root.chmod(FOLDER)
    for entry in _below(root):
        if entry.is_symlink():
            continue
        mode = stat.S_IMODE(entry.stat().st_mode)
        wanted = FOLDER if entry.is_dir() else of_file(mode)
        if mode != wanted:
            os.chmod(entry.path, wanted)  # noqa: PTH101 - for thousands of files, Path takes twice as long


def _below(folder: Path | str) -> Iterator[os.DirEntry[str]]:
    """Yield everything below a folder, each folder before its content."""
    with os.scandir(folder) as found:
        entries = list(found)
    for entry in entries:
        yield entry
        if entry.is_dir(follow_symlinks=False):
            yield from _below(entry.path)
