"""Containers of this machine: a number that an engine tells is a process here only if the engine is here.

An engine in a virtual machine (Docker Desktop, Colima) or behind `ssh://` or `tcp://` tells numbers of its own machine,
which may be those of other processes here.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tasks.engines.docker import client, containers
from tasks.engines.files import atomic
from tasks.problems import Problem

if TYPE_CHECKING:
    from tasks.engines.docker.containers import ContainerFacts

PROC = Path("/proc")

# Where the kernel shows the container's identifier to everybody: its control group (as Docker and Podman name it, in
# either version, also beside a private namespace of them), and the files that the engine mounts into it.
_PROOFS = ("cgroup", "mountinfo")


def main_process(name: str, proc: Path = PROC) -> int:
    """Return the process, on this machine, of a container's first program; 0 where it does not run or is not there.

    Args:
        name: Name of the container.
        proc: Where the kernel shows its processes.

    Raises:
        Problem: No engine answers, or the container is on another machine.
    """
    found = containers.find(name)
    if found is None or not found.running:
        return 0
    return _proven(found, containers.main_process(name), proc)


def require(container: ContainerFacts) -> None:
    """Refuse a running container that is not on this machine.

    Raises:
        Problem: It is on another one.
    """
    _proven(container, containers.main_process(container.name), PROC)


def _is_here(identifier: str, process: int, proc: Path) -> bool:
    """Return whether a process of this machine is in the container with this full identifier."""
    return process > 0 and any(identifier in atomic.text(proc / str(process) / proof) for proof in _PROOFS)


def _proven(container: ContainerFacts, process: int, proc: Path) -> int:
    if process and not _is_here(container.id, process, proc):
        raise Problem(
            f"{container.name}: is not a container of this machine (the engine at {client.socket()} says process "
            f"{process}); cards and GPUs are lent to nodes of this machine only",
            hint="DOCKER=embedded, or unset DOCKER_HOST and choose this machine's docker context",
        )
    return process
