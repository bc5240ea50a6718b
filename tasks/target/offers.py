"""What the nodes of an existing cluster offer to pods: functions of cards, GPUs, and a second network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.engines.kube import manifests
from tasks.settings import checks
from tasks.target import gpu_operator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tasks.engines.kube.api import Kube
    from tasks.settings.parameters.model import Parameters

_NETWORKS = "network-attachment-definitions.k8s.cni.cncf.io"
_GIVEN = "given"


@dataclass(frozen=True)
class Missing:
    """What a cluster lacks.

    Attributes:
        phrase: What it is, and what to do.
        addon: Name of the add-on that brings it; empty if none does.
    """

    phrase: str
    addon: str = ""


def missing(need: str, cluster: Kube, workers: Sequence[str], chosen: Parameters) -> list[Missing]:
    """Return what a cluster lacks for a need of patterns.

    Args:
        need: One of settings.checks.
        cluster: The API.
        workers: Names of the workers.
        chosen: The parameters of the run.
    """
    look = _LOOKS.get(need)
    return [*look(cluster, workers, chosen)] if look else []


def functions_each(cluster: Kube, workers: Sequence[str], chosen: Parameters) -> int:
    """Return how many virtual functions each worker offers that offers any; SRIOV_NUM_VFS if none does yet.

    Args:
        cluster: The API.
        workers: Names of the workers.
        chosen: The parameters of the run.
    """
    counts = (count for _, count in _offers(cluster, workers, chosen.sriov_resource) if count)
    return min(counts, default=chosen.sriov_num_vfs)


def _functions(cluster: Kube, workers: Sequence[str], chosen: Parameters) -> Iterator[Missing]:
    resource = chosen.sriov_resource
    if chosen.sriov != _GIVEN:
        yield Missing(f"SRIOV={chosen.sriov}: SRIOV=given, if its nodes offer {resource}")
        return
    for name, count in _offers(cluster, workers, resource):
        if not count:
            yield Missing(f"{name} offers no {resource}", "sriov-device-plugin")
    if _NETWORKS not in map(manifests.name_of, cluster.list(manifests.CUSTOM_RESOURCE_DEFINITION)):
        yield Missing(f"Multus is not there: it has no definition {_NETWORKS}", "multus")


def _gpus(cluster: Kube, workers: Sequence[str], _: Parameters) -> Iterator[Missing]:
    yield from map(Missing, gpu_operator.missing(cluster, workers))


def _offers(cluster: Kube, workers: Sequence[str], resource: str) -> list[tuple[str, int]]:
    nodes = {manifests.name_of(node): node for node in cluster.list(manifests.NODE)}
    statuses = {name: nodes.get(name, {}).get("status", {}) for name in workers}
    return [(name, int((status.get("allocatable") or {}).get(resource, "0"))) for name, status in statuses.items()]


_LOOKS: Mapping[str, Callable[[Kube, Sequence[str], Parameters], Iterator[Missing]]] = {
    checks.NICS: _functions,
    checks.GPU: _gpus,
}
