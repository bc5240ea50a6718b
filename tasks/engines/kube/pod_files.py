"""Files copied out of containers: byte for byte, in one pass, and verified with a digest computed in the container."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from tasks import progress
from tasks.engines.files.lock import alone, part_of
from tasks.engines.programs import again
from tasks.engines.programs.again import Patience
from tasks.engines.programs.waiting import Passing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.pod_exec import Container

# The slowest rate, in bytes per second, at which a busy machine reads a file twice and sends it, and the time limit, in
# seconds, for everything else.
_SLOWEST = 1 << 20
_START_SECONDS = 60.0
# How long an interrupted copy is retried.
_PATIENCE = Patience(60.0)
_MEBIBYTE = 1 << 20


class Incomplete(Passing):
    """The content that arrived differs from the file."""


def copy_out(cluster: Kube, where: Container, source: str, target: Path) -> None:
    """Copy a file out of a container.

    Args:
        cluster: The API.
        where: The container, which needs `cat`, `stat` and `sha256sum`.
        source: Absolute path of a file in it that nothing is writing to.
        target: The file here, which is written as a whole or not at all.

    Raises:
        Problem: It cannot be read, or arrives changed.
    """
    with alone(target):
        part = part_of(target)
        try:
            again.retry(lambda: _copy(cluster, where, source, part), passes=_broke_off, patience=_PATIENCE)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)


def _broke_off(failure: BaseException) -> bool:
    return isinstance(failure, Passing)


def _copy(cluster: Kube, where: Container, source: str, part: Path) -> None:
    size = int(_ask(cluster, where, ["stat", "-L", "-c", "%s", "--", source]))
    timeout = _START_SECONDS + size / _SLOWEST
    # sha256sum begins the line with a backslash if it has escaped the file name.
    digest = _ask(cluster, where, ["sha256sum", "--", source], timeout=timeout).lstrip("\\").split()[0]
    hasher = hashlib.sha256()
    with part.open("wb") as file:
        cluster.stream(where, ["cat", "--", source], _taker(file.write, hasher.update, source, size), timeout=timeout)
        arrived = file.tell()
    if hasher.hexdigest() != digest:
        raise Incomplete(
            f"{source} in pod {where.namespace}/{where.pod}: {arrived} of {size} bytes arrived, with SHA-256 "
            f"{hasher.hexdigest()} instead of {digest}"
        )


def _ask(cluster: Kube, where: Container, argv: list[str], *, timeout: float = _START_SECONDS) -> str:
    return cluster.exec(where, argv, timeout=timeout)


def _taker(
    write: Callable[[bytes], object], digest: Callable[[bytes], object], source: str, size: int
) -> Callable[[bytes], None]:
    """Return a function that writes and digests each piece, and reports progress for each MiB."""
    done = 0

    def take(piece: bytes) -> None:
        nonlocal done
        write(piece)
        digest(piece)
        if done // _MEBIBYTE != (done + len(piece)) // _MEBIBYTE:
            progress.step(f"copying {source}: {(done + len(piece)) // _MEBIBYTE} of {size // _MEBIBYTE} MiB")
        done += len(piece)

    return take
