"""How long tasks took the last time they ran, on this machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tasks.engines.files import atomic

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE = "durations.json"


def read(cache: Path) -> dict[str, float]:
    """Return the seconds that each task took; none if the file is absent or unreadable.

    Args:
        cache: Folder that checkouts share (CACHE_DIR).
    """
    try:
        return {str(task): float(seconds) for task, seconds in json.loads((cache / FILE).read_text()).items()}
    except (OSError, ValueError, AttributeError):
        return {}


def record(cache: Path, seconds: Mapping[str, float]) -> None:
    """Remember the seconds of the tasks that have run, and keep those of other tasks.

    Args:
        cache: Folder that checkouts share (CACHE_DIR); created if absent.
        seconds: Seconds by task name.
    """
    rounded = {task: round(length, 1) for task, length in seconds.items()}
    atomic.write(cache / FILE, json.dumps({**read(cache), **rounded}, indent=1, sort_keys=True))
