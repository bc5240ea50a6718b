"""The command `doit plan [task...]`: what a run would do, why, whom it disturbs, and how long it takes."""

from __future__ import annotations

import json
import sys
import traceback
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from doit.control import TaskControl
from doit.exceptions import InvalidDodoFile, InvalidTask

from tasks import lack, layout
from tasks.runner import needs as task_needs
from tasks.runner import plan, schedule
from tasks.runner.commands import Command
from tasks.runner.expectation import Expectation, cores
from tasks.runner.meta import DISRUPTS, MEANS, PURE, SEEN, UNSETTLES
from tasks.runner.plan import BLOCKED, CURRENT, RUN, STOP, UNKNOWN, Known, Planned, Step
from tasks.runner.rehearsal import Rehearsal
from tasks.runner.reporter import QUERY
from tasks.runner.screen import duration
from tasks.settings import parameters
from tasks.settings.parameters import target_rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from doit.task import Task

    from tasks.lack import Lack
    from tasks.runner.declare import Check

_NOTHING, _ERROR, _CHANGES = 0, 1, 2
_DEFAULT = "create_cluster_with_all"
_MOST_REASONS = 4
# Columns that the reasons need beside a task; with fewer, they go below it.
_ROOM = 40
_INDENT = "    "
# Tasks whose names begin with this are steps of other tasks.
_INTERNAL = "_"
_AFTER_INTERNAL = "after an internal task"
_JSON_OPTION, _ALL_OPTION = "--json", "--all"
_USAGE = f"""\
Usage: ./doit plan [{_JSON_OPTION}] [{_ALL_OPTION}] [TASK ...]

Shows what a run of the tasks ({_DEFAULT} when none is named)
would do, why, whom it disturbs and how long it takes. Nothing is changed.

  {_ALL_OPTION}   show internal tasks (_...) too
  {_JSON_OPTION}  print an object for programs, with all tasks
  --help  print this

Exit codes: 0 nothing to do, 2 changes, 1 error.
"""
_AS_JSON = {"name": "as_json", "short": "", "long": "json", "type": bool, "default": False, "help": "show JSON"}
_ALL = {"name": "internal", "long": "all", "type": bool, "default": False, "help": "show internal tasks (_...) too"}


