"""How long tasks take together that run side by side: the ones with the longest way to the end first, as in a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True)
class Job:
    """A task that is still to be run, or to be finished.

    Attributes:
        name: Its name.
        seconds: How long it takes.
        needs: Names of the jobs that come before it; others count as done.
    """

    name: str
    seconds: float
    needs: tuple[str, ...] = ()


def span(jobs: Iterable[Job], threads: int) -> float:
    """Return the seconds from the start of the first job to the end of the last one.

    Args:
        jobs: The jobs.
        threads: How many of them run at the same time.
    """
    left = {job.name: job for job in jobs}
    ways = _ways(left)
    ends: dict[str, float] = {}
    now = 0.0
    while left or ends:
        startable = [job for job in left.values() if not any(need in left or need in ends for need in job.needs)]
        for job in sorted(startable, key=lambda one: -ways[one.name])[: threads - len(ends)]:
            ends[job.name] = now + left.pop(job.name).seconds
        if not ends:
            break  # What is left needs itself.
        first = min(ends, key=lambda name: ends[name])
        now = ends.pop(first)
    return now


def _ways(jobs: Mapping[str, Job]) -> dict[str, float]:
    """Return the seconds of the longest chain that begins with each job."""
    after: dict[str, list[str]] = {}
    for job in jobs.values():
        for need in job.needs:
            after.setdefault(need, []).append(job.name)
    ways: dict[str, float] = {}

    def way(name: str) -> float:
        if name not in ways:
            ways[name] = 0.0
            ways[name] = jobs[name].seconds + max(map(way, after.get(name, ())), default=0.0)
        return ways[name]

    return {name: way(name) for name in jobs}
