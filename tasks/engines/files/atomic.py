"""Files that are written as a whole or not at all."""

from __future__ import annotations

import os
import stat
import threading
from typing import TYPE_CHECKING

from tasks.engines.files import access

if TYPE_CHECKING:
    from pathlib import Path

_READABLE = 0o644


def write(path: Path, content: str | bytes, *, mode: int | None = None) -> None:
    """Replace or create a file atomically, and create its folder if it is missing.

    Args:
        path: The file; a link is replaced, not followed.
        content: Bytes, or text that is written as UTF-8.
        mode: Permission bits, in force before the first byte is written; None keeps those of an existing file.

    Raises:
        Problem: It cannot be written.
    """
    try:
        _write(path, content, mode)
    except OSError as error:
        if error.errno is None:
            raise
        raise access.refused(path, error) from None


def _write(path: Path, content: str | bytes, mode: int | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if mode is None:
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else _READABLE
    # Each thread has its own path: several checkouts, and several tasks of one run, may write a shared file at once.
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_native_id()}")
    temporary.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content.encode() if isinstance(content, str) else content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def text(path: Path) -> str:
    """Return the text of a file, or an empty string if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def word(path: Path) -> str:
    """Return the text of a one-line file, as in /proc and sysfs, or an empty string if it cannot be read."""
    return text(path).strip()
