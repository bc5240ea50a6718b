"""The tests of this project.

test: static > unit > graph > docker > network > sriov > cluster   (one pytest run)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.runner.declare import Do
from tasks.runner.later import later
from tasks.runner.reporter import OWN_TERMINAL, QUERY

if TYPE_CHECKING:
    from tasks.testing import tiers
else:
    tiers = later("tasks.testing.tiers")

_PARAMS = [
    {"name": "tiers", "short": "t", "long": "tier", "type": list, "default": [], "help": "only this tier (repeatable)"},
    {"name": "select", "short": "k", "long": "select", "type": str, "default": "", "help": "only tests that match"},
]


def task_test() -> dict[str, Any]:
    """Run the tests: all tiers in one run, or only those given with -t (such as -t unit)."""
    meta = {QUERY: True, OWN_TERMINAL: True}
    return {"actions": [Do(tiers.run)], "params": _PARAMS, "meta": meta}
