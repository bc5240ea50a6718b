"""This machine, as far as lending the GPU needs it: one value that is passed down; tests pass another."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.engines.docker import containers, local_containers
from tasks.engines.files import ledgers
from tasks.engines.host.kernel_modules import KernelModules
from tasks.engines.host.processes import Processes
from tasks.engines.programs import root
from tasks.settings import gpu

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.engines.docker.containers import ContainerFacts
    from tasks.engines.host.facts import Host
    from tasks.engines.programs.shell import Completed


class Machine:
    """The host and the engine with its nodes.

    Attributes:
        root: The root folder of its files.
        patience: Seconds for what should take none: a process that was asked to end, a device file that was asked for.
    """

    root = Path("/")
    patience = gpu.END_DEADLINE

    @property
    def modules(self) -> KernelModules:
        """The modules of its kernel."""
        return KernelModules(self.root / "sys", self.run)

    @property
    def processes(self) -> Processes:
        """Its processes."""
        return Processes(self.root / "proc", self.run)

    def run(self, *argv: str | Path, check: bool = True) -> Completed:
        """Run a program of the host as root.

        Raises:
            Problem: sudo was refused; or the program failed, and `check` is true.
        """
        return root.run(*argv, check=check)

    def container(self, name: str) -> ContainerFacts | None:
        """Return a container, or None if there is none.

        Raises:
            Problem: No engine answers.
        """
        return containers.find(name)

    def require_here(self, container: ContainerFacts) -> None:
        """Stop if a running container is on another machine.

        Raises:
            Problem: It is.
        """
        local_containers.require(container)

    def run_in(self, container: str, argv: Sequence[str], *, check: bool = True) -> str:
        """Run a program in a container; return what it prints.

        Raises:
            Problem: It failed, and `check` is true.
        """
        return containers.exec_in(container, argv, check=check)

    def holds(self, container: str, path: str, content: bytes) -> bool:
        """Return whether a container has a file as `keep` wrote it."""
        return containers.holds(container, path, content)

    def keep(self, container: str, path: str, content: bytes) -> None:
        """Write a file in a container."""
        containers.copy_into(container, path, content)

    def facts(self) -> Host:
        """Return the facts of the host."""
        from tasks.engines.host import facts

        return facts.Host(self.root)

    def has_program(self, name: str) -> bool:
        """Return whether the host has a program."""
        return shutil.which(name) is not None

    def boot(self) -> str:
        """Return the kernel's identifier of this boot."""
        return ledgers.boot()
