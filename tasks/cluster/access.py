"""The kubeconfigs of the cluster: the tool's own and the user's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.engines.files import atomic
from tasks.engines.kube import kubeconfigs
from tasks.settings import paths

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.cluster.collaborators import Tool
    from tasks.engines.kube.kind import NodeFacts
    from tasks.settings.parameters.model import Parameters


def kubeconfig(name: str) -> Path:
    """Return the path of the tool's own kubeconfig for a cluster."""
    return paths.kubeconfig(name)


def ensure_access(p: Parameters, nodes: list[NodeFacts], tool: Tool) -> None:
    """Write the tool's and the user's kubeconfig if they lack a cluster; kind itself adds a new one to the user's.

    Args:
        p: The parameters of the run.
        nodes: The cluster's nodes.
        tool: Knows how the cluster is reached.
    """
    name = p.cluster_name
    if not tool_has_access(name, nodes):
        atomic.write(kubeconfig(name), tool.kubeconfig(name, p), mode=0o600)
    if not user_has_access(name, nodes):
        tool.export_kubeconfig(name, p)


def has_access(name: str, nodes: list[NodeFacts]) -> bool:
    """Return whether both kubeconfigs lead to a cluster with these nodes."""
    return tool_has_access(name, nodes) and user_has_access(name, nodes)


def tool_has_access(name: str, nodes: list[NodeFacts]) -> bool:
    """Return whether the tool's own kubeconfig leads to a cluster with these nodes."""
    return _server(nodes) in atomic.text(kubeconfig(name))


def user_has_access(name: str, nodes: list[NodeFacts]) -> bool:
    """Return whether one of the user's kubeconfigs leads to a cluster with these nodes."""
    wanted = _server(nodes), f"name: kind-{name}\n"
    return any(all(words in text for words in wanted) for text in map(atomic.text, kubeconfigs.files()))


def _server(nodes: list[NodeFacts]) -> str:
    return f"https://127.0.0.1:{max(node.api_port for node in nodes)}\n"
