"""How long things take on this machine.

benchmark: from nothing > changed images > cluster > dataflow > edit > nothing to do > registration > all patterns
           (in a copy of this checkout)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.runner.declare import Do
from tasks.runner.later import later

if TYPE_CHECKING:
    from tasks.benchmark import measure
else:
    measure = later("tasks.benchmark.measure")


def task_benchmark() -> dict[str, Any]:
    """Measure the tool on this machine and write build/benchmark.json (--warm skips the empty caches)."""
    warm = {"name": "warm", "long": "warm", "short": "w", "type": bool, "default": False, "help": "keep the caches"}
    return {"actions": [Do(measure.run)], "params": [warm]}
