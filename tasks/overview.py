"""What bare `./doit` does.

overview
"""

from __future__ import annotations

from typing import Any

from tasks.actions import overview
from tasks.cluster import clean_all
from tasks.declare import Do
from tasks.reporter import QUERY


def task_overview() -> dict[str, Any]:
    """Show where you stand, and the next commands."""
    # `doit clean` cleans the default task, which is this one.
    return {"actions": [Do(overview.show)], "meta": {QUERY: True}, "clean": [clean_all]}
