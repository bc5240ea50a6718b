"""The command `doit info TASK`: what a task is, what it needs, and why it is not up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from doit.exceptions import InvalidCommand

from tasks import layout
from tasks.problems import Problem
from tasks.runner.commands import Command
from tasks.runner.plan import CURRENT, UNKNOWN
from tasks.runner.plan_command import examine
from tasks.runner.reporter import QUERY
from tasks.settings import parameters

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from doit.task import Task

_CURRENT, _NOT_CURRENT = 0, 1
_DIFFERS = "not up to date"
_STOPS = "a run would stop"
_HIDE = {"name": "hide_status", "long": "no-status", "type": bool, "default": False, "help": "run no check"}


class Info(Command):
    """Shows what a task is. Exit codes: 0 up to date or without such a state, 1 not up to date, 3 no such task."""

    doc_purpose = "show what a task needs, and what differs"
    doc_usage = "TASK"
    doc_description = None
    cmd_options = (_HIDE,)

    def _execute(self, pos_args: list[str], hide_status: bool) -> int:
        """Print what is known about the task.

        Args:
            pos_args: The name of one task.
            hide_status: Leave out whether it is up to date.

        Returns:
            The exit code.

        Raises:
            InvalidCommand: No task is named, or more than one.
            Problem: A parameter is wrong.
        """
        if len(pos_args) != 1:
            raise InvalidCommand("info: name one task, such as ./doit info images")
        task = {task.name: task for task in self.task_list}[pos_args[0]]
        state, why = ("", ()) if hide_status else _state(task, self.dep_manager.get_values(task.name))
        self._write(task, state, why)
        return _NOT_CURRENT if state in {_DIFFERS, _STOPS, UNKNOWN} else _CURRENT

    def _write(self, task: Task, state: str, why: tuple[str, ...]) -> None:
        blocks = [_wrapped(f"{task.name}: {task.doc}"), list(_state_lines(state, why)), list(_needs(task))]
        self.outstream.write("\n\n".join("\n".join(block) for block in blocks if block) + "\n")


def _state(task: Task, values: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Return whether the task is up to date, in words, and what differs."""
    if (task.meta or {}).get(QUERY):
        return "answers a question each time", ()
    if not task.actions:
        return "a group of tasks", (f"./doit plan {task.name}: what a run would do",)
    if not task.uptodate:
        return "runs each time", ()
    parameters.current()
    try:
        lack = examine(task, values)
    except Problem as problem:
        return UNKNOWN, (problem.message,)
    if not lack:
        return CURRENT, ()
    return _STOPS if lack.obstacles else _DIFFERS, tuple(dict.fromkeys(lack.obstacles + lack.reasons))


def _state_lines(state: str, why: tuple[str, ...]) -> Iterator[str]:
    yield from [f"{state}:" if why else state] if state else []
    for reason in why:
        yield from layout.hanging("  ", reason, layout.columns())


def _needs(task: Task) -> Iterator[str]:
    """Yield lines with the tasks that a task needs, and with its options."""
    needs = [*task.calc_dep, *task.task_dep, *task.setup_tasks]
    if needs:
        yield from layout.hanging("needs    ", ", ".join(needs), layout.columns())
    options = [f"--{option['long']}" for option in task.params if option.get("long")]
    if options:
        yield from layout.hanging("options  ", f"{', '.join(options)} (./doit help {task.name})", layout.columns())


def _wrapped(text: str) -> list[str]:
    return layout.wrapped(text, layout.columns())
