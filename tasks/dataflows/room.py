"""Whether the workers have room for one more dataflow: virtual functions, and what their CPUs and GPUs offer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks.controller.kinds import FUNCTION_TARGET
from tasks.engines.kube import manifests
from tasks.engines.kube import state as kube_state
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object
    from tasks.patterns.model import Hop, Pattern

_VFS = "virtual functions"
_CPU = "cpu"
_ENDED = ("Succeeded", "Failed")
# What limits a region: how many functions it takes, and the sum of what they ask for, which is 1 for each.
_LIMITS = ("Functions", "Capacity")


@dataclass(frozen=True)
class Offer:
    """What a worker offers to dataflows.

    Attributes:
        node: Name of the worker.
        what: `virtual functions`, or the type of a region of the controller, such as `cpu` or `a100`.
        total: How many functions of dataflows it can have.
        used: How many it has.
    """

    node: str
    what: str
    total: int
    used: int

    @property
    def free(self) -> int:
        """How many more it can have."""
        return self.total - self.used


@dataclass(frozen=True)
class Shortage:
    """An offer that does not suffice for a pattern.

    Attributes:
        offer: The offer.
        needed: How many functions the pattern may place there.
    """

    offer: Offer
    needed: int

    def __str__(self) -> str:
        """Return it as a phrase."""
        offer = self.offer
        kind = "" if offer.what == _VFS else "places for functions on "
        return f"{offer.node} has {offer.free} of {offer.total} {kind}{offer.what} free, {self.needed} are needed"


def shortages(pattern: Pattern, workers: Sequence[str], offers: Sequence[Offer]) -> list[Shortage]:
    """Return the offers that do not suffice for a pattern.

    Args:
        pattern: The pattern.
        workers: Names of the nodes that run functions.
        offers: What they offer.
    """
    asked = ((offer, needed(pattern, workers, offer)) for offer in offers)
    return [Shortage(offer, count) for offer, count in asked if count > offer.free]


def needed(pattern: Pattern, workers: Sequence[str], offer: Offer) -> int:
    """Return how many functions a pattern may place where something is offered.

    The controller may place a pattern that names no nodes on any of them: its scheduler does not know virtual
    functions. Such a pattern takes no more than the worker has in all.

    Args:
        pattern: The pattern.
        workers: Names of the nodes that run functions.
        offer: What a worker offers.
    """
    keys = _placed(pattern, workers, offer.node)
    if offer.what == _VFS:
        return min(len(keys), offer.total) if pattern.vfs else 0
    return len(keys - pattern.on_gpu if offer.what == _CPU else keys & pattern.on_gpu)


def _placed(pattern: Pattern, workers: Sequence[str], node: str) -> frozenset[str]:
    """Return the keys of the functions that may be placed on a node."""
    if not pattern.is_placed:
        return pattern.keys
    return frozenset(key for key, at in pattern.nodes(workers).items() if at == node)


def require(pattern: Pattern, flow: Object, cluster: Kube) -> None:
    """Refuse a DataFlow for which no worker has room even if nothing else runs: the controller would ask for ever.

    Args:
        pattern: The pattern.
        flow: Its DataFlow.
        cluster: The API.

    Raises:
        Problem: One line for all functions that ask for more than there is of one kind.
    """
    asked = int(flow["spec"].get("requirements", {}).get("all", {}).get("capacity", 0))
    targets = [target.get("status", {}) for target in cluster.list(FUNCTION_TARGET)]
    keys: dict[str, list[str]] = {}
    for hop in pattern.hops:
        most = max((int(each.get("maxCapacity", asked)) for each in _places_of(hop, targets)), default=asked)
        if asked > most:
            kind = "GPU" if hop.is_on_gpu else "CPU"
            keys.setdefault(f"a capacity of {asked}, but no {kind} of a worker has more than {most}", []).append(
                hop.key
            )
    if keys:
        lines = [f"{pattern.name}: each of {', '.join(them)} asks for {reason}" for reason, them in keys.items()]
        hint = f"a smaller spec.requirements.all.capacity of DataFlow {pattern.dataflow}"
        raise Problem("\n".join(lines), hint=hint)


def _places_of(hop: Hop, targets: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the regions of the kind that a function runs on; of those, the controller or the pattern chooses."""
    of_kind = [each for each in targets if (each.get("regionType") != _CPU) == hop.is_on_gpu]
    nodes = {str(each.get("nodeName", "")) for each in of_kind}
    return [each for each in of_kind if hop.place not in nodes or each.get("nodeName") == hop.place]


def offers(cluster: Kube, resource: str) -> list[Offer]:
    """Return what the workers offer; what is not offered at all is left out.

    Args:
        cluster: The API.
        resource: SRIOV_RESOURCE.
    """
    pods, nodes = cluster.list(manifests.POD), cluster.list(manifests.NODE)
    found = [*_virtual_functions(nodes, pods, resource), *map(_region, cluster.list(FUNCTION_TARGET))]
    return [offer for offer in found if offer.total]


def _virtual_functions(nodes: Sequence[Object], pods: Sequence[Object], resource: str) -> Iterator[Offer]:
    for node in nodes:
        name = manifests.name_of(node)
        here = [pod for pod in pods if pod["spec"].get("nodeName") == name]
        used = sum(_requested(pod, resource) for pod in here if pod.get("status", {}).get("phase") not in _ENDED)
        yield Offer(name, _VFS, kube_state.allocatable(node, resource), used)


def _requested(pod: Object, resource: str) -> int:
    given = (each.get("resources", {}).get("limits", {}) for each in pod["spec"].get("containers", []))
    return sum(int(limits.get(resource, 0)) for limits in given)


def _region(target: Object) -> Offer:
    """Return what a FunctionTarget offers; the scarcer of its two limits counts."""
    status: Mapping[str, Any] = target.get("status", {})
    limits = [(status[f"max{one}"], status.get(f"current{one}", 0)) for one in _LIMITS if f"max{one}" in status]
    total, used = min(limits, key=lambda limit: limit[0] - limit[1], default=(0, 0))
    return Offer(str(status.get("nodeName", "")), str(status.get("regionType", "")), total, used)
