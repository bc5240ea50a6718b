"""The kubeconfigs of the cluster: the tool's own and the user's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.cluster import config
from tasks.engines.files import atomic
from tasks.engines.kube import kind, kubeconfigs
from tasks.settings import parameters, paths

if TYPE_CHECKING:
    from pathlib import Path


def _kubeconfig() -> Path:
    return paths.cluster_dir(config.cluster_name()) / "kubeconfig"


def ensure() -> None:
    """Write the tool's kubeconfig, and the user's, where they lack the cluster; kind itself wrote a new one's."""
    nodes = kind.nodes(config.cluster_name())
    if not tool_has_access(nodes):
        atomic.write(_kubeconfig(), kind.kubeconfig(config.cluster_name(), parameters.current()), mode=0o600)
    if not user_has_access(nodes):
        kind.export_kubeconfig(config.cluster_name(), parameters.current())


def is_current(nodes: list[kind.NodeFacts]) -> bool:
    """Return whether both kubeconfigs lead to the cluster."""
    return tool_has_access(nodes) and user_has_access(nodes)


def tool_has_access(nodes: list[kind.NodeFacts]) -> bool:
    """Return whether the tool's own kubeconfig leads to the cluster."""
    return _server(nodes) in atomic.text(_kubeconfig())


def user_has_access(nodes: list[kind.NodeFacts]) -> bool:
    """Return whether one of the user's kubeconfigs leads to the cluster."""
    wanted = _server(nodes), f"name: kind-{config.cluster_name()}\n"
    return any(all(words in text for words in wanted) for text in map(atomic.text, kubeconfigs.files()))


def _server(nodes: list[kind.NodeFacts]) -> str:
    return f"https://127.0.0.1:{max(node.api_port for node in nodes)}\n"
