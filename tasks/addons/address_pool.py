"""The addresses that MetalLB hands out."""

from __future__ import annotations

import hashlib
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

from tasks.engines.docker import networks
from tasks.engines.kube import access
from tasks.engines.kube.manifests import Kind
from tasks.settings import cluster

if TYPE_CHECKING:
    from tasks.settings.parameters.model import Parameters

POOL = Kind("metallb.io/v1beta1", "IPAddressPool")
NAME = "cpufunc-pool"
NAMESPACE = "metallb-system"

# The network of the nodes as kind makes it on a fresh engine, the manual's cluster there, and what its Services get.
_MANUAL = (IPv4Network("172.18.0.0/16"), "kind", "172.18.9.0-172.18.9.10")
_LARGEST = 32
_SHARE = 8


def metallb(chosen: Parameters) -> str:
    """Return METALLB_POOL or, if it is `auto`, what the cluster has, the manual's addresses or the network's end.

    Args:
        chosen: The parameters of the run.

    Raises:
        Problem: There is no such network.
    """
    if chosen.metallb_pool != "auto":
        return chosen.metallb_pool
    subnet = networks.subnet(cluster.NETWORK)
    return _kept(chosen, subnet) or _automatic(chosen.cluster_name, subnet)


def notice(chosen: Parameters) -> str:
    """Return one line if a cluster keeps the addresses that `auto` meant when it was made, else an empty string.

    Args:
        chosen: The parameters of the run.

    Raises:
        Problem: There is no such network.
    """
    subnet = networks.subnet(cluster.NETWORK)
    kept = _kept(chosen, subnet) if chosen.metallb_pool == "auto" else ""
    if not kept:
        return ""
    now = _automatic(chosen.cluster_name, subnet)
    return f"{NAME} keeps {kept}, which Services may have; RECREATE=1 ./doit addon:metallb makes it {now}"


def _automatic(cluster_name: str, subnet: IPv4Network) -> str:
    """Return the manual's addresses for the manual's cluster, else a slice at the end of the network."""
    *case, addresses = _MANUAL
    return addresses if case == [subnet, cluster_name] else _slice(cluster_name, subnet)


def _kept(chosen: Parameters, subnet: IPv4Network) -> str:
    """Return the slice that the pool of a running cluster holds although `auto` now means other addresses."""
    earlier = _slice(chosen.cluster_name, subnet)
    if chosen.recreate or earlier == _automatic(chosen.cluster_name, subnet):
        return ""
    live = access.cluster(chosen.cluster_name).get(POOL, NAME, NAMESPACE)
    return earlier if live is not None and live["spec"]["addresses"] == [earlier] else ""


def _slice(cluster_name: str, subnet: IPv4Network) -> str:
    """Return a slice at the end of the nodes' docker network.

    Docker gives its containers the lowest free addresses. The clusters of one network share its last quarter: the
    name of each chooses its slice, so that a Service of one cluster does not answer for a Service of another. No
    cluster gets the last slice, which has the broadcast address.
    """
    size = min(_LARGEST, max(1, subnet.num_addresses // _SHARE))
    slices = max(1, subnet.num_addresses // 4 // size - 1)
    number = int(hashlib.sha256(cluster_name.encode()).hexdigest(), 16) % slices
    end = subnet.broadcast_address - size * (number + 1)
    return f"{end - size + 1}-{end}"
