"""Threads: some that begin at the same moment, as those of a run may, and one that serves."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier, Thread
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from socketserver import BaseServer

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


@contextmanager
def running(server: BaseServer) -> Iterator[None]:
    """Have a server answer, and close it afterwards."""
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
