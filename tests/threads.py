"""Threads that begin at the same moment, as those of `./doit -n 2 -P thread` may."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")


def side_by_side(calls: Iterable[Callable[[], T]]) -> list[T]:
    """Return what calls return that are made at the same time; the first failure is raised."""
    made = list(calls)
    barrier = Barrier(len(made))

    def run(call: Callable[[], T]) -> T:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(made)) as pool:
        return [*pool.map(run, made)]
