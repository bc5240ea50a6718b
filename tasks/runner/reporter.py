"""The only writer to the terminal: shows doit's events and the actions' progress as a user wants to read them.

A run begins and ends here. Therefore this module also takes the lock, has the parameters checked before anything is
touched, and turns signals into an orderly end.
"""

from __future__ import annotations

import shlex
import sys
import threading
import time
from collections import Counter
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from doit.exceptions import UnmetDependency
from doit.reporter import ConsoleReporter

from tasks import progress
from tasks.engines.files import durations, last_parameters, lock
from tasks.engines.programs import interrupts, shell
from tasks.problems import Problem
from tasks.runner import database, rights
from tasks.runner.outlook import Outlook
from tasks.runner.screen import duration, open_screen
from tasks.settings import parameters, paths

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from doit.exceptions import BaseFail
    from doit.task import Task

_BEGIN = time.monotonic()
_REFUSED = 3
_INDENT = "    "

# Keys of a task's `meta`.
QUERY = "query"
OWN_TERMINAL = "own_terminal"


class Reporter(ConsoleReporter):  # type: ignore[misc]
    """Tasks with their time, live progress, one-line failures and a summary.

    A task whose `meta` has QUERY only answers a question: it needs no lock and no valid parameters, and only its
    answer is written. One with OWN_TERMINAL writes to the terminal itself.
    """

    desc = "tasks with their time, live progress and a summary"
    # How many tasks run side by side.
    threads = 1

    def __init__(self, outstream: Any, options: Mapping[str, Any]) -> None:
        """Write to doit's output stream."""
        super().__init__(outstream, options)
        self._outlook = Outlook(self.threads, self._tell_news)
        self._selected: Sequence[str] = ()
        self._screen = open_screen(outstream, self._outlook.head)
        self._counts: Counter[str] = Counter()
        self._started: dict[str, float] = {}
        self._took: dict[str, float] = {}
        self._fresh: list[str] = []
        # The task that runs on a thread, and on those that it starts with a copy of its context.
        self._here: ContextVar[str] = ContextVar("task", default="")
        self._ends: list[Callable[[], object]] = []
        self._query = False
        self._refused = False
        self._cache_dir: Path | None = None
        # Threads of an interrupted run may still report something, but nothing is written after the summary.
        self._over = False
        self._telling = threading.RLock()

    def initialize(self, tasks: Mapping[str, Task], selected_tasks: Sequence[str]) -> None:
        """Begin the run: signals, lock, parameters, what root is needed for.

        Raises:
            SystemExit: Another run holds the lock, a parameter is wrong, or root is needed and refused.
        """
        self._selected = selected_tasks
        self._query = bool(selected_tasks) and all((tasks[name].meta or {}).get(QUERY) for name in selected_tasks)
        for task in tasks.values():
            task.io.capture = False  # doit captures by swapping the global sys.stdout, which threads share
        self._ends += [interrupts.catch(), progress.listen(self)]
        database.TaskDatabase.in_run = True
        if self._query:
            return
        try:
            self._ends.append(lock.hold(paths.RUN_LOCK, _command()).release)
            database.check(paths.TASK_DATABASE)
            self._cache_dir = parameters.current().cache_dir
            sys.stderr.writelines(f"{line}\n" for line in parameters.ineffective())
            self._ends.append(rights.secure(rights.of(tasks, selected_tasks)))
        except Problem as problem:
            self._refused = True
            sys.stderr.write(f"{problem}\n")
            raise SystemExit(_REFUSED) from None

    def execute_task(self, task: Task) -> None:
        """Show that a task runs; doit calls this on the thread that runs it."""
        self._here.set(task.name)
        if not task.actions:
            return
        with self._telling:
            if self._over:
                return
            self._started[task.name] = time.monotonic()
            if not self._query:
                self._screen.start(task.name)
                self._look_ahead(task)
            if (task.meta or {}).get(OWN_TERMINAL):
                self._screen.pause()

    def add_success(self, task: Task) -> None:
        """Show how long a finished task took."""
        if task.actions:
            self._counts["ran"] += 1
            self._took[task.name] = self._end(task, "done")
            self._fresh.append(task.name)

    def add_failure(self, task: Task, fail: BaseFail) -> None:
        """Show the cause: one line and the evidence for a failure, the traceback for a bug."""
        if not fail.report:
            return
        with self._telling:
            self._counts["failed"] += 1
            self._end(task, "not run" if isinstance(fail, UnmetDependency) else "failed")
            if self._query:
                sys.stderr.write(f"{_explained(fail)}\n")  # standard output is for the answer only
            else:
                self._screen.write(_explained(fail))
                self._say_what_still_runs()

    def skip_uptodate(self, task: Task) -> None:
        """Count the task; the summary shows how many there were."""
        if task.actions:
            self._counts["up to date"] += 1
            self._fresh.append(task.name)

    def skip_ignore(self, task: Task) -> None:
        """Show that a task is left out at the user's request."""
        self._screen.write(f"{task.name}: ignored (doit forget {task.name} ends that)")

    def cleanup_error(self, exception: BaseFail) -> None:
        """Show a failure that comes after the tasks."""
        self._screen.write(_explained(exception))

    def runtime_error(self, msg: str) -> None:
        """Show a failure of doit itself."""
        self._counts["failed"] += 1
        self._screen.write(msg)

    def complete_run(self) -> None:
        """End the run: stop the children, release the lock, write the summary."""
        with self._telling:
            self._over = True
        shell.stop_all()
        self._screen.close()
        if not self._query:
            self._remember()
        while self._ends:
            self._ends.pop()()
        if not self._refused and (interrupts.caught() or not self._query):
            self._screen.write(self._summary())

    def step(self, text: str) -> None:
        """Update the live line of the task that reports."""
        with self._telling:
            if not self._query and not self._over:
                self._screen.step(self._current(), text)

    def line(self, text: str) -> None:
        """Write a line that a task reports."""
        with self._telling:
            if not self._over:
                self._screen.write(text)

    def _look_ahead(self, task: Task) -> None:
        """Take note of a task that starts, and say how long the rest takes if that is news."""
        self._outlook.start(task.name, self._selected)
        self._tell_news()

    def _tell_news(self) -> None:
        with self._telling:
            if not self._over and (news := self._outlook.news()):
                self._screen.write(news)

    def _say_what_still_runs(self) -> None:
        """Say which tasks are finished after a failure, for as long as nothing else starts."""
        if self._started:
            self._screen.write(f"Finishing {', '.join(self._started)}, so that it is kept; Ctrl-C stops it")

    def _remember(self) -> None:
        """Record what the next plan needs from this run; the run does not fail if that cannot be written."""
        try:
            if self._took and self._cache_dir:
                durations.record(self._cache_dir, self._took)
            if self._fresh and paths.BUILD.is_dir():
                last_parameters.record(paths.LAST_PARAMETERS, self._fresh, parameters.values())
        except Problem as problem:
            self._screen.write(str(problem))

    def _current(self) -> str:
        """Return the task of this thread; a thread that an action started reports for the task started last."""
        return self._here.get() or next(reversed(self._started), "")

    def _end(self, task: Task, word: str) -> float:
        with self._telling:
            elapsed = time.monotonic() - self._started.pop(task.name, time.monotonic())
            self._screen.end(task.name)
            self._outlook.end(task.name)
            if self._here.get() == task.name:  # it ran on this thread, which goes on with checks
                self._here.set("")
            if not self._query:
                self._screen.write(f"{task.name}: {word} ({duration(elapsed)})")
        return elapsed

    def _summary(self) -> str:
        ran, fresh, failed = (self._counts[key] for key in ("ran", "up to date", "failed"))
        elapsed = duration(time.monotonic() - _BEGIN)
        if interrupts.caught():
            return f"Stopped by {interrupts.caught()}: {ran} finished and kept; the same command goes on ({elapsed})"
        if failed:
            return f"Failed: {failed} failed, {ran} ran, {fresh} up to date ({elapsed})"
        if ran:
            return f"Done: {ran} ran, {fresh} up to date ({elapsed})"
        return f"Nothing to do: {'1 task is' if fresh == 1 else f'{fresh} tasks are'} up to date ({elapsed})"


def _command() -> str:
    return shlex.join(["./doit", *sys.argv[1:]])


def _explained(fail: BaseFail) -> str:
    """Return the indented message and, for a bug, the traceback."""
    message = "\n".join(f"{_INDENT}{line}" for line in str(fail.message).splitlines())
    traceback = "".join(fail.traceback)
    return f"{message}\n{traceback}".rstrip()
