"""A folder with the controller's source, as git has it: which of its files count, and how the copy follows it.

Nothing is written to the folder. Of the copy, only what differs is replaced, since nodes have it mounted.
"""

from __future__ import annotations

import os
import re
import shlex
from typing import TYPE_CHECKING

from tasks.archive.origin import FOLDER_README
from tasks.engines.files import archives, contents, trees
from tasks.problems import Problem
from tasks.settings import controller, paths

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_NOT_SOURCE = trees.matching(controller.NOT_SOURCE)
_NOT_SOURCE_AT = re.compile(controller.NOT_SOURCE_AT)


def of(root: Path) -> dict[str, str]:
    """Return what the files and links of the source hold, by path; unchanged files are not read again.

    Args:
        root: The folder.

    Raises:
        Problem: One line about a file that cannot be read or copied.
    """
    try:
        found = contents.of_entries(root, _entries(root, len(str(root)) + 1), paths.CONTROLLER_FILES)
    except OSError as error:
        raise _unreadable(error, root) from error
    links = {path: held.removeprefix(contents.LINK) for path, held in found.items() if held.startswith(contents.LINK)}
    for path, target in links.items():
        if archives.leads_outside(path, links):
            raise Problem(f"{root / path}: a link that leads out of the folder, to {target}", hint=FOLDER_README)
    return found


def of_copy(root: Path) -> dict[str, str]:
    """Return what the files of a copy hold, each read.

    Args:
        root: The copy, which may not exist.
    """
    found = [root / path for path in trees.names(root)] if root.is_dir() else []
    return {path.relative_to(root).as_posix(): contents.of(path) for path in found}


def copy(root: Path, changed: Iterable[str], target: Path) -> dict[str, str]:
    """Copy files of the source, and return what the copies hold, by path.

    Args:
        root: The folder.
        changed: Which files.
        target: A new folder.

    Raises:
        Problem: A file cannot be read any more.
    """
    target.mkdir(parents=True)
    try:
        return {path: contents.copy(root / path, target / path) for path in changed}
    except OSError as error:
        raise _unreadable(error, root) from error


def difference(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return the paths whose files were added, removed or changed."""
    return sorted(path for path in {**before, **now} if before.get(path) != now.get(path))


def _entries(folder: Path | str, top: int) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as found:
        entries = list(found)
    for entry in entries:
        if _NOT_SOURCE.fullmatch(entry.name) or _NOT_SOURCE_AT.fullmatch(entry.path[top:]):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _entries(entry.path, top)
        else:
            _refuse(entry)
            yield entry


def _refuse(entry: os.DirEntry[str]) -> None:
    if not (entry.is_file(follow_symlinks=False) or entry.is_symlink()):
        raise Problem(f"{entry.path}: a device, pipe or socket", hint=f"ls -l {shlex.quote(entry.path)}")
    if not entry.name.isprintable():
        raise Problem(f"{entry.path!a}: a name that is not printable", hint=FOLDER_README)


def _unreadable(error: OSError, root: Path) -> Problem:
    place = error.filename or str(root)
    return Problem(f"{place}: cannot be read: {error.strerror}", hint=f"ls -ld {shlex.quote(str(place))}")
