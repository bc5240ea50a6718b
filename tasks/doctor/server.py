"""The server that doctor looks at: the facts of a machine, and what of this tool runs on it."""

from __future__ import annotations

from tasks.engines.docker import containers
from tasks.engines.host.facts import Host
from tasks.problems import Problem
from tasks.settings import registry


class Server(Host):
    """A machine with a Docker engine."""

    @property
    def offers_own_registry(self) -> bool:
        """Whether the registry of this tool runs."""
        try:
            found = containers.find(registry.SERVICES[0].name)
        except Problem:
            return False
        return found is not None and found.running
