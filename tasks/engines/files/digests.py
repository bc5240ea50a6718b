"""Checksums of large files, remembered until the file changes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from tasks.engines.files import cache

if TYPE_CHECKING:
    from pathlib import Path

_CHUNK = 1 << 20


def sha256(path: Path, cache_dir: Path) -> str:
    """Return the SHA-256 of a file, or `absent`; it is remembered, since 300 MB take half a second to read.

    Args:
        path: The file.
        cache_dir: Folder for everything that is kept between runs.
    """
    if not path.is_file():
        return "absent"
    stat = path.stat()
    stamp = [str(path), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]
    file = cache_dir / "digests" / f"{hashlib.sha256(str(path).encode()).hexdigest()[:16]}.json"
    return str(cache.answer(file, stamp, lambda: read(path)))


def read(path: Path) -> str:
    """Read an existing file and return its SHA-256."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
