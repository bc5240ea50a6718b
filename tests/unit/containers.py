"""An engine's list of containers, filtered as the engine does, for tests of who owns a cluster."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from tasks.settings import cluster, paths

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass
class Containers:
    """The containers of an engine; a test adds to them.

    Attributes:
        listed: The containers, as the engine lists them.
        done: What was done to the engine.
    """

    listed: list[dict[str, Any]] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    def add(self, name: str, label: str = "", mounts: Mapping[str, str] | None = None, state: str = "running") -> None:
        """Add a container, by default without a cluster and without mounts (source by destination)."""
        bound = [{"Type": "bind", "Source": source, "Destination": place} for place, source in (mounts or {}).items()]
        self.listed.append(
            {
                "Names": [f"/{name}"],
                "State": state,
                "ImageID": "sha256:0",
                "Ports": [],
                "Mounts": [*bound, {"Type": "volume", "Source": "", "Destination": "/var"}],
                "Labels": {cluster.CLUSTER_LABEL: label} if label else {},
            }
        )

    def remove(self, cluster_name: str, _settings: object = None, *, kubeconfig: Path | None = None) -> None:
        """Remove a cluster's nodes, as kind does, and its entry in a kubeconfig."""
        self.done.append(f"delete {cluster_name}{' in our kubeconfig' if kubeconfig else ''}")
        self.listed = [one for one in self.listed if one["Labels"].get(cluster.CLUSTER_LABEL) != cluster_name]

    def client(self) -> Any:
        """Return a client of the engine."""
        return SimpleNamespace(api=SimpleNamespace(containers=self._containers))

    def _containers(self, *, all: bool, filters: Mapping[str, Any]) -> list[dict[str, Any]]:  # noqa: A002 - its name
        assert all, "a stopped container is somebody's too"
        key, _, value = filters.get("label", "").partition("=")
        found = [one for one in self.listed if not key or (key in one["Labels"] and value in {"", one["Labels"][key]})]
        names = filters.get("name")
        return [one for one in found if not names or any(re.search(name, one["Names"][0]) for name in names)]


def ours() -> dict[str, str]:
    """Return the mounts of a node that this checkout creates."""
    return {cluster.CONTROLLER: str(paths.CONTROLLER), cluster.WORK: str(paths.WORK)}
