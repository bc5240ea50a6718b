"""What a run needs root for: granted before anything starts, and kept until the run ends."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

from tasks.engines.programs import root
from tasks.problems import Problem
from tasks.runner import needs
from tasks.runner.meta import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from doit.task import Task

    from tasks.runner.declare import Root


def of(tasks: Mapping[str, Task], selected: Iterable[str]) -> Iterator[Root]:
    """Yield what the chosen tasks, and all that they need, may need root for.

    Args:
        tasks: All tasks by name.
        selected: Names of the chosen tasks.
    """
    for name in _reached(tasks, selected):
        yield from (tasks[name].meta or {}).get(ROOT, ())


def secure(rights: Iterable[Root]) -> Callable[[], None]:
    """Have root granted for what is needed, with one question at most, and keep it.

    Args:
        rights: What root may be needed for; not looked at in a run of root, which needs nothing.

    Returns:
        A function that ends the keeping.

    Raises:
        Problem: sudo refuses, or asks for a password where nobody can type one.
    """
    asked_for = list(rights) if os.geteuid() != 0 else []
    if not asked_for:
        return lambda: None
    if not root.is_granted("true"):
        missing = [right for right in asked_for if right.is_needed() and not right.is_granted()]
        if not missing:
            return lambda: None
        _ask(", ".join(dict.fromkeys(right.purpose for right in missing)))
    return root.keep_ticket()


def _ask(purposes: str) -> None:
    if not shutil.which("sudo"):
        raise Problem(f"root is needed for {purposes}, and there is no sudo", hint="the same command as root")
    if sys.stdin.isatty() and sys.stderr.isatty():
        sys.stderr.write(f"Root is needed for {purposes}: sudo asks now, so that the run need not stop for it.\n")
        if root.ask():
            return
    raise Problem(f"root is needed for {purposes}, and sudo does not grant it", hint="sudo -v, then the same command")


def _reached(tasks: Mapping[str, Task], selected: Iterable[str]) -> Iterator[str]:
    """Yield the chosen tasks and all that they need, as far as that can be known before the run."""
    seen: set[str] = set()
    ahead = list(selected)
    while ahead:
        name = ahead.pop(0)
        if name not in seen:
            seen.add(name)
            yield name
            ahead += _needs(tasks[name], tasks)


def _needs(task: Task, tasks: Mapping[str, Task]) -> Iterable[str]:
    try:
        return needs.of(task, tasks)
    except Exception:  # noqa: BLE001 - as for checks: the run itself meets the same obstacle, and explains it
        return needs.named(task)
