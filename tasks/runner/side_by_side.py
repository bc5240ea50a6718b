"""Runs independent tasks side by side on doit's threads, those first from which the longest way leads to the end.

What only looks runs alone, on the main thread, and nothing starts meanwhile: what it refuses is said before anything
else is touched. Tasks that are named on the command line run one after another, each with all that it needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from doit.control import TaskDispatcher
from doit.runner import JobHold, JobTaskPickle, MThreadRunner

from tasks.runner import libraries
from tasks.runner.expectation import Expectation
from tasks.runner.meta import FETCHES, LOOKS

if TYPE_CHECKING:
    from doit.control import ExecNode
    from doit.task import Task

# What doit's dispatcher says while every task that is left waits for another one.
_HOLD_ON = "hold on"
# How many tasks may fetch something besides those that use processors.
_FETCHING = 6


class SideBySide(MThreadRunner):  # type: ignore[misc]
    """doit's runner on threads, with an order of its own among the tasks that can start."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Take doit's own arguments."""
        super().__init__(*arguments, **options)
        self._free = self.num_process
        self.num_process += _FETCHING
        self._startable: list[ExecNode] = []
        self._is_last = False
        self._expected = Expectation()

    def run_tasks(self, task_dispatcher: TaskDispatcher) -> None:
        """Run each selected task with all that it needs, one after another.

        Args:
            task_dispatcher: doit's dispatcher of all selected tasks.
        """
        for name in task_dispatcher.selected_tasks:
            if not self._stop_running:
                one = TaskDispatcher(task_dispatcher.tasks, task_dispatcher.targets, [name])
                one.nodes = task_dispatcher.nodes
                self._is_last, self.free_proc = False, 0
                super().run_tasks(one)

    def get_next_job(self, completed: ExecNode | None) -> JobTaskPickle | JobHold | None:
        """Return what a thread that is free does next.

        Args:
            completed: The task that a thread has just finished, if any.

        Returns:
            A task; a pause while every task that is left waits for another one; or None, after which the thread ends.
        """
        if completed is not None and not is_fetch(completed.task):
            self._free += 1
        self._collect(completed)
        if self._stop_running:
            return None
        eligible = [node for node in self._startable if self._free or is_fetch(node.task)]
        if eligible:
            ways: dict[str, float] = {}
            return self._job(max(eligible, key=lambda node: self._way_to_the_end(node, ways)))
        if self._is_last and not self._startable:
            return None
        self.free_proc += 1
        return JobHold()

    def _job(self, chosen: ExecNode) -> JobTaskPickle:
        self._startable.remove(chosen)
        self._free -= not is_fetch(chosen.task)
        # A group has no actions, and is all that a run with nothing to do hands out.
        if chosen.task.actions and (self._startable or not self._is_last):
            libraries.load()
        return JobTaskPickle(chosen.task)

    def _collect(self, completed: ExecNode | None) -> None:
        """Find all tasks that can start now, and run those that only look."""
        node = completed
        while not (self._stop_running or self._is_last):
            try:
                node = self.task_dispatcher.generator.send(node)
            except StopIteration:
                self._is_last = True
                return
            if node == _HOLD_ON:
                return
            if self.select_task(node, self.tasks):
                node = self._placed(node)

    def _placed(self, node: ExecNode) -> ExecNode | None:
        """Run a task that only looks, and return it; keep any other for a thread."""
        if not is_look(node.task):
            self._startable.append(node)
            return None
        self.process_task_result(node, self.execute_task(node.task))
        return node

    def _way_to_the_end(self, node: ExecNode, ways: dict[str, float]) -> float:
        """Return the seconds that the longest chain of tasks takes which begins with a task; keep them in `ways`."""
        name = node.task.name
        if name not in ways:
            after = max((self._way_to_the_end(one, ways) for one in node.waiting_me), default=0.0)
            ways[name] = self._expected.seconds(name) + after
        return ways[name]


def threads(wanted: int) -> int:
    """Return what doit is told for a number of threads: 0 for one, with which nothing runs side by side.

    Args:
        wanted: The value of doit's option `-n`.
    """
    return wanted if wanted > 1 else 0


def is_fetch(task: Task) -> bool:
    """Return whether a task waits for a network rather than for processors."""
    return bool((task.meta or {}).get(FETCHES))


def is_look(task: Task) -> bool:
    """Return whether a task only looks, and runs alone."""
    return bool((task.meta or {}).get(LOOKS))