class Plan(Command):
    """Shows what a run of tasks would do. Exit codes: 0 nothing, 2 changes, 1 error."""

    name = "plan"
    doc_purpose = "show what a run would do, and why; changes nothing"
    doc_usage = "[TASK ...] (create_cluster_with_all when none is named)"
    doc_description = None
    cmd_options = (_AS_JSON, _ALL)
    refused = _ERROR

    def parse_execute(self, in_args: list[str]) -> int:
        """Run the command; every error is exit code 1, so that 2 means changes and nothing else.

        Args:
            in_args: Words after `plan`.

        Returns:
            The exit code.
        """
        # doit takes an option after a task's name for the task's own option.
        own = [word for word in in_args if word in {_JSON_OPTION, _ALL_OPTION}]
        try:
            return int(super().parse_execute([*own, *(word for word in in_args if word not in own)]))
        except (InvalidDodoFile, InvalidTask) as error:
            sys.stderr.write(f"ERROR: {error}\n")
        except Exception:  # noqa: BLE001 - a bug keeps its traceback, and doit's own exit code for it is not 1
            sys.stderr.write(traceback.format_exc())
        return _ERROR

    def _help(self, in_args: list[str]) -> int:  # noqa: ARG002 - the signature of Command
        sys.stdout.write(_USAGE)
        return _NOTHING

    def _execute(self, as_json: bool, internal: bool) -> int:
        """Print the plan.

        Args:
            as_json: Print an object for programs.
            internal: Show internal tasks too.

        Returns:
            The exit code.

        Raises:
            Problem: A parameter is wrong.
        """
        chosen = [_DEFAULT] if self.sel_default_tasks else list(self.sel_tasks)
        current = parameters.current()
        with Rehearsal() as rehearsal:
            planned = plan.plan(list(self._steps(chosen, rehearsal)), Known.of(current))
        place = target_rules.title(current)
        shown = _json(planned, place) if as_json else _text(planned, place, internal=internal)
        self.outstream.write(f"{shown}\n")
        return _CHANGES if plan.has_changes(planned) else _NOTHING

    def _steps(self, chosen: Sequence[str], rehearsal: Rehearsal) -> Iterator[Step]:
        """Yield the chosen tasks and all that they need, in an order in which they can run."""
        control = TaskControl(self.task_list)
        control.process(chosen)
        done: set[str] = set()
        for name in control.selected_tasks:
            yield from self._visit(control.tasks, name, done, rehearsal)

    def _visit(self, tasks: dict[str, Task], name: str, done: set[str], rehearsal: Rehearsal) -> Iterator[Step]:
        if name in done:
            return
        done.add(name)
        task = tasks[name]
        # What choosers choose may depend on what the tasks make that are named.
        for needs in (task_needs.named, partial(task_needs.of, tasks=tasks)):
            for need in needs(task):
                yield from self._visit(tasks, need, done, rehearsal)
        yield self._step(task, task_needs.of(task, tasks), rehearsal)

    def _step(self, task: Task, needs: tuple[str, ...], rehearsal: Rehearsal) -> Step:
        about: dict[str, Any] = task.meta or {}
        check = partial(examine, task, self.dep_manager.get_values(task.name))
        return Step(
            name=task.name,
            needs=needs,
            acts=bool(task.actions) and not about.get(QUERY),
            always=not task.uptodate,
            disrupts=tuple(filter(None, [about.get(DISRUPTS)])),
            means=about.get(MEANS, {}),
            is_seen=bool(about.get(SEEN)),
            unsettles=bool(about.get(UNSETTLES)),
            examine=rehearsal.examined(check, about[PURE]) if PURE in about else check,
        )


def examine(task: Task, values: Mapping[str, Any]) -> Lack:
    """Return what a task lacks according to all its checks.

    Args:
        task: A task with checks.
        values: What it saved at its last run.

    Raises:
        Problem: A check cannot be made, and the others find nothing.
    """
    found = [_found(check, values) for check, *_ in task.uptodate]
    lacks = lack.together(one for one in found if not isinstance(one, Exception))
    unseen = next((one for one in found if isinstance(one, Exception)), None)
    if unseen and not lacks:
        raise unseen
    return lacks


def _found(check: Check, values: Mapping[str, Any]) -> Lack | Exception:
    """Return what a check finds, or why it cannot be made: another one may be enough to know."""
    try:
        return check.lack(values)
    except Exception as error:  # noqa: BLE001 - whoever asks decides
        return error


def _json(planned: Sequence[Planned], place: str) -> str:
    content = {
        "target": place,
        "changes": plan.has_changes(planned),
        "seconds": round(_span(_moving(planned)), 1),
        "disrupts": _disrupted(planned),
        "tasks": [asdict(one) for one in planned],
    }
    return json.dumps(content, indent=2)


def _text(planned: Sequence[Planned], place: str, *, internal: bool) -> str:
    width = layout.columns()
    moving = [one for one in planned if one.state != CURRENT]
    shown = [one for one in moving if internal or not _is_internal(one.name)]
    widths = [max(map(layout.cells, column)) for column in zip(*map(_cells, shown), strict=True)]
    told = {one.name: one.reasons for one in moving} if internal else _told(moving)
    head = [*([f"On the {place}:"] if place else []), *dict.fromkeys(text for one in moving for text in one.parameters)]
    rows = [line for one in shown for line in _row(one, told[one.name], widths, width)]
    blocks = [_wrapped(head, width), rows, _wrapped(_summary(planned, len(moving) - len(shown)), width)]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _is_internal(name: str) -> bool:
    return name.startswith(_INTERNAL)


