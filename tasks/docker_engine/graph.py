"""The Docker engine that everything else runs on.

engine
"""

from __future__ import annotations

from typing import Any

from tasks.docker_engine import service
from tasks.runner.declare import Current, Do
from tasks.runner.meta import LOOKS_ONLY


def task_engine() -> dict[str, Any]:
    """Have a Docker engine that answers."""
    return {
        "actions": [Do(service.ensure)],
        "uptodate": [Current(service.lack)],
        "meta": LOOKS_ONLY,
    }
