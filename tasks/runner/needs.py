"""What a task needs: the tasks that it names, and those that its choosers name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.runner.declare import Same

if TYPE_CHECKING:
    from collections.abc import Mapping

    from doit.task import Task


def named(task: Task) -> tuple[str, ...]:
    """Return the tasks that a task itself names."""
    return tuple(dict.fromkeys([*task.calc_dep, *task.task_dep, *task.setup_tasks]))


def of(task: Task, tasks: Mapping[str, Task]) -> tuple[str, ...]:
    """Return the tasks that a task needs; a chooser says the same before and during a run.

    Args:
        task: The task.
        tasks: All tasks by name.

    Raises:
        Problem: A choice cannot be made.
    """
    choosers = (check for name in task.calc_dep for check, *_ in tasks[name].uptodate if isinstance(check, Same))
    chosen = [need for chooser in choosers for need in chooser.result().get("task_dep", ())]
    return tuple(dict.fromkeys([*named(task), *chosen]))
