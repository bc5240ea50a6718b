"""The server that doctor examines: the facts of a machine, and what this tool runs on it."""

from __future__ import annotations

import threading
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.engines.docker import client, containers
from tasks.engines.go import tags
from tasks.engines.host import namespaces
from tasks.engines.host.facts import Host
from tasks.problems import Problem
from tasks.settings import nics, registry

if TYPE_CHECKING:
    from docker import DockerClient

    from tasks.settings.nics import Row

# Shorter than the time that a look has in all.
_ANSWER_SECONDS = 1.8


class Server(Host):
    """A machine with a Docker engine.

    Attributes:
        workers: The workers whose cards are looked at.
    """

    workers: tuple[Row, ...] = nics.WORKERS

    def __init__(self, root: Path = Path("/"), workers: tuple[Row, ...] = nics.WORKERS) -> None:
        """Read below `root`, which stands for `/`."""
        super().__init__(root)
        self.workers = workers
        self._asking = threading.Lock()
        self._engine: DockerClient | Problem | None = None

    @property
    def engine(self) -> DockerClient:
        """The engine that a run would use; it is looked up once, however many looks need it.

        Raises:
            Problem: No engine answers, or it must not be used.
        """
        with self._asking:
            if self._engine is None:
                try:
                    self._engine = client.client()
                except Problem as problem:
                    self._engine = problem
        if isinstance(self._engine, Problem):
            raise self._engine
        return self._engine

    @cached_property
    def docker_host(self) -> str:
        """The address of the machine's own engine, as the docker command finds it.

        Raises:
            Problem: The docker command's settings are damaged, or name a context that is not there.
        """
        return client.host_url()

    def require_engine(self) -> None:
        """Stop if there is no usable engine.

        Raises:
            Problem: No engine answers, or it must not be used.
        """
        _ = self.engine

    def tags(self, repository: str) -> list[str]:
        """Return the tags of a git repository.

        Args:
            repository: Its address.

        Raises:
            Problem: There is no git, or the repository does not answer in time.
        """
        return list(tags.read(repository, timeout=_ANSWER_SECONDS))

    @cached_property
    def grants_nic_root(self) -> bool:
        """Whether the part that lends network cards may run as root without a question, perhaps alone."""
        return namespaces.is_granted()

    @property
    def offers_own_registry(self) -> bool:
        """Whether this tool's own registry is running."""
        try:
            self.require_engine()
            found = containers.find(registry.SERVICES[0].name)
        except Problem:
            return False
        return found is not None and found.running
