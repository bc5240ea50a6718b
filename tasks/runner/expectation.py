"""How long a task will take: as long as the last time on this machine, or what a table says for as many processors."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

from tasks.engines.files import durations
from tasks.problems import Problem
from tasks.settings import expected, parameters

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


_MOST_OF_IT = 0.5


class Expectation:
    """What earlier runs of tasks tell of the next ones."""

    @cached_property
    def _took(self) -> Mapping[str, float]:
        try:
            return durations.read(parameters.current().cache_dir)
        except Problem:
            return {}  # the task that reads the parameters says what is wrong with them

    def seconds(self, task: str) -> float:
        """Return how long a task will take, if it runs.

        Args:
            task: Its name.
        """
        known = self._took.get(task)
        return expected.work(task).seconds(cores()) if known is None else known

    def origin(self, names: Iterable[str]) -> str:
        """Return where what is expected of tasks comes from, as a part of a sentence."""
        seconds = {name: self.seconds(name) for name in names}
        new = sum(length for name, length in seconds.items() if name not in self._took)
        if new < sum(seconds.values()) * _MOST_OF_IT:
            return "as earlier runs here did"
        return f"by a table, for {cores()} processor{'s' * (cores() > 1)}: nothing like it ran here before"


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0))