def _told(moving: Sequence[Planned]) -> dict[str, tuple[str, ...]]:
    """Return the reasons of each task; the reasons of internal tasks before it stand in place of their names."""
    by_name = {one.name: one for one in moving}
    return {one.name: _without_internal(one, by_name) for one in moving}


def _without_internal(one: Planned, by_name: Mapping[str, Planned]) -> tuple[str, ...]:
    if not any(map(_is_internal, one.after)):
        return one.reasons
    # That an internal task runs explains nothing; why it stops, or why it may run, does.
    causes = [by_name[name] for name in one.after if _is_internal(name) and by_name[name].state != RUN]
    inherited = [reason for cause in causes for reason in _without_internal(cause, by_name)]
    named = [name for name in one.after if not _is_internal(name)]
    before = [*inherited, *([plan.after(named)] if named else [])] or [_AFTER_INTERNAL]
    return tuple(dict.fromkeys([*before, *(reason for reason in one.reasons if reason != plan.after(one.after))]))


def _cells(one: Planned) -> tuple[str, str, str]:
    return one.state, one.name, f"about {duration(one.seconds)}" if one.seconds is not None else ""


def _row(one: Planned, reasons: Sequence[str], widths: Sequence[int], width: int) -> list[str]:
    head = "  ".join(layout.padded(cell, room) for cell, room in zip(_cells(one), widths, strict=True) if room)
    more = len(reasons) - _MOST_REASONS
    text = "; ".join([*reasons[:_MOST_REASONS], *([f"{more} more"] if more > 0 else [])])
    if layout.cells(f"{head}  ") + _ROOM <= width or not text:
        return layout.hanging(f"{head}  ", text, width)
    return [*layout.wrapped(head.rstrip(), width), *layout.hanging(_INDENT, text, width)]


def _wrapped(lines: Iterable[str], width: int) -> list[str]:
    return [part for line in lines for part in layout.wrapped(line, width)]


def _summary(planned: Sequence[Planned], hidden: int) -> Iterator[str]:
    counts = {state: sum(one.state == state for one in planned) for state in (RUN, UNKNOWN, STOP, BLOCKED, CURRENT)}
    yield from dict.fromkeys(f"Note: {note}" for one in planned for note in one.notes)
    if counts[CURRENT] == len(planned):
        yield f"Nothing to do: {len(planned)} tasks are up to date"
        return
    note = f" ({hidden} of them internal, shown by {_ALL_OPTION})" if hidden else ""
    yield ", ".join(f"{count} {state}" for state, count in counts.items() if count) + note
    if hidden:
        stops = [reason for one in planned if one.state == STOP and _is_internal(one.name) for reason in one.reasons]
        yield from (f"Stops: {reason}" for reason in dict.fromkeys(stops))
    yield f"Time: {_estimate(planned)}"
    yield from (f"Disturbs {what}" for what in _disrupted(planned))


def _estimate(planned: Iterable[Planned]) -> str:
    """Return how long the tasks that would run take side by side, and where that comes from."""
    moving = _moving(planned)
    origin = Expectation().origin(one.name for one in moving)
    return f"about {duration(_span(moving))}, {origin}"


def _moving(planned: Iterable[Planned]) -> list[Planned]:
    return [one for one in planned if one.state in {RUN, UNKNOWN}]


def _span(moving: Iterable[Planned]) -> float:
    expected = Expectation()
    jobs = [schedule.Job(one.name, expected.seconds(one.name), one.needs) for one in moving]
    return schedule.span(jobs, cores())


def _disrupted(planned: Iterable[Planned]) -> list[str]:
    """Return what would be interrupted; `perhaps` marks what only may be."""
    found = {f"{'perhaps ' if one.state == UNKNOWN else ''}{what}": None for one in planned for what in one.disrupts}
    return list(found)
