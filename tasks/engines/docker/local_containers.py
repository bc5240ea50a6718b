"""Containers of this machine: an engine's process ids are valid here only if the engine runs here.

An engine in a virtual machine (Docker Desktop, Colima) or behind `ssh://` or `tcp://` reports process ids of its own
machine. On this machine, other processes may have the same ids.
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

# Where the kernel shows the container's identifier to everybody: its control group (Docker and Podman put it in the
# name, in both versions and with a private cgroup namespace too), and the files that the engine mounts into it.
_PROOFS = ("cgroup", "mountinfo")


def main_process(name: str, proc: Path = PROC) -> int:
    """Return this machine's process id of a container's first program, or 0 if it is absent or not running.

    Args:
        name: Name of the container.
        proc: Where the kernel shows the processes.

    Raises:
        Problem: No engine answers, or the container is on another machine.
    """
    found = containers.find(name)
    if found is None or not found.running:
        return 0
    return _proven(found, containers.main_process(name), proc)


def require(container: ContainerFacts) -> None:
    """Stop if a running container is not on this machine.

    Raises:
        Problem: It is on another machine.
    """
    _proven(container, containers.main_process(container.name), PROC)


def _is_here(identifier: str, process: int, proc: Path) -> bool:
    """Return whether a process of this machine is in the container with the given full identifier."""
    return process > 0 and any(identifier in atomic.text(proc / str(process) / proof) for proof in _PROOFS)


def _proven(container: ContainerFacts, process: int, proc: Path) -> int:
    if process and not _is_here(container.id, process, proc):
        raise Problem(
            f"{container.name}: is not a container of this machine (the engine at {client.socket()} says process "
            f"{process}); cards and GPUs are lent to nodes of this machine only",
            hint="DOCKER=embedded, or unset DOCKER_HOST and choose this machine's docker context",
        )
    return process
