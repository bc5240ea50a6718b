"""Files copied out of containers and into them: byte for byte, and verified with a digest computed in the container."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from tasks import progress
from tasks.engines.files.lock import alone, part_of
from tasks.engines.programs import again
from tasks.engines.programs.again import Patience
from tasks.engines.programs.waiting import Passing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
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
# Of a file that is copied in; below what an API server takes as one message.
_PIECE = 32 << 10
# The words: the file, and its size, since the input of a program in a container does not end.
_TAKE = 'mkdir -p "$(dirname "$0")" && head -c "$1" > "$0"'


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


def has(cluster: Kube, where: Container, source: Path, target: str) -> bool:
    """Return whether a container has a file with the same content.

    Args:
        cluster: The API.
        where: The container, which needs `sha256sum`.
        source: The file here.
        target: Absolute path of the file in the container.

    Raises:
        Problem: The container cannot be asked.
    """
    ending = cluster.ending(where, ["sha256sum", "--", target], timeout=_START_SECONDS + _seconds(source))
    return not ending.code and _first_word(ending.output) == _digest(source)


def copy_in(cluster: Kube, where: Container, source: Path, target: str) -> None:
    """Copy a file into a container, unless it is there already; it appears as a whole or not at all.

    Args:
        cluster: The API.
        where: The container, which needs `sh`, `head`, `mkdir`, `mv` and `sha256sum`.
        source: The file here.
        target: Absolute path of the file in the container; its folder is made.

    Raises:
        Problem: It cannot be written there, or arrives changed.
    """
    again.retry(lambda: _copy_in(cluster, where, source, target), passes=_broke_off, patience=_PATIENCE)


def _copy_in(cluster: Kube, where: Container, source: Path, target: str) -> None:
    if has(cluster, where, source, target):
        return
    part, size = f"{target}.part", source.stat().st_size
    progress.step(f"copying {source.name} into pod {where.namespace}/{where.pod}: {size // _MEBIBYTE + 1} MiB")
    timeout = _START_SECONDS + _seconds(source)
    cluster.give(where, ["sh", "-c", _TAKE, part, str(size)], _pieces_of(source), timeout=timeout)
    if not has(cluster, where, source, part):
        raise Incomplete(f"{source.name}: did not arrive unchanged as {part} in pod {where.namespace}/{where.pod}")
    _ask(cluster, where, ["mv", "--", part, target])


def _pieces_of(source: Path) -> Iterator[bytes]:
    with source.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


def _digest(source: Path) -> str:
    hasher = hashlib.sha256()
    for piece in _pieces_of(source):
        hasher.update(piece)
    return hasher.hexdigest()


def _seconds(source: Path) -> float:
    return source.stat().st_size / _SLOWEST


def _first_word(line: str) -> str:
    # sha256sum begins the line with a backslash if it has escaped the file name.
    return next(iter(line.lstrip("\\").split()), "")


def _broke_off(failure: BaseException) -> bool:
    return isinstance(failure, Passing)


def _copy(cluster: Kube, where: Container, source: str, part: Path) -> None:
    size = int(_ask(cluster, where, ["stat", "-L", "-c", "%s", "--", source]))
    timeout = _START_SECONDS + size / _SLOWEST
    digest = _first_word(_ask(cluster, where, ["sha256sum", "--", source], timeout=timeout))
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
