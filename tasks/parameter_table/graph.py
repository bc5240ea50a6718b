"""The parameter table.

env/defaults.env < env/$PROFILE.env < .env < environment   ->   parameters (shown)
                                                           ->   configure (written to .env)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.runner.declare import Do
from tasks.runner.later import later
from tasks.runner.reporter import QUERY

if TYPE_CHECKING:
    from tasks.parameter_table import show
else:
    show = later("tasks.parameter_table.show")


def task_parameters() -> dict[str, Any]:
    """Show every parameter with its value, origin and meaning (--json for programs)."""
    as_json = {"name": "as_json", "long": "json", "type": bool, "default": False, "help": "show a JSON list"}
    return {"actions": [Do(show.show)], "params": [as_json], "meta": {QUERY: True}}


def task_configure() -> dict[str, Any]:
    """Write the parameter table to .env, or add to it what is missing."""
    return {"actions": [Do(show.configure)], "meta": {QUERY: True}}
