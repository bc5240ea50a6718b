"""The Docker engine that everything else runs on.

engine
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.runner.declare import Current, Do
from tasks.runner.later import later
from tasks.runner.meta import SEEN_UNLESS_REMADE

if TYPE_CHECKING:
    from tasks.docker_engine import service
else:
    service = later("tasks.docker_engine.service")


def task_engine() -> dict[str, Any]:
    """Find a Docker engine, or start one."""
    return {
        "actions": [Do(service.ensure)],
        "uptodate": [Current(service.lack)],
        "meta": SEEN_UNLESS_REMADE,
    }
