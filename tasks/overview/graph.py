"""What bare `./doit` does.

overview
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.cluster.graph import clean_all
from tasks.runner.declare import Do
from tasks.runner.later import later
from tasks.runner.reporter import QUERY

if TYPE_CHECKING:
    from tasks.overview import page
else:
    page = later("tasks.overview.page")


def task_overview() -> dict[str, Any]:
    """Show where you stand, and the next commands."""
    # `doit clean` cleans the default task, which is this one.
    return {"actions": [Do(page.show)], "meta": {QUERY: True}, "clean": [clean_all]}
