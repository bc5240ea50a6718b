"""What a cluster is made and taken away with."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.engines.kube.kind import KindSettings
    from tasks.settings.parameters.model import Parameters

# Takes back what a cluster has borrowed, and raises where something could not be given back as it was.
Lender = Callable[["Parameters"], None]


class Tool(Protocol):
    """What makes and removes clusters. `tasks.engines.kube.kind` is the one of a run."""

    def create(self, name: str, config: Path, settings: KindSettings, /) -> None:
        """Make a cluster, and write its access to the user's own kubeconfig."""

    def delete(self, name: str, settings: KindSettings, /, *, kubeconfig: Path | None = None) -> None:
        """Remove a cluster's nodes, and its entries in kubeconfigs."""

    def kubeconfig(self, name: str, settings: KindSettings, /) -> str:
        """Return the kubeconfig of a cluster, as the host uses it."""

    def export_kubeconfig(self, name: str, settings: KindSettings, /) -> None:
        """Write a cluster's access to the user's own kubeconfig."""


class EmbeddedEngine(Protocol):
    """The engine that this tool may run itself. `tasks.docker_engine.service` is the one of a run."""

    def ensure_one(self, docker: str, /) -> None:
        """Have an engine that answers, of those that DOCKER allows."""

    def stop(self) -> None:
        """Stop the embedded engine, if it runs."""
