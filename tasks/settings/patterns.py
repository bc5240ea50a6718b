"""The dataflow patterns: what each is made of, what it needs and how its answer is verified.

They are the nine scenarios of the original, each with a twin that is spread over both workers. A new pattern of the
same kind needs only a row.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from tasks.settings.checks import GPU, LOADBALANCER, NICS, VIDEO

Network = Literal["clusterip", "loadbalancer", "sriov"]


@dataclass(frozen=True)
class Hop:
    """A function of a chain.

    Attributes:
        key: Its key in the FunctionChain.
        operator: What it computes, as the receiver's log calls it; empty if it only passes values on.
    """

    key: str
    operator: str = ""


@dataclass(frozen=True)
class Pattern:
    """A dataflow that can be deployed and verified.

    Attributes:
        name: Name of its tasks.
        folder: Its folder under the scenarios of the archive.
        namespace: Namespace of all its objects.
        dataflow: Name of its DataFlow.
        hops: Its functions, in order; the first sends, the last receives.
        images: Images its functions run.
        network: How its functions reach each other.
        client: Program that sends the inputs, run in the first function's pod; empty if a video is sent.
        inputs: What is sent, unless INPUTS names something else.
        on_second_worker: Keys placed on the second worker, the others on the first; empty leaves all to the scheduler.
        needs: What it needs from the machine beyond what every dataflow needs, in the words of `settings.checks`.
    """

    name: str
    folder: str
    namespace: str
    dataflow: str
    hops: tuple[Hop, ...]
    images: tuple[str, ...]
    network: Network = "clusterip"
    client: str = ""
    inputs: tuple[str, ...] = ()
    on_second_worker: frozenset[str] = frozenset()
    needs: tuple[str, ...] = ()

    @property
    def vfs(self) -> int:
        """Number of virtual functions that it takes: one for each function."""
        return len(self.hops) if self.network == "sriov" else 0

    @property
    def vfs_each(self) -> int:
        """Number of virtual functions that each of the two workers must have; without named nodes, it may spread."""
        second = len(self.on_second_worker) or self.vfs // 2
        return max(self.vfs - second, second) if self.vfs else 0

    @property
    def on_gpu(self) -> frozenset[str]:
        """Keys of its functions that run on a GPU."""
        return frozenset(hop.key for hop in self.hops) & _ON_GPU

    @property
    def summary(self) -> str:
        """One phrase for lists of tasks."""
        spread = ", spread over both workers" if self.on_second_worker else ""
        return f"{self.dataflow} ({self.network}): {' > '.join(hop.key for hop in self.hops)}{spread}"


# The keys of functions that run on a GPU.
_ON_GPU = frozenset({"dsa"})
# The keys that a multi-worker pattern has on the second worker, by namespace.
_ON_SECOND_WORKER = {
    "cpufunc-calcapp": frozenset({"divide", "average", "rcv"}),
    "cpufunc-sample": frozenset({"pipbr", "rcv"}),
}
_NETWORK_NEEDS: dict[Network, tuple[str, ...]] = {
    "clusterip": (),
    "loadbalancer": (LOADBALANCER,),
    "sriov": (NICS,),
}
_SIDECAR = "cpufunc_sidecar"
_DEEPSTREAM = "gpufunc_dsa"


def _calcapp(name: str, dataflow: str, network: Network) -> Pattern:
    return Pattern(
        name=f"calcapp-{name}",
        folder=f"calc-func/{name}",
        namespace="cpufunc-calcapp",
        dataflow=dataflow,
        hops=(
            Hop("send"),
            Hop("plus", "plus"),
            Hop("minus", "minus"),
            Hop("multiply", "multiply"),
            Hop("divide", "divide"),
            Hop("average", "average"),
            Hop("rcv"),
        ),
        images=("cpufunc_calcapp", _SIDECAR),
        network=network,
        client="/calcapp",
        inputs=("1", "2", "3", "4", "5"),
        needs=_NETWORK_NEEDS[network],
    )


def _video(name: str, network: Network, *keys: str) -> Pattern:
    on_gpu = not _ON_GPU.isdisjoint(keys)
    return Pattern(
        name=name,
        folder=f"cpugpu-func/{name}",
        namespace="cpufunc-sample",
        dataflow=f"df-cpu-{name}",
        hops=tuple(Hop(key) for key in keys),
        images=("cpufunc_gst", *((_DEEPSTREAM,) if on_gpu else ()), _SIDECAR),
        network=network,
        needs=(VIDEO, *((GPU,) if on_gpu else ()), *_NETWORK_NEEDS[network]),
    )


def _spread(pattern: Pattern) -> Pattern:
    """Return the pattern's twin that uses both workers."""
    keys = frozenset(hop.key for hop in pattern.hops) & _ON_SECOND_WORKER[pattern.namespace]
    return replace(pattern, name=f"{pattern.name}-multi-worker", on_second_worker=keys)


BASIC = _calcapp("basic", "df-calcapp", "clusterip")
SINGLE = (
    BASIC,
    _calcapp("sriov", "df-calcapp-sriov", "sriov"),
    _video("p1c1", "clusterip", "pip", "rcv"),
    _video("p1c2", "loadbalancer", "pip", "rcv"),
    _video("p2c1", "clusterip", "pip", "dsa", "rcv"),
    _video("p2c2", "loadbalancer", "pip", "dsa", "rcv"),
    _video("p2c3", "sriov", "pip", "dsa", "rcv"),
    _video("p2c4", "clusterip", "pip", "pipbr", "dsa", "rcv"),
    _video("p3c1", "sriov", "pip", "rcv"),
)
PATTERNS = tuple(pattern for single in SINGLE for pattern in (single, _spread(single)))

BY_NAME = {pattern.name: pattern for pattern in PATTERNS}
NAMESPACES = tuple(dict.fromkeys(pattern.namespace for pattern in SINGLE))
# Namespaces of functions, including `test`; pods there may read what the sidecar watches.
FUNCTION_NAMESPACES = (*NAMESPACES, "test")

# How patterns are spread by naming the nodes: the filters that can do so, with the original's values.
FILTER_PIPELINE = ("GenerateCombinations", "TargetResourceFit", "TargetResourceFitScore")
SELECT_TOP = "3"
# The NetworkAttachmentDefinition from which functions get their addresses in the second network.
SRIOV_NETWORK = "sriov-ipam-config"


def spread_keys(namespace: str) -> dict[str, bool]:
    """Return the keys of all multi-worker patterns of a namespace, each with whether it goes to the second worker."""
    spread = [pattern for pattern in PATTERNS if pattern.namespace == namespace and pattern.on_second_worker]
    return {hop.key: hop.key in pattern.on_second_worker for pattern in spread for hop in pattern.hops}
