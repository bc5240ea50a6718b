"""The parameters with which each task of this checkout was last up to date, to compare changed ones with."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from tasks.engines.files import atomic

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


def read(file: Path) -> dict[str, dict[str, str]]:
    """Return the parameters by task; none if no run has ended yet.

    Args:
        file: Where they are kept.
    """
    kept = _read(file)
    tables = kept.get("tables", {})
    return {task: tables[table] for task, table in kept.get("tasks", {}).items() if table in tables}


def record(file: Path, tasks: Iterable[str], values: Mapping[str, str]) -> None:
    """Remember the parameters of the tasks that are up to date; they share one table.

    Args:
        file: Where they are kept.
        tasks: The tasks that ran, and those that were up to date.
        values: The parameters of the run.
    """
    earlier = _read(file)
    table = hashlib.sha256(json.dumps(dict(values), sort_keys=True).encode()).hexdigest()[:16]
    chosen = {**earlier.get("tasks", {}), **dict.fromkeys(tasks, table)}
    tables = {**earlier.get("tables", {}), table: dict(values)}
    kept = {"tasks": chosen, "tables": {name: tables[name] for name in set(chosen.values()) if name in tables}}
    if kept != earlier:
        atomic.write(file, json.dumps(kept, sort_keys=True))


def _read(file: Path) -> dict[str, Any]:
    """Return the content; an absent or damaged file counts as empty, since nothing depends on it."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
