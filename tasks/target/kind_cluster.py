"""A cluster that this tool makes with kind on this server: its nodes are containers of the engine."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from tasks.engines.docker import containers
from tasks.engines.host.facts import Host
from tasks.engines.kube import access, manifests
from tasks.gpu import lease, sharing, stand_in
from tasks.problems import Problem
from tasks.settings import addons, emulation, target
from tasks.target import devices
from tasks.target.devices import Gpu, Worker

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tasks.engines.kube.api import Kube
    from tasks.settings.parameters.model import Parameters


@dataclass(frozen=True)
class KindCluster:
    """The cluster of kind that the parameters name; the methods are described in `interface`."""

    chosen: Parameters

    @property
    def title(self) -> str:
        """How messages call it."""
        return f"cluster {self.chosen.cluster_name}"

    @property
    def api(self) -> Kube:
        """Its API.

        Raises:
            Problem: There is no such cluster yet.
        """
        return access.cluster(self.chosen.cluster_name)

    @property
    def steps(self) -> tuple[str, ...]:
        """The tasks after which its nodes can run pods."""
        return ("_kind", "node", *(f"addon:{addon.name}" for addon in addons.ADDONS if addon.is_pod_network))

    @property
    def workers(self) -> tuple[str, ...]:
        """The nodes that run functions, in the order of the places that patterns name."""
        return workers(self.api)

    def devices(self, names: Iterable[str]) -> list[Worker]:
        """Return workers with their devices."""
        return shared_by(names, stand_ins(self.chosen))


@cache
def workers(cluster: Kube) -> tuple[str, ...]:
    """Return the names of the nodes that run functions.

    Args:
        cluster: The API; it is asked only once.
    """
    labels = {manifests.name_of(node): node["metadata"].get("labels", {}) for node in cluster.list(manifests.NODE)}
    return tuple(sorted(name for name, found in labels.items() if not found.keys() & {*target.CONTROL_PLANE_ROLES}))


def stand_ins(chosen: Parameters) -> dict[str, tuple[Gpu, ...]]:
    """Return the GPUs that EMULATE stands in for, by the name of their worker.

    Args:
        chosen: The parameters of the run.
    """
    if not stand_in.is_chosen(chosen):
        return {}
    return {stand_in.node(chosen): (Gpu(0, stand_in.identifier(chosen), emulation.GPU_MODEL),)}


def shared_by(names: Iterable[str], stood_in: Mapping[str, tuple[Gpu, ...]]) -> list[Worker]:
    """Return workers with their devices; the nodes of kind share the CPU and memory of this machine.

    Args:
        names: Names of the workers.
        stood_in: GPUs that are stood in for, by the name of their worker.
    """
    cpuinfo = Host().text("/proc/cpuinfo")
    model, count = devices.cpu_model(cpuinfo), devices.sockets(cpuinfo)
    return [Worker(name, model, count, stood_in.get(name) or _gpus(name)) for name in names]


def _gpus(node: str) -> tuple[Gpu, ...]:
    if not lease.is_lent_to(node):
        # A shared GPU that does not answer is a matter of gpu_lease, and no obstacle to the rest.
        is_seen = sharing.is_seen_by(node)
        return devices.parsed_gpus(containers.exec_in(node, devices.GPU_QUERY, check=False)) if is_seen else ()
    try:
        return devices.parsed_gpus(containers.exec_in(node, devices.GPU_QUERY))
    except Problem as problem:
        problem.hint = "./doit gpu_lease, which starts the node's driver again"
        raise
