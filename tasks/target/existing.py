"""A Kubernetes cluster that exists already: nothing of its nodes is touched, and each object made there is marked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.engines.kube import access
from tasks.target import nodes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tasks.engines.kube.api import Kube
    from tasks.settings.parameters.model import Parameters
    from tasks.target.devices import Worker


@dataclass(frozen=True)
class ExistingCluster:
    """The existing cluster that the parameters name; the methods are described in `interface`."""

    chosen: Parameters

    @property
    def title(self) -> str:
        """How messages call it."""
        return f"existing cluster {self.chosen.target_context}"

    @property
    def api(self) -> Kube:
        """Its API, with the kubeconfig that `attach` has kept.

        Raises:
            Problem: It is not attached yet.
        """
        return access.cluster(self.chosen.cluster_name)

    @property
    def steps(self) -> tuple[str, ...]:
        """The tasks after which its nodes can run pods."""
        return ("attach",)

    @property
    def workers(self) -> tuple[str, ...]:
        """The nodes that run functions, in the order of the places that patterns name."""
        return nodes.workers(self.api, self.chosen.target_workers, self.chosen.target_places)

    def devices(self, names: Iterable[str]) -> list[Worker]:
        """Return workers with their devices."""
        raise NotImplementedError
