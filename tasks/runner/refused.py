"""What cannot be run: by its own `meta`, or on the cluster that the parameters name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.runner.meta import REFUSED
from tasks.settings import parameters, stages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from doit.task import Task


def by_itself(task: Task) -> Iterator[str]:
    """Yield why a task cannot be run anywhere."""
    yield from (task.meta or {}).get(REFUSED, ())


def by_target(task: Task) -> Iterator[str]:
    """Yield why a task cannot be run on the cluster that the parameters name.

    The parameters are read only for a task that some kind of cluster refuses.

    Args:
        task: The task.

    Raises:
        Problem: Some parameters are wrong.
    """
    names = task.name, task.name.partition(":")[0]
    if not any({*names} & refused.keys() for refused in stages.REFUSED.values()):
        return
    chosen = parameters.current().target
    found = next((stages.REFUSED[chosen][name] for name in names if name in stages.REFUSED[chosen]), None)
    if found:
        reason, way = found
        yield f"{task.name}: TARGET={chosen}: {reason}. Try: {way}"
