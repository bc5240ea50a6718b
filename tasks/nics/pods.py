"""Pods and their virtual functions: names of pods, what they hold, and what the scheduler can still assign."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tasks import progress
from tasks.engines.kube import manifests
from tasks.engines.kube import state as kube_state
from tasks.engines.programs import waiting
from tasks.problems import Problem
from tasks.settings import nics as settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tasks.engines.host.namespaces import Link
    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object

_PLUGIN = "sriov-device-plugin"
# Where Multus writes what a pod got (the Network Plumbing Working Group's specification).
_NETWORK_STATUS = "k8s.v1.cni.cncf.io/network-status"
_ENDED = ("Succeeded", "Failed")


def names(cluster: str) -> dict[str, str]:
    """Return `namespace/name` of each pod by its UID; nothing if the cluster does not answer.

    Args:
        cluster: Name of the cluster.
    """
    from tasks.engines.kube import access as kube_api

    try:
        pods = kube_api.cluster(cluster).list(manifests.POD)
    except Problem:
        return {}
    return {pod["metadata"]["uid"]: _name(pod) for pod in pods}


def holder(link: Link, cluster: str) -> str:
    """Return `namespace/name` of the pod that has a virtual function and has not ended, or an empty string.

    Args:
        link: The function's interface.
        cluster: Name of the cluster.

    Raises:
        Problem: The cluster does not answer.
    """
    from tasks.engines.kube import access as kube_api

    return holder_among(kube_api.cluster(cluster).list(manifests.POD), link)


def holder_among(pods: Sequence[Object], link: Link) -> str:
    """Return the same from a list of pods.

    Args:
        pods: The pods.
        link: The function's interface.
    """
    return next((_name(pod) for pod in pods if pod["status"].get("phase") not in _ENDED and _has(pod, link)), "")


def _has(pod: Object, link: Link) -> bool:
    status = json.loads(pod["metadata"].get("annotations", {}).get(_NETWORK_STATUS, "[]"))
    devices = {network.get("device-info", {}).get("pci", {}).get("pci-address") for network in status}
    return link.bdf in devices or link.mac in {network.get("mac", "").lower() for network in status}


def _name(pod: Object) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def await_allocatable(
    wanted: Mapping[str, int], api: Kube, *, looks_again: bool = False, deadline: float = settings.ALLOCATABLE_DEADLINE
) -> None:
    """Wait until the nodes offer their virtual functions to pods; return at once if no device plugin runs.

    The real plugin looks for functions only once, when it starts. If they were not there yet, its pod is replaced.

    Args:
        wanted: How many each node has, by its name.
        api: The cluster's API.
        looks_again: Whether the plugin goes on looking for functions, as that for emulated cards does.
        deadline: Seconds to wait.

    Raises:
        Problem: The device plugin does not see them within the deadline.
    """
    plugin = next((item for item in api.list(manifests.DAEMON_SET) if _PLUGIN in item["metadata"]["name"]), None)
    if plugin is None:
        return
    lacking = {node: count for node, count in wanted.items() if _allocatable(api, node) < count}
    for node in () if looks_again else lacking:
        _start_again(api, plugin, node)
    for node, count in lacking.items():
        waiting.Condition(
            f"node {node}: {count} allocatable {settings.RESOURCE}",
            lambda node=node: _allocatable(api, node),  # type: ignore[misc]
            lambda found, count=count: found >= count,  # type: ignore[misc]
            describe=str,
        ).wait(
            deadline,
            hint=f"./doit kubectl -n {plugin['metadata']['namespace']} logs daemonset/{plugin['metadata']['name']}",
        )


def _start_again(api: Kube, plugin: Object, node: str) -> None:
    """Restart a node's device plugin to make it look for functions again; one that has not started yet will anyway."""
    for pod in api.list(manifests.POD, plugin["metadata"]["namespace"], manifests.selector_of(plugin)):
        if pod["spec"].get("nodeName") == node and pod["status"].get("phase") == "Running":
            progress.line(f"{node}: starting its SR-IOV device plugin again, which knows too few virtual functions")
            api.delete(manifests.POD, pod["metadata"]["name"], pod["metadata"]["namespace"])


def _allocatable(api: Kube, node: str) -> int:
    return kube_state.allocatable(api.get(manifests.NODE, node) or {}, settings.RESOURCE)
