"""The command `doit plan [task...]`: what a run would do, why, whom it disturbs, and how long it takes."""

from __future__ import annotations

import json
import re
import sys
import traceback
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from doit.cmd_base import DoitCmdBase
from doit.cmdparse import CmdParseError
from doit.control import TaskControl
from doit.exceptions import InvalidCommand, InvalidDodoFile, InvalidTask

from tasks.actions import plan
from tasks.actions.plan import BLOCKED, CURRENT, RUN, STOP, UNKNOWN, Planned, Step
from tasks.declare import Same
from tasks.problems import Problem
from tasks.reporter import QUERY
from tasks.screen import duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from doit.task import Task

_NOTHING, _ERROR, _CHANGES = 0, 1, 2
_DEFAULT = "create_cluster_with_all"
_MOST_REASONS = 4
_JSON_OPTION = "--json"
_HELP_OPTIONS = frozenset({"--help", "-h"})
_USAGE = f"""\
Usage: ./doit plan [{_JSON_OPTION}] [TASK ...]

Shows what a run of the tasks ({_DEFAULT} when none is named) would do, why, whom it disturbs and how long it
takes. Nothing is changed.

  {_JSON_OPTION}  print an object for programs
  --help  print this

Exit codes: 0 nothing to do, 2 changes, 1 error.
"""
_AS_JSON = {"name": "as_json", "short": "", "long": "json", "type": bool, "default": False, "help": "show JSON"}


class Plan(DoitCmdBase):  # type: ignore[misc]
    """Shows what a run of tasks would do. Exit codes: 0 nothing, 2 changes, 1 error."""

    name = "plan"
    doc_purpose = "show what a run would do, why, whom it disturbs and how long it takes; exit code 2 if anything"
    doc_usage = "[TASK ...] (create_cluster_with_all when none is named)"
    doc_description = None
    cmd_options = (_AS_JSON,)

    def parse_execute(self, in_args: list[str]) -> int:
        """Run the command; whatever goes wrong is exit code 1, so that 2 means changes and nothing else.

        Args:
            in_args: Words after `plan`.

        Returns:
            The exit code.
        """
        if not _HELP_OPTIONS.isdisjoint(in_args):
            sys.stdout.write(_USAGE)
            return _NOTHING
        try:
            return int(super().parse_execute(in_args))
        except CmdParseError as error:
            sys.stderr.write(f"ERROR: {_without_parser(error)}\nTry: ./doit plan --help\n")
        except (InvalidDodoFile, InvalidTask) as error:
            sys.stderr.write(f"ERROR: {error}\n")
        except Exception:  # noqa: BLE001 - a bug keeps its traceback, and doit's own code for it is another
            sys.stderr.write(traceback.format_exc())
        return _ERROR

    def _execute(self, as_json: bool) -> int:
        """Print the plan.

        Args:
            as_json: Print an object for programs.

        Returns:
            The exit code.
        """
        chosen: list[str] = [_DEFAULT] if self.sel_default_tasks else list(self.sel_tasks)
        # doit takes what follows a task for that task's own option.
        as_json = as_json or _JSON_OPTION in chosen
        try:
            planned = plan.plan(list(self._steps([word for word in chosen if word != _JSON_OPTION])))
        except (Problem, InvalidCommand) as problem:
            sys.stderr.write(f"{problem}\n")
            return _ERROR
        self.outstream.write(f"{_json(planned) if as_json else _text(planned)}\n")
        return _CHANGES if plan.changes(planned) else _NOTHING

    def _steps(self, chosen: Sequence[str]) -> Iterator[Step]:
        """Yield the chosen tasks and all that they need, in an order in which they can run."""
        control = TaskControl(self.task_list)
        control.process(chosen)
        done: set[str] = set()
        for name in control.selected_tasks:
            yield from self._visit(control.tasks, name, done)

    def _visit(self, tasks: dict[str, Task], name: str, done: set[str]) -> Iterator[Step]:
        if name in done:
            return
        done.add(name)
        task = tasks[name]
        needs = tuple(dict.fromkeys([*task.calc_dep, *task.task_dep, *task.setup_tasks, *_chosen(task, tasks)]))
        for need in needs:
            yield from self._visit(tasks, need, done)
        yield Step(
            name=name,
            needs=needs,
            acts=bool(task.actions) and not (task.meta or {}).get(QUERY),
            always=not task.uptodate,
            examine=partial(_examine, task, self.dep_manager.get_values(name)),
        )


