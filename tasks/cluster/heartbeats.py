"""Whether the cluster's information about its nodes is newer than their last start.

A stopped node and its pods are still reported as Ready until the node's kubelet reports again or is found missing. The
controllers that count the pods of a workload stop with the control plane, and resume when their 15 s lease has expired.
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
    """Return the nodes that are absent, not Ready, or whose last report is older than their start.

    Args:
        started: When each node was last started, in RFC 3339; empty if it never was.
        nodes: The nodes as the API lists them.
        pods: The pods as the API lists them.
    """
    ready = {manifests.name_of(node) for node in nodes if _is_ready_since(node, started)}
    outdated = {pod["spec"].get("nodeName") for pod in pods if _is_outdated(pod, started)}
    return [name for name in started if name not in ready or name in outdated]


def miscounted(workloads: Iterable[Object], pods: Iterable[Object]) -> list[str]:
    """Return the labels of the workloads that report more available pods than are Ready.

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


def _is_ready_since(node: Object, started: Mapping[str, str]) -> bool:
    conditions: list[dict[str, Any]] = node.get("status", {}).get("conditions") or []
    heard = max((each.get("lastHeartbeatTime") or "" for each in conditions), default="")
    return kube_state.has_condition(node, "Ready") and _is_later(heard, started.get(manifests.name_of(node), ""))


def _is_outdated(pod: Object, started: Mapping[str, str]) -> bool:
    """Return whether a container of the pod is reported as running although the stop of its node ended it."""
    since = started.get(pod["spec"].get("nodeName", ""), "")
    states = [each.get("state", {}).get("running") for each in pod.get("status", {}).get("containerStatuses", [])]
    return any(state and not _is_later(state["startedAt"], since) for state in states)


def _is_later(moment: str, other: str) -> bool:
    """Return whether a time is later, to the second as Kubernetes gives it; a node takes longer to start."""
    return moment[:_UP_TO_SECONDS] > other[:_UP_TO_SECONDS]
