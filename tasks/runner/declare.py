"""What every task creator uses: actions that fail with one line, and up-to-date checks that look at the world."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from doit.exceptions import TaskFailed
from doit.task import dict_to_task

from tasks import lack as lacks
from tasks.engines.files import access
from tasks.problems import Problem
from tasks.settings import parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tasks.lack import Lack


class Do:
    """A function with its arguments as a doit action.

    A `Problem` becomes a returned failure, which the reporter shows without a traceback. So does an error of the system
    if the checkout or the cache cannot be written. Any other exception passes through and keeps its traceback. A dict
    that the function returns becomes the task's values.
    """

    def __init__(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> None:
        """Keep `function` and its arguments."""
        self._call = (function, arguments, options)
        self.__name__ = function.__name__

    def __call__(self, **chosen: Any) -> dict[str, Any] | TaskFailed | None:
        """Run the function; return its dict, a failure, or None.

        Args:
            chosen: The task's own `params` and `getargs`, which doit passes by name.
        """
        function, arguments, options = self._call
        try:
            result = function(*arguments, **options, **chosen)
        except Problem as problem:
            return TaskFailed(str(problem))
        except OSError as error:
            problem_of_place = access.of_our_places(error, _cache_folder())
            if problem_of_place is None:
                raise
            return TaskFailed(str(problem_of_place))
        return result if isinstance(result, dict) else None


def _cache_folder() -> Path | None:
    """Return CACHE_DIR, or None if the parameters are not valid."""
    try:
        return parameters.current().cache_dir
    except Problem:
        return None


class Check(ABC):
    """Finds what a task lacks, for a run, plan, info and list alike. A task that lacks nothing is up to date."""

    def __call__(self, task: object, values: dict[str, Any]) -> bool:  # noqa: ARG002 - doit's signature
        """Return whether the task needs no run. Never raise: doit would abort the whole run.

        If a check cannot be made (no daemon, no cluster), the task is not up to date: its action then meets the same
        obstacle and can explain it.
        """
        try:
            return not self.lack(values)
        except Exception:  # noqa: BLE001
            return False

    @abstractmethod
    def lack(self, values: Mapping[str, Any]) -> Lack:
        """Return what the task lacks.

        Args:
            values: What the task saved at its last run.

        Raises:
            Problem: The check cannot be made.
        """


class Current(Check):
    """Up to date while a function that looks at the world finds nothing lacking."""

    def __init__(self, check: Callable[..., Lack], *arguments: Any) -> None:
        """Keep `check` and its arguments."""
        self._call = (check, arguments)

    def lack(self, values: Mapping[str, Any]) -> Lack:  # noqa: ARG002 - a look at the world needs none
        """Return what the function finds."""
        check, arguments = self._call
        return check(*arguments)


@dataclass(frozen=True)
class Root:
    """What a task needs root for.

    Attributes:
        purpose: What for, as a part of a sentence.
        check: Lacks something if the task will need root.
        granted: Returns whether root is granted already, for this alone; None if it takes every right of root.
    """

    purpose: str
    check: Current
    granted: Callable[[], bool] | None = None

    def is_needed(self) -> bool:
        """Return whether root is needed; also if that cannot be known yet."""
        return not self.check(None, {})

    def is_granted(self) -> bool:
        """Return whether root is granted for this, without every right of root."""
        return self.granted is not None and self.granted()


class Same(Check):
    """Up to date while a function returns the dict that it returned at the last run."""

    def __init__(self, function: Callable[..., dict[str, Any]], *arguments: Any) -> None:
        """Keep `function`, which is also the task's action, and its arguments."""
        self._call = (function, arguments)

    def lack(self, values: Mapping[str, Any]) -> Lack:
        """Return what changed since the last run, with old and new values."""
        changed = {name: value for name, value in self.result().items() if values.get(name) != value}
        return lacks.of(*(line for name, now in changed.items() for line in _differences(name, values.get(name), now)))

    def result(self) -> dict[str, Any]:
        """Return what the function returns: for a chooser of tasks, doit's calculated dependencies."""
        function, arguments = self._call
        return function(*arguments)


def group_that_acts(name: str, **attributes: Any) -> object:
    """Return a task in place of the group of the sub-tasks of that name, which have been yielded before it.

    doit's own groups run their sub-tasks and stop at the first that fails. This one has actions, as any other task.

    Args:
        name: Name of the group.
        attributes: What other tasks have.
    """
    return dict_to_task({"name": name, **attributes})


def _differences(name: str, before: Any, now: Any) -> Iterator[str]:
    """Yield in words how a value differs from an earlier one."""
    if isinstance(now, dict):
        earlier = before if isinstance(before, dict) else {}
        for key in dict.fromkeys([*earlier, *now]):
            if earlier.get(key) != now.get(key):
                yield from _differences(f"{name} {key}", earlier.get(key), now.get(key))
    else:
        yield f"{name}: {_worded(now)}" if before is None else f"{name}: {_worded(before)} -> {_worded(now)}"


def _worded(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "nothing"
    return "nothing" if value is None else str(value)
