"""What the nodes of an existing cluster offer to pods: functions of cards, GPUs, and a second network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.engines.kube import manifests
from tasks.settings import checks, nics
from tasks.target import kept

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tasks.engines.kube.api import Kube
    from tasks.settings.parameters.model import Parameters

    Look = Callable[[Kube, Sequence[str], Parameters], list[str]]

_NETWORKS = "network-attachment-definitions.k8s.cni.cncf.io"
_GIVEN = "given"


def missing(need: str, cluster: Kube, workers: Sequence[str], chosen: Parameters) -> list[str]:
    """Return what a cluster lacks for a need of patterns, one phrase each.

    Args:
        need: One of settings.checks.
        cluster: The API.
        workers: Names of the workers.
        chosen: The parameters of the run.
    """
    look = _LOOKS.get(need)
    return look(cluster, workers, chosen) if look else []


def _functions(cluster: Kube, workers: Sequence[str], chosen: Parameters) -> list[str]:
    if chosen.sriov != _GIVEN:
        return [f"SRIOV={chosen.sriov}: SRIOV=given, if its nodes offer {nics.RESOURCE}"]
    lacking = [
        f"{name} offers no {nics.RESOURCE}" for name, count in _offers(cluster, workers, nics.RESOURCE) if not count
    ]
    definitions = map(manifests.name_of, cluster.list(manifests.CUSTOM_RESOURCE_DEFINITION))
    return [*lacking, *([] if _NETWORKS in definitions else ["Multus is not there: it has no definition " + _NETWORKS])]


def _gpus(cluster: Kube, workers: Sequence[str], _: Parameters) -> list[str]:
    if any(count for _, count in _offers(cluster, workers, kept.GPU_RESOURCE)):
        return []
    return [f"no worker offers {kept.GPU_RESOURCE}: the GPU operator or NVIDIA's device plugin does"]


def _offers(cluster: Kube, workers: Sequence[str], resource: str) -> list[tuple[str, int]]:
    nodes = {manifests.name_of(node): node for node in cluster.list(manifests.NODE)}
    statuses = {name: nodes.get(name, {}).get("status", {}) for name in workers}
    return [(name, int((status.get("allocatable") or {}).get(resource, "0"))) for name, status in statuses.items()]


_LOOKS: Mapping[str, Look] = {checks.NICS: _functions, checks.GPU: _gpus}
