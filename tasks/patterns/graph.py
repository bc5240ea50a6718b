"""The tasks of patterns whose pattern.yaml is not valid: they say so.

scenario:<pattern>, dataflow:<pattern> and delete_dataflow:<pattern> are declared by the flats that do these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.patterns import known
from tasks.runner.declare import Do
from tasks.runner.meta import REFUSED

if TYPE_CHECKING:
    from collections.abc import Iterator


def refusals() -> Iterator[dict[str, Any]]:
    """Yield a task for each pattern that is not valid: it says what is wrong with its file."""
    for wrong in known.unusable():
        yield {
            "name": wrong.name,
            "doc": f"Not valid: {wrong.complaints[0]}",
            "actions": [Do(known.named, wrong.name)],
            "meta": {REFUSED: wrong.complaints},
        }
