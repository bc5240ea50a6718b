"""This machine as far as lending the GPU needs it: one value that is handed down; a test hands in another."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tasks.engines.docker import containers, local_containers
from tasks.engines.files import ledgers
from tasks.settings import gpu

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.engines.docker.containers import ContainerFacts
    from tasks.engines.host.facts import Host


class Machine:
    """The host and the engine with its nodes.

    Attributes:
        patience: Seconds in which a process that was asked to end has to do so, before it is killed.
    """

    patience = gpu.END_DEADLINE

    def container(self, name: str) -> ContainerFacts | None:
        """Return a container, or None where there is none.

        Raises:
            Problem: No engine answers.
        """
        return containers.find(name)

    def require_here(self, container: ContainerFacts) -> None:
        """Refuse a running container that is not on this machine.

        Raises:
            Problem: It is on another one.
        """
        local_containers.require(container)

    def run_in(self, container: str, argv: Sequence[str], *, check: bool = True) -> str:
        """Run a program in a container; return what it prints.

        Raises:
            Problem: It failed, and `check` is true.
        """
        return containers.exec_in(container, argv, check=check)

    def facts(self) -> Host:
        """Return the facts of the host."""
        from tasks.engines.host import facts

        return facts.Host()

    def has_program(self, name: str) -> bool:
        """Return whether the host has a program."""
        return shutil.which(name) is not None

    def boot(self) -> str:
        """Return the kernel's identifier of this boot."""
        return ledgers.boot()
