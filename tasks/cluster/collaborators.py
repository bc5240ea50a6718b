"""The interfaces of what creates and removes a cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.engines.kube.kind import KindSettings
    from tasks.settings.parameters.model import Parameters

# Takes back what a cluster has borrowed, and raises if something could not be given back as it was.
Lender = Callable[["Parameters"], None]


class Tool(Protocol):
    """A tool that creates and removes clusters. Runs use `tasks.engines.kube.kind`."""

    def create(self, name: str, config: Path, settings: KindSettings, /) -> None:
        """Create a cluster and add its entry to the user's own kubeconfig."""

    def delete(self, name: str, settings: KindSettings, /, *, kubeconfig: Path | None = None) -> None:
        """Remove a cluster's nodes and its entries in kubeconfigs."""

    def kubeconfig(self, name: str, settings: KindSettings, /) -> str:
        """Return the kubeconfig of a cluster, for use on the host."""

    def export_kubeconfig(self, name: str, settings: KindSettings, /) -> None:
        """Add a cluster's entry to the user's own kubeconfig."""


class EmbeddedEngine(Protocol):
    """The engine that this tool may run itself. Runs use `tasks.docker_engine.service`."""

    def ensure_one(self, docker: str, /) -> None:
        """Ensure that one of the engines that DOCKER allows answers."""

    def stop(self) -> None:
        """Stop the embedded engine, if it runs."""
