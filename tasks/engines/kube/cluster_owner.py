"""Who owns a cluster: this checkout's has its folders mounted; any other cluster is named and left alone."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.engines.docker import client
from tasks.engines.kube import kind
from tasks.problems import Problem
from tasks.settings import cluster, paths

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tasks.engines.kube.kind import NodeFacts

# The folder of a checkout that its nodes see as the controller's source.
_CONTROLLER = "/build/controller"


def mounts() -> dict[Path, str]:
    """Return the folders of this checkout that are mounted into all its nodes, with their path in the nodes."""
    return {paths.CONTROLLER: cluster.CONTROLLER, paths.WORK: cluster.WORK}


def is_made_here(seen: Mapping[str, str]) -> bool:
    """Return whether this checkout created a container.

    Args:
        seen: The host's folders that are mounted into it, by their path in the container.
    """
    return all(place in seen and _is_same(seen[place], folder) for folder, place in mounts().items())


def objection(name: str, nodes: list[NodeFacts] | None = None) -> Problem | None:
    """Return why a cluster must be left alone and what to do instead, or None if it is this checkout's or absent.

    Only the mounts count: labels and names prove nothing, since kind gives them to every cluster.

    Args:
        name: Name of the cluster.
        nodes: Its nodes, where they are at hand.

    Raises:
        Problem: No engine answers.
    """
    listed = kind.nodes(name) if nodes is None else nodes
    strangers = [node for node in listed if not is_made_here(node.mounts)]
    if not set(cluster.node_names(name)) <= {node.name for node in listed}:
        strangers += kind.squatters(name)
    return _objection(name, strangers) if strangers else None


def require_ours(name: str, nodes: list[NodeFacts] | None = None) -> None:
    """Stop if a cluster exists that is not this checkout's.

    Args:
        name: Name of the cluster.
        nodes: Its nodes, where they are at hand.

    Raises:
        Problem: It is somebody else's, or no engine answers.
    """
    found = objection(name, nodes)
    if found is not None:
        raise found


def is_ours(name: str) -> bool:
    """Return whether a cluster is this checkout's or absent.

    Args:
        name: Name of the cluster.

    Raises:
        Problem: No engine answers.
    """
    return objection(name) is None


def require_not_lent_there(name: str) -> None:
    """Stop if a cluster is another checkout's, to which the ledgers of its name then belong.

    The ledgers never belong to a cluster that this tool did not create. Without an engine, there is no cluster.

    Args:
        name: Name of the cluster.

    Raises:
        Problem: It is another checkout's.
    """
    try:
        client.client()
    except Problem:
        return
    nodes = kind.nodes(name)
    if any(cluster.CONTROLLER in node.mounts for node in nodes):
        require_ours(name, nodes)


def others(name: str) -> list[str]:
    """Describe the other clusters of this tool on the engine, and the checkouts that they belong to.

    Args:
        name: Name of the cluster to leave out.
    """
    found = {other: source for other, source in kind.clusters().items() if other != name}
    return [f"cluster {other} of {_checkout_in_words(source)}" for other, source in sorted(found.items())]


def siblings() -> set[str]:
    """Return the names of this checkout's clusters on the engine in use."""
    return {name for name, source in kind.clusters().items() if _is_same(source, paths.CONTROLLER)}


def _objection(name: str, strangers: list[NodeFacts]) -> Problem:
    source = next((node.mounts[cluster.CONTROLLER] for node in strangers if cluster.CONTROLLER in node.mounts), "")
    names = ", ".join(node.name for node in strangers)
    another = f"CLUSTER_NAME={name}-2 with the same command"
    if not source:
        return Problem(
            f"cluster {name}: {names} not made by this tool, and left alone",
            hint=f"{another}; or delete it yourself: {_deletion(name, strangers)}",
        )
    checkout = _checkout(source)
    own = f"CLUSTER_NAME={name} {shlex.quote(str(checkout / 'doit'))} delete_cluster"
    deletion = own if (checkout / "doit").exists() else _deletion(name, strangers)
    return Problem(
        f"cluster {name} was made by the checkout {checkout}, and is left alone",
        hint=f"{another}; or there: {deletion}",
    )


def _deletion(name: str, strangers: list[NodeFacts]) -> str:
    """Return the command with which the owner can delete the cluster."""
    engine = "" if client.socket() == client.host_url() else f"DOCKER_HOST={client.socket()} "
    if all(node.cluster == name and not node.mounts.get(cluster.CONTROLLER) for node in strangers):
        return f"{engine}kind delete cluster --name {name}"
    return f"{engine}docker rm --force --volumes {' '.join(node.name for node in strangers)}"


def _is_same(source: str, folder: Path) -> bool:
    """Return whether the engine's path of a folder leads to it, with all links resolved."""
    return Path(source).resolve() == folder.resolve()


def _checkout(source: str) -> Path:
    return Path(source.removesuffix(_CONTROLLER) or "/")


def _checkout_in_words(source: str) -> str:
    return "this checkout" if _is_same(source, paths.CONTROLLER) else f"the checkout {_checkout(source)}"
