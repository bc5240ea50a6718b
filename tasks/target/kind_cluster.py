"""A cluster that this tool makes with kind on this server: its nodes are containers of the engine."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from tasks.engines.docker import containers
from tasks.engines.host.facts import Host
from tasks.engines.kube import access, manifests
from tasks.gpu import lease, sharing, stand_in
from tasks.nics import cards
from tasks.patterns import known
from tasks.problems import Problem
from tasks.settings import checks, emulation, nics, stages, target
from tasks.target import devices, kind_status, nodes
from tasks.target.devices import Gpu, Worker
from tasks.target.videos import OnNodes

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping

    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object
    from tasks.patterns.model import Pattern
    from tasks.settings.controller import Component
    from tasks.settings.parameters.model import Parameters
    from tasks.target.videos import Videos
    from tasks.target.workloads import Seen


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
    def stages(self) -> Mapping[str, tuple[str, ...]]:
        """The tasks of the parts of the graph that settings.stages names."""
        return stages.STAGES[target.KIND]

    @property
    def looks(self) -> Container[str]:
        """What is looked at on this machine before it is touched: all of it."""
        return checks.FIRST_STEPS

    @property
    def purposes(self) -> Container[str]:
        """What doctor checks this machine for: purposes of settings.checks."""
        return checks.PURPOSES

    @property
    def borrows(self) -> bool:
        """Whether devices of this machine are lent to its nodes."""
        return True

    @property
    def workers(self) -> tuple[str, ...]:
        """The nodes that run functions, in the order of the places that patterns name."""
        return workers(self.api)

    def status(self) -> Iterator[tuple[str, str]]:
        """Yield what there is, for `./doit status`: a name and a state each; what cannot be seen is no error."""
        return kind_status.rows(self.chosen)

    @property
    def parts(self) -> Mapping[str, Callable[[], Seen]]:
        """What the overview shows, each part after that on which it stands; each may raise Problem."""
        return kind_status.parts(self.chosen)

    def settle_functions(self) -> None:
        """Offer the virtual functions again that a deleted pod has left elsewhere, where this tool lends the cards."""
        for row in nics.WORKERS:
            if cards.lack(row.task):
                cards.lend(row.task)
        cards.await_allocatable()

    @property
    def welcome(self) -> tuple[tuple[str, str], ...]:
        """The first commands for a cluster that is not there or not attached; empty if they depend on this machine."""
        return ()

    @property
    def farewell(self) -> tuple[str, str]:
        """The task that takes everything away, and what it does."""
        return "delete_cluster", "delete the cluster, keep images and cache"

    @property
    def videos(self) -> Videos:
        """How videos come into the pod that sends them."""
        return OnNodes()

    @property
    def card_nodes(self) -> tuple[str, ...]:
        """The workers, in the order of the blocks of addresses of their second network."""
        return tuple(row.node(self.chosen.cluster_name) for row in nics.WORKERS)

    @property
    def network_namespaces(self) -> tuple[str, ...]:
        """The namespaces with a second network: of functions. What sends to them is in the nodes' own network."""
        return known.namespaces()

    @property
    def static_nodes(self) -> tuple[str, ...]:
        """The worker of the manual, whatever the cluster's name: its users refer to it."""
        return ("kind-worker",)

    @property
    def functions_each(self) -> int:
        """Virtual functions that each worker is to have."""
        return self.chosen.sriov_num_vfs

    def missing(self, _need: str) -> tuple[str, ...]:
        """Return nothing: what its nodes have is looked for on this machine."""
        return ()

    def not_offered(self, _need: str) -> tuple[str, ...]:
        """Return nothing: what its nodes have is looked for on this machine."""
        return ()

    def version_of_others(self, _addon: str) -> str:
        """Return nothing: the cluster is this tool's own."""
        return ""

    def unfit(self, _pattern: Pattern) -> tuple[str, ...]:
        """Return nothing: it has a worker for each place."""
        return ()

    def notices(self, _pattern: Pattern) -> tuple[str, ...]:
        """Return nothing: its nodes are what the files expect."""
        return ()

    def namespaces(self, names: Iterable[str]) -> list[Object]:
        """Return namespaces: the cluster enforces no level of Pod Security."""
        return [manifests.namespace(name) for name in names]

    def prepared(self, namespaces: Iterable[str]) -> list[Object]:
        """Return the namespaces: its nodes have the registry's credentials."""
        return self.namespaces(namespaces)

    def pulling(self, items: list[Object]) -> list[Object]:
        """Return the objects as they are: its nodes have the registry's credentials."""
        return items

    def adapted(self, _part: Component, items: list[Object]) -> list[Object]:
        """Return the objects of a part of the controller: they are made for clusters of kind."""
        return items

    def devices(self, names: Iterable[str]) -> list[Worker]:
        """Return workers with their devices."""
        return shared_by(names, stand_ins(self.chosen))


@cache
def workers(cluster: Kube) -> tuple[str, ...]:
    """Return the names of the nodes that run functions.

    Args:
        cluster: The API; it is asked only once.
    """
    found = [node for node in cluster.list(manifests.NODE) if not nodes.is_control_plane(node)]
    return tuple(sorted(map(manifests.name_of, found)))


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
