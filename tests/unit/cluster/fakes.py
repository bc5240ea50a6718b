"""Stand-ins for the collaborators of creation and removal, and what these leave behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tasks.cluster import access, provenance
from tasks.engines.kube import kubeconfigs
from tasks.engines.kube.kind import NodesExist
from tasks.settings import cluster
from tests.unit.engine import Engine, node

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tasks.settings.parameters.model import Parameters

API_PORT = 40000


@dataclass
class FakeKind:
    """Does to the engine of unit tests what kind does, and records it.

    Attributes:
        engine: The engine.
        done: What was done, in order.
        late: How many nodes of a killed run are still to appear, one each time a cluster is made.
        comes: Makes such a node appear.
    """

    engine: Engine
    done: list[str] = field(default_factory=list)
    late: int = 0
    comes: Callable[[], None] = lambda: None

    def create(self, name: str, _config: Path, _settings: object) -> None:
        """Make the nodes, unless a late node appears."""
        self.done.append("create")
        if self.late:
            self.late -= 1
            self.comes()
            raise NodesExist(f"cluster {name}: something else makes nodes of it")
        add_nodes(self.engine, name)

    def delete(self, name: str, _settings: object, *, kubeconfig: Path | None = None) -> None:
        """Remove the nodes."""
        self.done.append(f"delete {name}{' in our kubeconfig' if kubeconfig else ''}")
        held = self.engine.containers
        for one in [one for one in held if held[one].labels.get(cluster.CLUSTER_LABEL) == name]:
            del held[one]

    def kubeconfig(self, name: str, _settings: object) -> str:
        """Return a kubeconfig that leads to the control plane."""
        return access_to(name)

    def export_kubeconfig(self, name: str, _settings: object) -> None:
        """Record the request to write the user's kubeconfig."""
        self.done.append(f"export {name}")


@dataclass
class FakeEmbedded:
    """An embedded engine that records what it is asked to do.

    Attributes:
        done: What it was asked to do, in order.
        never: Whether any request is a failure.
    """

    done: list[str] = field(default_factory=list)
    never: bool = False

    def ensure_one(self, docker: str) -> None:
        """Record the request to start."""
        self._keep(f"start {docker}")

    def stop(self) -> None:
        """Record the request to stop."""
        self._keep("stop")

    def _keep(self, deed: str) -> None:
        assert not self.never
        self.done.append(deed)


def never_take(p: Parameters) -> None:
    """Fail, because what the cluster has borrowed must not be taken back."""
    pytest.fail(f"cluster {p.cluster_name} gives back what it has borrowed")


def access_to(name: str, port: int = API_PORT) -> str:
    """Return a kubeconfig of a cluster whose API answers at a port of this machine."""
    entry = f"- cluster:\n    server: https://127.0.0.1:{port}\n  name: kind-{name}\n"
    return f"apiVersion: v1\nclusters:\n{entry}"


def add_nodes(engine: Engine, name: str) -> None:
    """Put the nodes of a whole cluster that this checkout made on the engine."""
    control_plane, *workers = cluster.node_names(name)
    engine.containers[control_plane] = node(name, ports={cluster.API_PORT: API_PORT})
    engine.containers.update({worker: node(name) for worker in workers})


def lay_cluster(engine: Engine, p: Parameters) -> None:
    """Put a whole cluster made from these parameters on the engine, with both kubeconfigs leading to it."""
    name = p.cluster_name
    add_nodes(engine, name)
    provenance.ensure_record(name, provenance.wanted(p))
    for file in (access.kubeconfig(name), *kubeconfigs.files()):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(access_to(name), encoding="utf-8")
