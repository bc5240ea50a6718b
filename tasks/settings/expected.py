"""How long tasks take that have not run on a machine yet: measured from nothing, with two cores and a fast network."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Work:
    """What a task costs.

    Attributes:
        busy: Seconds that processors work on it, all of them together.
        least: Seconds that it takes with any number of processors.
    """

    busy: float = 0.0
    least: float = 0.0

    def seconds(self, cores: int) -> float:
        """Return how long it takes with a number of processors, if nothing else runs."""
        return max(self.busy / cores, self.least)


# By the name of a task, or of its group for all others of that group.
WORK = {
    "image:base": Work(25, 22),
    "image": Work(8, 7),
}
# What is known of no row takes about so long.
OTHER = Work(0.5, 0.5)


def work(task: str) -> Work:
    """Return what a task costs.

    Args:
        task: Its name, such as `image:kind-ubuntu`.
    """
    return WORK.get(task) or WORK.get(task.partition(":")[0], OTHER)
