"""Whether the nodes of the cluster are Ready and its DNS answers."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from tasks import lack as lacks
from tasks import progress
from tasks.cluster import heartbeats
from tasks.engines.docker import containers as docker_containers
from tasks.engines.kube import access as kube_api
from tasks.engines.kube import manifests
from tasks.engines.kube import state as kube_state
from tasks.engines.programs.waiting import Condition
from tasks.settings import cluster, parameters

if TYPE_CHECKING:
    from tasks.lack import Lack

_KUBE_SYSTEM = "kube-system"
_DNS = "coredns"
_DNS_SERVICE = "kube-dns"
# A DNS query for the address of that Service, in printf's notation. It has no newline byte, because bash would split
# the datagram there. The answer repeats the identifier; the low bits of its fourth byte are the error code.
_DNS_QUESTION = (
    r"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
    r"\x08kube-dns\x0bkube-system\x03svc\x07cluster\x05local\x00\x00\x01\x00\x01"
)
_DNS_PROBE = (
    f"exec 3<>/dev/udp/$0/53 && printf '{_DNS_QUESTION}' >&3"
    " && timeout 3 dd bs=512 count=1 <&3 2>/dev/null | od -An -tx1 -N4"
)
_DNS_ERROR_BITS = 0x0F


def lack() -> Lack:
    """Return the nodes that are not Ready or, if all are, whether the cluster's DNS is unavailable."""
    name = parameters.current().cluster_name
    waiting = _not_ready(name)
    if waiting:
        return lacks.of(f"not Ready: {', '.join(waiting)}")
    return lacks.unless(kube_state.is_rolled_out(_dns(name) or {}), f"Deployment {_KUBE_SYSTEM}/{_DNS}: not available")


def await_ready() -> None:
    """Wait until all nodes are Ready and the cluster's DNS answers each of them.

    Raises:
        Problem: That takes longer than CLUSTER_DEADLINE.
    """
    p = parameters.current()
    name, deadline = p.cluster_name, p.cluster_deadline
    Condition(
        f"nodes of cluster {name}: Ready",
        lambda: _not_ready(name),
        lambda waiting: not waiting,
        describe=lambda waiting: f"not yet: {', '.join(waiting)}",
    ).wait(
        deadline, explain=lambda: kube_api.cluster(name).evidence(_KUBE_SYSTEM), hint="./doit kubectl describe nodes"
    )
    kube_api.cluster(name).wait_rollout(manifests.DEPLOYMENT, _DNS, _KUBE_SYSTEM, deadline=deadline)
    _await_dns(name, deadline)
    progress.line(f"Cluster {name}: {len(cluster.NODES)} nodes Ready, DNS answers. Try: ./doit kubectl get nodes")


def _await_dns(name: str, deadline: float) -> None:
    """Wait until the cluster's DNS answers each node."""
    service = kube_api.cluster(name).get(manifests.SERVICE, _DNS_SERVICE, _KUBE_SYSTEM) or {}
    address = service["spec"]["clusterIP"]
    for node in cluster.node_names(name):
        Condition(
            f"DNS of the cluster: an answer on {node}",
            lambda node=node: _ask_dns(node, address),  # type: ignore[misc]
            bool,
        ).wait(deadline, explain=lambda: kube_api.cluster(name).evidence(_KUBE_SYSTEM))


def _not_ready(name: str) -> list[str]:
    """Return the nodes that are absent, not Ready or silent since their start, and the miscounted workloads."""
    containers = {node: docker_containers.find(node) for node in cluster.node_names(name)}
    started = {node: found.started if found else "" for node, found in containers.items()}
    api = kube_api.cluster(name)
    nodes, pods, *workloads = api.lists(manifests.NODE, manifests.POD, manifests.DEPLOYMENT, manifests.DAEMON_SET)
    return heartbeats.not_ready(started, nodes, pods) + heartbeats.miscounted(chain(*workloads), pods)


def _dns(name: str) -> manifests.Object | None:
    return kube_api.cluster(name).get(manifests.DEPLOYMENT, _DNS, _KUBE_SYSTEM)


def _ask_dns(node: str, address: str) -> bool:
    """Return whether the cluster's DNS answers a query that a node sends through the Service."""
    answer = docker_containers.exec_in(node, ["bash", "-c", _DNS_PROBE, address], check=False).split()
    return answer[:2] == ["12", "34"] and any(not int(flags, 16) & _DNS_ERROR_BITS for flags in answer[3:4])
