"""The addresses of functions: their own in the pattern's network, and those at which they are reached."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from tasks.controller import kinds
from tasks.engines.kube import manifests
from tasks.problems import Problem
from tasks.settings import scenarios

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tasks.dataflows.flow import Flow
    from tasks.engines.kube.manifests import Object
    from tasks.patterns.model import Network, Pattern

# The interface that Multus gives a pod in its second network.
SECOND = "net1"
_NETWORKS = "k8s.v1.cni.cncf.io/network-status"
# The ConfigMap that tells a pod's function where the next one is.
_TOLD = "ethcrl."
# At what functions reach each other, by network.
_AT: dict[Network, str] = {"clusterip": "Service", "loadbalancer": "load balancer", "sriov": SECOND}


@dataclass(frozen=True)
class Address:
    """Where a function is reached.

    Attributes:
        host: The address.
        port: The port; 0 if nobody has named one.
    """

    host: str
    port: int = 0

    def __str__(self) -> str:
        """Return it as it is written."""
        return f"{self.host}:{self.port}" if self.port else self.host


def way(pattern: Pattern) -> str:
    """Return at what the functions of a pattern reach each other: the title of a column of addresses."""
    return _AT[pattern.network]


def own(network: Network, pod: Object) -> str:
    """Return a pod's own address in a network; empty if it has none yet.

    Args:
        network: How functions reach each other.
        pod: The pod.
    """
    return second(pod) if network == "sriov" else str(pod.get("status", {}).get("podIP", ""))


def second(pod: Object) -> str:
    """Return a pod's address in the SR-IOV network, as Multus records it; empty if there is none."""
    status = json.loads(pod["metadata"].get("annotations", {}).get(_NETWORKS, "[]"))
    found = [network for network in status if network["name"].rpartition("/")[2] == scenarios.SRIOV_NETWORK]
    return str(next((network["ips"][0] for network in found if network.get("ips")), ""))


def entrance(flow: Flow, pods: Mapping[str, Object]) -> str:
    """Return the address at which the first function of a deployed dataflow is reached.

    Args:
        flow: The dataflow.
        pods: The pods of its functions, by key.

    Raises:
        Problem: It has none.
    """
    key = flow.pattern.hops[0].key
    service = flow.cluster.get(manifests.SERVICE, f"{kinds.function_name(flow.name, key)}-service", flow.namespace)
    return of_first(flow.pattern, pods[key], service)


def of_first(pattern: Pattern, pod: Object, service: Object | None) -> str:
    """Return the address at which a node reaches the first function of a pattern.

    Args:
        pattern: A pattern.
        pod: The function's pod.
        service: The Service in front of it, if there is one.

    Raises:
        Problem: It has no address in the pattern's network.
    """
    if pattern.network == "sriov":
        return _required(pod)
    if service is None:
        raise Problem(f"{pattern.dataflow}: no Service in front of {pattern.hops[0].key}")
    given = service.get("status", {}).get("loadBalancer", {}).get("ingress") or []
    if not given and pattern.network == "loadbalancer":
        raise Problem(
            f"Service {manifests.name_of(service)}: no load balancer gave it an address", hint="./doit addon:metallb"
        )
    return str(given[0]["ip"] if given else service["spec"]["clusterIP"])


def _required(pod: Object) -> str:
    found = second(pod)
    if not found:
        raise Problem(
            f"pod {manifests.name_of(pod)}: its annotation {_NETWORKS} has no address in {scenarios.SRIOV_NETWORK}"
        )
    return found


def told(flow: Flow, pods: Mapping[str, Object]) -> dict[str, Address]:
    """Return where each function is reached by the one before it, which the controller has told that one.

    Args:
        flow: The dataflow.
        pods: The pods of its functions, by key.
    """
    pairs = ((hop.key, pods.get(before.key)) for before, hop in pairwise(flow.pattern.hops))
    found = ((key, _next_of(flow, pod)) for key, pod in pairs if pod)
    return {key: address for key, address in found if address}


def _next_of(flow: Flow, pod: Object) -> Address | None:
    told = flow.cluster.get(manifests.CONFIG_MAP, f"{_TOLD}{manifests.name_of(pod)}", flow.namespace)
    try:
        config = json.loads((told or {}).get("data", {}).get("config", "{}"))
        ports = config.get("ports") or [{}]
        return Address(str(config["ips"][0]), int(ports[0].get("port", 0)))
    except (ValueError, LookupError, TypeError):
        return None  # the controller has not named one (yet)
