"""How long a task will take: as long as the last time on this machine, or what a table says for as many processors."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

from tasks.engines.files import durations
from tasks.settings import expected, parameters

if TYPE_CHECKING:
    from collections.abc import Mapping


class Expectation:
    """What earlier runs of tasks tell of the next ones."""

    @cached_property
    def _took(self) -> Mapping[str, float]:
        return durations.read(parameters.current().cache_dir)

    def seconds(self, task: str) -> float:
        """Return how long a task will take, if it runs.

        Args:
            task: Its name.
        """
        known = self._took.get(task)
        return expected.work(task).seconds(cores()) if known is None else known


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0))
