"""Digests of folders, from their files and links."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.engines.files import modes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
NOT_SOURCE = ("__pycache__", ".pytest_cache", "*.pyc")
_CHUNK = 1 << 20


def digest(root: Path) -> str:
    """Return a digest of the files and links in a folder: content, names, and whether they are executable."""
    hasher = hashlib.sha256()
    for path in sorted(_files(root)):
        executable = "x" if modes.is_executable(path) else "-"
        content = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
        hasher.update(f"{path.relative_to(root).as_posix()}\0{executable}\0{len(content)}\0".encode())
        hasher.update(content)
    return hasher.hexdigest()[:20]


def listing(root: Path) -> str:
    """Return a digest of a folder's file names, sizes and times: quick, and it shows manual changes."""
    lines = []
    for entry in entries(root):
        status = entry.stat(follow_symlinks=False)
        lines.append(f"{entry.path.removeprefix(f'{root}/')} {status.st_size} {status.st_mtime_ns}")
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:20]


def names(root: Path) -> list[str]:
    """Return the paths of all files and links below a folder, in their order."""
    return sorted(entry.path.removeprefix(f"{root}/") for entry in entries(root))


def matching(names: Iterable[str]) -> re.Pattern[str]:
    """Return the expression for names of files and folders.

    Args:
        names: Patterns of a shell; without any, no name matches.
    """
    return re.compile("|".join(map(fnmatch.translate, names)) or r"(?!)")


def prune(folder: Path) -> None:
    """Remove the folders in a folder that hold no file."""
    for top, _, _ in os.walk(folder, topdown=False):
        place = Path(top)
        if place != folder and not any(place.iterdir()):
            place.rmdir()


def _files(root: Path) -> Iterator[Path]:
    return (Path(entry.path) for entry in entries(root))


def entries(folder: str | Path) -> Iterator[os.DirEntry[str]]:
    """Yield the files and links below a folder; for thousands, os.walk and Path take more than twice as long."""
    with os.scandir(folder) as found:
        for entry in found:
            if not entry.is_dir(follow_symlinks=False):
                if not entry.name.endswith(".pyc"):
                    yield entry
            elif entry.name not in NOT_SOURCE:
                yield from entries(entry.path)


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, read in pieces."""
    hasher = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            hasher.update(chunk)
    return hasher.hexdigest()[:20]
