"""Whether an existing cluster offers its GPUs, and what of a pattern's functions on GPUs differs there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.engines.kube import manifests
from tasks.engines.kube import state as kube_state
from tasks.engines.kube.manifests import Kind
from tasks.patterns import gpu_pods
from tasks.settings import gpu_offer as offer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object
    from tasks.patterns.gpu_pods import GpuPod
    from tasks.patterns.model import Pattern

_POLICY = Kind(*offer.POLICY)
_RUNTIME_CLASS = Kind(*offer.RUNTIME_CLASS[:2])


def missing(cluster: Kube, workers: Sequence[str]) -> list[str]:
    """Return why the workers offer no GPU, one phrase each.

    Args:
        cluster: The API.
        workers: Names of the workers.

    Raises:
        Problem: It does not answer.
    """
    policies = [each for each in cluster.list_if_served(_POLICY) if _state(each) not in offer.IGNORED]
    unready = [each for each in policies if _state(each) != offer.READY]
    if unready:
        return [f"ClusterPolicy {manifests.name_of(each)}: {_why(each)}" for each in unready]
    if _with_gpu(cluster, workers):
        return []
    names = ", ".join(workers)
    if policies:
        ready = f"ClusterPolicy {manifests.name_of(policies[0])} is ready"
        return [f"{ready}, but none of {names} offers {offer.RESOURCE}: TARGET_WORKERS with a node that has a GPU"]
    by = "neither the GPU operator nor NVIDIA's device plugin"
    return [f"{by} offers {offer.RESOURCE} on {names}: its administrator installs one of them, with the driver"]


def against(pattern: Pattern, cluster: Kube, workers: Sequence[str]) -> list[str]:
    """Return which functions of a pattern would get no GPU, one phrase for all of them.

    Args:
        pattern: The pattern.
        cluster: The API.
        workers: Names of the workers.
    """
    shut_out = [pod for pod in gpu_pods.of(pattern) if pod.mps or not pod.is_counted]
    nodes = _with_gpu(cluster, workers) if shut_out else []
    exclusive = [manifests.name_of(node) for node in nodes if _sharing(node) == offer.SHARED_BY_MPS]
    if not exclusive or len(exclusive) < len(nodes):
        return []
    return [offer.SHUT_OUT.format(keys=_keys(shut_out), nodes=", ".join(exclusive), label=offer.SHARING)]


def notices(pattern: Pattern, cluster: Kube) -> Iterator[str]:
    """Yield what of a pattern's functions differs from a node with an MPS daemon of its own, one line each.

    Args:
        pattern: The pattern.
        cluster: The API.
    """
    pods = gpu_pods.of(pattern)
    by_folder: dict[str, list[GpuPod]] = {}
    for pod in pods:
        by_folder.setdefault(pod.mps, []).append(pod)
    for folder, members in by_folder.items():
        if folder:
            yield offer.WITHOUT_MPS.format(keys=_keys(members), folder=folder)
    if uncounted := [pod for pod in pods if not pod.is_counted]:
        yield offer.UNCOUNTED.format(keys=_keys(uncounted))
        if cluster.list_if_served(_POLICY) and cluster.get(_RUNTIME_CLASS, offer.RUNTIME_CLASS[2]) is None:
            yield offer.NO_RUNTIME


def _keys(pods: Sequence[GpuPod]) -> str:
    return ", ".join(pod.key for pod in pods)


def _state(policy: Object) -> str:
    return str(policy.get("status", {}).get("state", ""))


def _why(policy: Object) -> str:
    """Return the state of a ClusterPolicy with what its conditions say against it."""
    said = [
        each.get("message") or each.get("reason", "")
        for each in policy.get("status", {}).get("conditions", ())
        if (each["type"] == "Ready") != (each["status"] == "True")
    ]
    return ": ".join(dict.fromkeys([_state(policy) or "has no state yet", *filter(None, said)]))


def _with_gpu(cluster: Kube, workers: Sequence[str]) -> list[Object]:
    nodes = (node for node in cluster.list(manifests.NODE) if manifests.name_of(node) in workers)
    return [node for node in nodes if kube_state.allocatable(node, offer.RESOURCE)]


def _sharing(node: Object) -> str:
    return str((node["metadata"].get("labels") or {}).get(offer.SHARING, ""))
