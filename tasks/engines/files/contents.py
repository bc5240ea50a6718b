"""What the files of a folder hold: a file is read again only if its status says that it may have changed.

The rule is that of git's index. A file counts as unchanged if size, times, inode and mode are as before, unless it was
so new when it was read that a later write could have left them as they were.
"""

from __future__ import annotations

import hashlib
import json
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.engines.files import atomic, modes

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

    # A file's status, empty if it does not prove anything, and what the file holds.
    Known = dict[str, tuple[list[int], str]]

LINK = "l"
_EXECUTABLE, _PLAIN = "x", "-"
# Times of some file systems are no finer than this.
_SETTLED = 2_000_000_000


def of_entries(root: Path, entries: Iterable[os.DirEntry[str]], kept: Path) -> dict[str, str]:
    """Return what files and links hold, by their path below a folder.

    Args:
        root: The folder.
        entries: Its files and links.
        kept: File in which what was read is kept.

    Raises:
        OSError: A file cannot be read.
    """
    before, now = _kept(kept, root), time.time_ns()
    found: Known = {}
    for entry in entries:
        path, status = entry.path[len(str(root)) + 1 :], entry.stat(follow_symlinks=False)
        stamp = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_mode]
        known = before.get(path)
        held = known[1] if known and known[0] == stamp else of(Path(entry.path))
        is_settled = max(status.st_mtime_ns, status.st_ctime_ns) < now - _SETTLED
        found[path] = (stamp if is_settled else [], held)
    if found != before:
        atomic.write(kept, json.dumps({"root": str(root), "files": found}))
    return {path: held for path, (_, held) in found.items()}


def of(path: Path) -> str:
    """Return what a file or link holds: a digest and whether it is executable, or where the link leads."""
    if path.is_symlink():
        return f"{LINK}{path.readlink()}"
    return _described(path.read_bytes(), path.stat().st_mode)


def copy(source: Path, target: Path) -> str:
    """Copy a file or link as it is at this moment, readable for everybody, and return what the copy holds.

    Args:
        source: The file or link.
        target: The path of the copy; missing folders are created.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_symlink():
        target.symlink_to(source.readlink())
        return of(target)
    content, mode = source.read_bytes(), modes.of_file(source.stat().st_mode)
    target.write_bytes(content)
    target.chmod(mode)
    return _described(content, mode)


def digest(contents: Mapping[str, str]) -> str:
    """Return the digest of what `of_entries` returns."""
    lines = [f"{path}\0{held}\n" for path, held in sorted(contents.items())]
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:20]


def _described(content: bytes, mode: int) -> str:
    executable = _EXECUTABLE if modes.of_file(stat.S_IMODE(mode)) == modes.PROGRAM else _PLAIN
    return f"{executable}{hashlib.sha256(content).hexdigest()[:40]}"


def _kept(file: Path, root: Path) -> Known:
    try:
        held = json.loads(file.read_text(encoding="utf-8"))
        return {path: (stamp, found) for path, (stamp, found) in held["files"].items() if held["root"] == str(root)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}  # nothing is kept yet, or the file was cut short
