"""Whether what the cluster says of its nodes is from after their last start.

A node that was stopped goes on being called Ready, and so do its pods, until its kubelet speaks again or is missed. Who
counts the pods of a workload stops with the control plane, and begins again when its lease of 15 s has run out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.engines.kube import manifests
from tasks.engines.kube import state as kube_state

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tasks.engines.kube.manifests import Object

_UP_TO_SECONDS = len("2024-11-22T19:06:51")


def not_ready(started: Mapping[str, str], nodes: Iterable[Object], pods: Iterable[Object]) -> list[str]:
    """Return the nodes that are not there, not Ready, or of which the news is older than their start.

    Args:
        started: When each node was last started, in RFC 3339; empty for one that never was.
        nodes: The nodes as the API lists them.
        pods: The pods as the API lists them.
    """
    ready = {manifests.name_of(node) for node in nodes if _ready_since(node, started)}
    outdated = {pod["spec"].get("nodeName") for pod in pods if _outdated(pod, started)}
    return [name for name in started if name not in ready or name in outdated]


def miscounted(workloads: Iterable[Object], pods: Iterable[Object]) -> list[str]:
    """Return the labels of the workloads that are said to have more pods available than are Ready.

    Args:
        workloads: Deployments and DaemonSets as the API lists them.
        pods: The pods as the API lists them.
    """
    ready = [pod for pod in pods if kube_state.is_pod_ready(pod)]
    return [
        manifests.label_of(item)
        for item in workloads
        if kube_state.available(item) > sum(_owns(item, pod) for pod in ready)
    ]


def _owns(workload: Object, pod: Object) -> bool:
    selected = workload["spec"]["selector"].get("matchLabels", {}).items()
    same_namespace = manifests.namespace_of(workload) == manifests.namespace_of(pod)
    return same_namespace and selected <= pod["metadata"].get("labels", {}).items()


def _ready_since(node: Object, started: Mapping[str, str]) -> bool:
    conditions: list[dict[str, Any]] = node.get("status", {}).get("conditions") or []
    heard = max((each.get("lastHeartbeatTime") or "" for each in conditions), default="")
    return kube_state.has_condition(node, "Ready") and _later(heard, started.get(manifests.name_of(node), ""))


def _outdated(pod: Object, started: Mapping[str, str]) -> bool:
    """Return whether a container is said to run that the stop of its node has ended."""
    since = started.get(pod["spec"].get("nodeName", ""), "")
    states = [each.get("state", {}).get("running") for each in pod.get("status", {}).get("containerStatuses", [])]
    return any(state and not _later(state["startedAt"], since) for state in states)


def _later(moment: str, other: str) -> bool:
    """Compare to the second, which is all that Kubernetes tells; a node takes longer than that to start."""
    return moment[:_UP_TO_SECONDS] > other[:_UP_TO_SECONDS]
