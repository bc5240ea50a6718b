"""Whether the workers of an existing cluster have the places that a pattern asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.patterns import places
from tasks.patterns.model import FIRST, SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tasks.patterns.model import Pattern


def against(pattern: Pattern, workers: Sequence[str]) -> Iterator[str]:
    """Yield why a pattern cannot be placed, one line each.

    Args:
        pattern: The pattern.
        workers: Names of the workers.
    """
    if not pattern.fits(workers):
        yield f"needs two workers, but TARGET_WORKERS has {len(workers)}: {', '.join(workers) or 'none'}"
    for number, hop in enumerate(pattern.hops):
        if hop.place and hop.place not in {FIRST, SECOND, *workers}:
            reason = f"{hop.place!r} is no worker; they are {', '.join(workers)}"
            yield places.located(pattern, ("functions", number, "node"), reason)


def crowded(pattern: Pattern, workers: Sequence[str], each: int) -> Iterator[str]:
    """Yield whether a single worker has too few virtual functions for all of a pattern, which cannot spread.

    Args:
        pattern: The pattern.
        workers: Names of the workers.
        each: Virtual functions that each worker has.
    """
    if len(workers) == 1 and not pattern.is_placed and pattern.vfs_each <= each < pattern.vfs:
        yield f"takes {pattern.vfs} virtual functions, but the only worker, {workers[0]}, has {each}"
