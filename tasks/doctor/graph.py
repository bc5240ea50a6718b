"""What a machine lacks.

doctor          _doctor:<target>, the first step of tasks that need something of the machine
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.runner.declare import Current, Do
from tasks.runner.later import later
from tasks.runner.meta import LOOKS_ONLY
from tasks.runner.reporter import QUERY
from tasks.settings.checks import FIRST_STEPS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.doctor import examination
else:
    examination = later("tasks.doctor.examination")

_PARAMS = [
    {"name": "target", "long": "for", "type": str, "default": "", "help": "what this task or pattern needs"},
    {"name": "as_json", "long": "json", "type": bool, "default": False, "help": "show a JSON list"},
]


def task_doctor() -> dict[str, Any]:
    """Check that the server has what the tasks need (--for dataflow:calcapp-basic, --json)."""
    return {"actions": [Do(examination.report)], "params": _PARAMS, "io": {"capture": False}, "meta": {QUERY: True}}


def task__doctor() -> Iterator[dict[str, Any]]:
    """Stop before anything is touched if the machine lacks what a target needs."""
    for target in FIRST_STEPS:
        yield {
            "name": target,
            "actions": [Do(examination.require, target)],
            "uptodate": [Current(examination.lack, target)],
            "meta": LOOKS_ONLY,
        }
