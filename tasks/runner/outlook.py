"""How long the rest of a run will take: what `plan` says of it, corrected by what has ended since."""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import TYPE_CHECKING

from tasks.engines.programs import shell
from tasks.problems import Problem
from tasks.runner import schedule
from tasks.runner.expectation import Expectation
from tasks.runner.screen import rough
from tasks.settings import paths

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# A task that takes longer makes the user wonder how long all of it takes.
_LONG_SECONDS = 8.0
# What a log is told again: an end that moved by this part of what was left, at most once a minute.
_MOVED, _PAUSE_SECONDS = 0.2, 60.0


class Outlook:
    """The rest of a run."""

    def __init__(
        self, threads: int, tell: Callable[[], object] = str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Know nothing yet.

        Args:
            threads: How many tasks run side by side.
            tell: Is called as soon as there are news.
            clock: Returns the time, in seconds.
        """
        self._threads, self._tell, self._clock = threads, tell, clock
        self._expected = Expectation()
        self._jobs: dict[str, schedule.Job] = {}
        self._since: dict[str, float] = {}
        self._ended: set[str] = set()
        self._is_asked = False
        self._told: tuple[float, float] | None = None
        self._lock = threading.Lock()

    def start(self, task: str, selected: Sequence[str]) -> None:
        """Take note of a task that starts; ask for the plan of the run at the first that takes long.

        Args:
            task: Its name.
            selected: The tasks of the run.
        """
        self._since[task] = self._clock()
        if not self._is_asked and self._expected.seconds(task) >= _LONG_SECONDS:
            self._is_asked = True
            threading.Thread(target=self._ask, args=(selected,), daemon=True).start()

    def end(self, task: str) -> None:
        """Take note of a task that has ended."""
        self._since.pop(task, None)
        self._ended.add(task)

    def learn(self, planned: Sequence[Mapping[str, object]]) -> None:
        """Take what the plan says.

        Args:
            planned: The tasks of `./doit plan --json`.
        """
        moving = [one for one in planned if one["state"] in {"run", "unknown"}]
        with self._lock:
            self._jobs = {job.name: job for job in map(self._job, moving)}

    def seconds(self) -> float | None:
        """Return how long the rest takes; None while that is not known."""
        with self._lock:
            left = [self._rest(job) for job in self._jobs.values() if job.name not in self._ended]
        return schedule.span(left, self._threads) if left else None

    def head(self) -> str:
        """Return the line above the running tasks; empty while nothing is known."""
        seconds = self.seconds()
        return "" if seconds is None else f"About {rough(seconds)} left"

    def news(self) -> str:
        """Return what a log should say now: how long all of it takes or, later, what has changed; else nothing."""
        seconds, now = self.seconds(), self._clock()
        if seconds is None:
            return ""
        if self._told is None:
            self._told = now, now + seconds
            return f"All of it takes about {rough(seconds)}, {self._expected.origin(self._jobs)}"
        at, end = self._told
        if now - at < _PAUSE_SECONDS or abs(now + seconds - end) < _MOVED * max(seconds, end - now):
            return ""
        self._told = now, now + seconds
        return self.head()

    def _ask(self, selected: Sequence[str]) -> None:
        """Have another process plan the run: what it looks up must not be taken for what this one finds later."""
        command = [sys.executable, "-m", "doit", "plan", "--json", *selected]
        try:
            self.learn(json.loads(shell.Command(command, cwd=paths.ROOT).run(check=False).stdout)["tasks"])
        except (Problem, ValueError, KeyError, SystemExit):
            # A run without an outlook is as good; what keeps the plan from being made, the run itself will meet.
            return
        self._tell()

    def _job(self, planned: Mapping[str, object]) -> schedule.Job:
        name, needs = str(planned["name"]), planned["needs"]
        return schedule.Job(name, self._expected.seconds(name), tuple(needs) if isinstance(needs, list) else ())

    def _rest(self, job: schedule.Job) -> schedule.Job:
        since = self._since.get(job.name)
        if since is None:
            return job
        # One that takes longer than expected may end at any moment.
        return schedule.Job(job.name, max(job.seconds - (self._clock() - since), 1.0))
