"""A target for tests of what stands upon one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tasks.target import kind_cluster

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tasks.engines.kube.api import Kube
    from tasks.target.devices import Gpu, Worker


@dataclass(frozen=True)
class Given:
    """A cluster with workers of these names, which have this machine's CPU and these GPUs."""

    api: Kube
    workers: tuple[str, ...]
    gpus: Mapping[str, tuple[Gpu, ...]] = field(default_factory=dict)
    title: str = "cluster of a test"
    steps: tuple[str, ...] = ()

    def devices(self, names: Iterable[str]) -> list[Worker]:
        """Return the workers with their devices."""
        return kind_cluster.shared_by(names, self.gpus)
