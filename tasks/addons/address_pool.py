"""The addresses that MetalLB hands out."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from tasks.engines.docker import networks
from tasks.settings import cluster

if TYPE_CHECKING:
    from tasks.settings.parameters.model import Parameters

_LARGEST = 32
_SHARE = 8


def metallb(chosen: Parameters) -> str:
    """Return METALLB_POOL or, if it is `auto`, a slice at the end of the nodes' docker network.

    Docker gives its containers the lowest free addresses. The clusters of one network share its last quarter: the
    name of each chooses its slice, so that a Service of one cluster does not answer for a Service of another. No
    cluster gets the last slice, which has the broadcast address.

    Args:
        chosen: The parameters of the run.

    Raises:
        Problem: There is no such network.
    """
    if chosen.metallb_pool != "auto":
        return chosen.metallb_pool
    subnet = networks.subnet(cluster.NETWORK)
    size = min(_LARGEST, max(1, subnet.num_addresses // _SHARE))
    slices = max(1, subnet.num_addresses // 4 // size - 1)
    number = int(hashlib.sha256(chosen.cluster_name.encode()).hexdigest(), 16) % slices
    end = subnet.broadcast_address - size * (number + 1)
    return f"{end - size + 1}-{end}"
