"""The tasks of folders of work/functions that cannot be built: they say so.

function_image:<name> of the others is declared beside those of the controller's functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.functions import folders
from tasks.runner.declare import Do
from tasks.runner.meta import REFUSED

if TYPE_CHECKING:
    from collections.abc import Iterator


def refusals() -> Iterator[dict[str, Any]]:
    """Yield a task for each folder that cannot be built: it says why."""
    for wrong in folders.unusable():
        yield {
            "name": wrong.name,
            "doc": f"Not valid: {wrong.complaint}",
            "actions": [Do(folders.require, wrong.name)],
            "meta": {REFUSED: (wrong.complaint,)},
        }
