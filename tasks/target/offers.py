"""What the nodes of an existing cluster offer to pods: functions of cards, GPUs, and a second network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.engines.kube import manifests
from tasks.engines.kube import state as kube_state
from tasks.settings import addons, checks, sriov
from tasks.target import add_ons, gpu_operator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tasks.engines.kube.api import Kube
    from tasks.settings.parameters.model import Parameters

_NETWORKS = "network-attachment-definitions.k8s.cni.cncf.io"


@dataclass(frozen=True)
class Missing:
    """What a cluster lacks.

    Attributes:
        phrase: What it is, and what to do.
        addon: Name of the add-on that brings it; empty if none does.
        is_made: Whether a run has it made before it is needed.
    """

    phrase: str
    addon: str = ""
    is_made: bool = False


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
    """Return how many virtual functions each worker offers that offers any; SRIOV_NUM_VFS if they are still to come.

    Args:
        cluster: The API.
        workers: Names of the workers.
        chosen: The parameters of the run.
    """
    if chosen.sriov == sriov.POLICY:
        return chosen.sriov_num_vfs
    counts = (count for _, count in _offers(cluster, workers, chosen.sriov_resource) if count)
    return min(counts, default=chosen.sriov_num_vfs)


def _functions(cluster: Kube, workers: Sequence[str], chosen: Parameters) -> Iterator[Missing]:
    resource = chosen.sriov_resource
    if chosen.sriov not in {sriov.GIVEN, sriov.POLICY}:
        operator = f"SRIOV={sriov.POLICY}, if its SR-IOV network operator is to make them"
        yield Missing(f"SRIOV={chosen.sriov}: SRIOV={sriov.GIVEN}, if its nodes offer {resource}; {operator}")
        return
    for name, count in _offers(cluster, workers, resource):
        if not count:
            yield Missing(f"{name} offers no {resource}", "sriov-device-plugin", chosen.sriov == sriov.POLICY)
    if _NETWORKS not in map(manifests.name_of, cluster.list(manifests.CUSTOM_RESOURCE_DEFINITION)):
        yield Missing(f"Multus is not there: it has no definition {_NETWORKS}", "multus")


def _addresses(cluster: Kube, _workers: Sequence[str], _: Parameters) -> Iterator[Missing]:
    if not add_ons.gives_addresses(cluster):
        yield Missing("nothing is known there that gives Services of type LoadBalancer addresses: ADDONS=metallb, with "
                      "METALLB_POOL", addons.LOAD_BALANCER)  # fmt: skip


def _gpus(cluster: Kube, workers: Sequence[str], _: Parameters) -> Iterator[Missing]:
    yield from map(Missing, gpu_operator.missing(cluster, workers))


def _offers(cluster: Kube, workers: Sequence[str], resource: str) -> list[tuple[str, int]]:
    nodes = {manifests.name_of(node): node for node in cluster.list(manifests.NODE)}
    return [(name, kube_state.allocatable(nodes.get(name, {}), resource)) for name in workers]


_LOOKS: Mapping[str, Callable[[Kube, Sequence[str], Parameters], Iterator[Missing]]] = {
    checks.NICS: _functions,
    checks.GPU: _gpus,
    checks.LOADBALANCER: _addresses,
}