def _without_parser(error: CmdParseError) -> str:
    """Return what doit's parser complains of, without its own name and the options it prints as objects."""
    return re.sub(r"^Error parsing Command: | \(parsing options: .*", "", str(error), flags=re.DOTALL)


def _chosen(task: Task, tasks: dict[str, Task]) -> list[str]:
    """Return the tasks that the task's choosers name; a chooser tells the same before a run as in it."""
    choosers = (check for name in task.calc_dep for check, *_ in tasks[name].uptodate if isinstance(check, Same))
    return [need for chooser in choosers for need in chooser.result().get("task_dep", ())]


def _examine(task: Task, values: dict[str, Any]) -> bool:
    # Each is asked, so that each can say what it lacks.
    answers = [check.examine(values) for check, *_ in task.uptodate]
    return all(answers)


def _json(planned: Sequence[Planned]) -> str:
    content = {
        "changes": plan.changes(planned),
        "seconds": sum(one.seconds or 0.0 for one in planned),
        "disrupts": _disrupted(planned),
        "tasks": [asdict(one) for one in planned],
    }
    return json.dumps(content, indent=2)


def _text(planned: Sequence[Planned]) -> str:
    moving = [one for one in planned if one.state != CURRENT]
    widths = [max((len(text) for text in column), default=0) for column in zip(*map(_cells, moving), strict=True)]
    parameters = dict.fromkeys(text for one in moving for text in one.parameters)
    blocks = [list(parameters), [_row(one, widths) for one in moving], list(_summary(planned))]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _cells(one: Planned) -> tuple[str, str, str]:
    return one.state, one.name, f"about {duration(one.seconds)}" if one.seconds is not None else ""


def _row(one: Planned, widths: Sequence[int]) -> str:
    cells = "  ".join(cell.ljust(width) for cell, width in zip(_cells(one), widths, strict=True))
    more = len(one.reasons) - _MOST_REASONS
    shown = [*one.reasons[:_MOST_REASONS], *([f"{more} more"] if more > 0 else [])]
    return f"{cells}  {'; '.join(shown)}".rstrip()


def _summary(planned: Sequence[Planned]) -> Iterator[str]:
    counts = {state: sum(one.state == state for one in planned) for state in (RUN, UNKNOWN, STOP, BLOCKED, CURRENT)}
    if counts[CURRENT] == len(planned):
        yield f"Nothing to do: {len(planned)} tasks are up to date"
        return
    yield ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    yield f"Time: {_estimate(planned)}"
    yield from (f"Disturbs {what}" for what in _disrupted(planned))


def _estimate(planned: Iterable[Planned]) -> str:
    """Return how long the tasks that would run took the last time, and how many are not known."""
    moving = [one for one in planned if one.state in {RUN, UNKNOWN}]
    new = [one for one in moving if one.seconds is None]
    known = f"about {duration(sum(one.seconds or 0.0 for one in moving))}"
    if len(new) == len(moving):
        return "unknown: none of these ran here before"
    return f"{known}, and {len(new)} tasks that never ran here" if new else known


def _disrupted(planned: Iterable[Planned]) -> list[str]:
    """Return what would be interrupted; what only may be is said so."""
    found = {f"{'perhaps ' if one.state == UNKNOWN else ''}{what}": None for one in planned for what in one.disrupts}
    return list(found)
