"""The Docker engine that everything else runs on.

engine
"""

from __future__ import annotations

from typing import Any

from tasks.actions import engine
from tasks.declare import Current, Do


def task_engine() -> dict[str, Any]:
    """Have a Docker engine that answers."""
    return {
        "actions": [Do(engine.ensure)],
        "uptodate": [Current(engine.is_current)],
    }
