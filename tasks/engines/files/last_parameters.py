"""With which parameters each task of this checkout last was as it should be: what a changed one is compared with."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from tasks.engines.files import atomic
from tasks.settings import paths

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def read() -> dict[str, dict[str, str]]:
    """Return the parameters by task; none are known where no run has ended yet."""
    kept = _read()
    tables = kept.get("tables", {})
    return {task: tables[table] for task, table in kept.get("tasks", {}).items() if table in tables}


def record(tasks: Iterable[str], values: Mapping[str, str]) -> None:
    """Remember the parameters of the tasks that are as they should be; they share one table.

    Args:
        tasks: Those that ran, and those that were up to date.
        values: The parameters of the run.
    """
    earlier = _read()
    table = hashlib.sha256(json.dumps(dict(values), sort_keys=True).encode()).hexdigest()[:16]
    chosen = {**earlier.get("tasks", {}), **dict.fromkeys(tasks, table)}
    tables = {**earlier.get("tables", {}), table: dict(values)}
    kept = {"tasks": chosen, "tables": {name: tables[name] for name in set(chosen.values()) if name in tables}}
    if kept != earlier:
        atomic.write(paths.LAST_PARAMETERS, json.dumps(kept, sort_keys=True))


def _read() -> dict[str, Any]:
    """Return the content; a file that is absent or damaged tells nothing, and nothing depends on it."""
    try:
        content = json.loads(paths.LAST_PARAMETERS.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
