"""What the workers of an existing cluster have, as it was read there, kept until a node starts anew."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from tasks.engines.files import atomic
from tasks.engines.kube import manifests
from tasks.engines.kube import state as kube_state
from tasks.problems import Problem
from tasks.settings import gpu_offer, paths
from tasks.target.devices import Gpu, Worker

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object


def file(cluster_name: str) -> Path:
    """Return where it is kept.

    Args:
        cluster_name: CLUSTER_NAME.
    """
    return paths.cluster_dir(cluster_name) / "devices.json"


def mark(node: Object) -> str:
    """Return what identifies a node until it starts anew, or has other GPUs."""
    info = node["status"].get("nodeInfo", {})
    return f"{node['metadata']['uid']} {info.get('bootID', '')} {kube_state.allocatable(node, gpu_offer.RESOURCE)}"


def load(cluster_name: str) -> dict[str, Worker]:
    """Return what was read of each worker, by its mark; nothing if nothing was read yet, or it cannot be understood.

    Args:
        cluster_name: CLUSTER_NAME.
    """
    try:
        content = json.loads(file(cluster_name).read_text(encoding="utf-8"))
        return {
            mark: Worker(each["name"], each["cpu"], each["sockets"], tuple(Gpu(**gpu) for gpu in each["gpus"]))
            for mark, each in content.items()
        }
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return {}


def save(cluster_name: str, found: dict[str, Worker]) -> None:
    """Keep what was read.

    Args:
        cluster_name: CLUSTER_NAME.
        found: The workers, by their mark.
    """
    content = {mark: asdict(worker) for mark, worker in found.items()}
    atomic.write(file(cluster_name), json.dumps(content, indent=2))


def known(cluster: Kube, names: Sequence[str], cluster_name: str) -> list[Worker]:
    """Return workers with what was read of them.

    Args:
        cluster: The API.
        names: Names of the workers.
        cluster_name: CLUSTER_NAME.

    Raises:
        Problem: One of them was not read yet.
    """
    found = load(cluster_name)
    nodes = nodes_of(cluster, names)
    missing = ", ".join(map(manifests.name_of, unread(nodes, cluster_name)))
    if missing:
        raise Problem(f"{missing}: not read yet what they have", hint="./doit create_cluster")
    return [found[mark(node)] for node in nodes]


def unread(nodes: Sequence[Object], cluster_name: str) -> list[Object]:
    """Return the nodes of which nothing was read since they started.

    Args:
        nodes: Nodes.
        cluster_name: CLUSTER_NAME.
    """
    found = load(cluster_name)
    return [node for node in nodes if mark(node) not in found]


def nodes_of(cluster: Kube, names: Sequence[str]) -> list[Object]:
    """Return nodes by their names.

    Args:
        cluster: The API.
        names: Names of the workers.

    Raises:
        Problem: There is no node of one of these names.
    """
    by_name = {manifests.name_of(node): node for node in cluster.list(manifests.NODE)}
    missing = [name for name in names if name not in by_name]
    if missing:
        raise Problem(f"TARGET_WORKERS: {', '.join(missing)}: no such node", hint="./doit doctor --for attach")
    return [by_name[name] for name in names]
