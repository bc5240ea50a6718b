"""The tool's own files in the nodes: compared first, and written only if they differ."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from tasks import lack as lacks
from tasks.engines.docker import containers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tasks.lack import Lack

Result = TypeVar("Result")

_MARKS = "/etc/openkasugai/applied"


@dataclass(frozen=True)
class NodeFile:
    """A file that a node should have.

    Attributes:
        path: Absolute path in the node; not on a tmpfs.
        content: Its content.
        mode: Its permission bits.
        owner: Its user and group, by number.
    """

    path: str
    content: bytes
    mode: int = 0o644
    owner: int = 0


def differing(node: str, files: Iterable[NodeFile]) -> list[NodeFile]:
    """Return the files that a node lacks or holds with different content."""
    return [file for file in files if not containers.holds(node, file.path, file.content)]


def lack(node: str, step: str, files: Sequence[NodeFile]) -> Lack:
    """Return which files of a step a node lacks; none if all are there and in effect.

    Args:
        node: Name of a node, running or not.
        step: Name of the step.
        files: What the step writes.
    """
    missing = differing(node, [_mark(step, files), *files])
    return lacks.unless(not missing, f"{node}: {', '.join(file.path for file in missing)}")


def first_lack(nodes: Iterable[str], look: Callable[[str], Lack]) -> Lack:
    """Return what the first node lacks that lacks anything; all are looked at at the same time.

    Args:
        nodes: Names of the nodes.
        look: Returns what one node lacks.
    """
    return next(filter(None, _of_each(nodes, look)), lacks.NOTHING)


def sync(node: str, step: str, files: Sequence[NodeFile], *, units: Sequence[str] = ()) -> None:
    """Write the files of a step that a node lacks, and put them into effect.

    Args:
        node: Name of a running node.
        step: Name of the step.
        files: What the node should have, in the order in which they are written.
        units: systemd units to enable and restart once the files are written.
    """
    applied = _mark(step, files)
    # If its mark is missing or differs, a file may have the right content but other permissions.
    for file in files if differing(node, [applied]) else differing(node, files):
        _write(node, file)
    if units:
        # One call for all: each program that is started in a container takes a sixth of a second.
        names = " ".join(units)
        script = f"systemctl --no-reload enable {names} && systemctl daemon-reload && systemctl restart {names}"
        containers.exec_in(node, ["sh", "-c", script])
    # Last, so that if this run is killed before this point, the next one restarts the units.
    _write(node, applied)


def on_each(nodes: Iterable[str], work: Callable[[str], None]) -> None:
    """Do something on several nodes at the same time; raise the first failure once all have ended.

    Args:
        nodes: Names of the nodes.
        work: Does it on one node.
    """
    _of_each(nodes, work)


def _of_each(nodes: Iterable[str], work: Callable[[str], Result]) -> list[Result]:
    names = list(nodes)
    with ThreadPoolExecutor(max(len(names), 1)) as pool:
        return list(pool.map(work, names))


def mark(step: str) -> str:
    """Return the path of the file in a node that says which files of a step are in effect."""
    return f"{_MARKS}/{step}"


def _mark(step: str, files: Sequence[NodeFile]) -> NodeFile:
    parts = [f"{file.path} {file.mode:o} {file.owner}\0".encode() + file.content for file in files]
    digest = hashlib.sha256(b"\0".join(parts)).hexdigest()
    return NodeFile(mark(step), f"{digest}\n".encode())


def _write(node: str, file: NodeFile) -> None:
    containers.copy_into(node, file.path, file.content, containers.Rights(file.mode, file.owner))
