"""The addresses of the second network that each worker gives its pods, where whereabouts gives them.

The blocks are those of nvidia-k8s-ipam: one after the other from the first host address on.
"""

from __future__ import annotations

from ipaddress import summarize_address_range
from typing import TYPE_CHECKING, Any

from tasks.settings import nics

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from ipaddress import IPv4Network

    from tasks.settings.parameters.model import Parameters

# Where the image's `start` puts it on each node.
_KUBECONFIG = "/etc/cni/net.d/whereabouts.d/whereabouts.kubeconfig"


def whereabouts(chosen: Parameters, workers: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return whereabouts' configuration for each worker, by the node's name.

    Args:
        chosen: The parameters of the run.
        workers: Names of the workers.
    """
    subnet, size = chosen.nv_ipam_subnet, chosen.nv_ipam_per_node_block_size
    common = {
        "kubernetes": {"kubeconfig": _KUBECONFIG},
        "range": str(subnet),
        "exclude": excluded(chosen),
        "gateway": str(chosen.nv_ipam_gateway),
    }
    blocks = {}
    for number, node in enumerate(workers):
        first = subnet.network_address + 1 + number * size
        block = {"range_start": str(first), "range_end": str(first + size - 1)}
        # Each node has a pool of its own, with this name.
        blocks[node] = {**common, **block, "network_name": node}
    return blocks


def excluded(chosen: Parameters) -> list[str]:
    """Return the subnets of what pods never get.

    Args:
        chosen: The parameters of the run.
    """
    return [str(network) for network in _never_given(chosen)]


def _never_given(chosen: Parameters) -> Iterator[IPv4Network]:
    """Yield what pods never get: the two ranges of the parameters, the gateway and the cards' own addresses."""
    yield from summarize_address_range(chosen.nv_ipam_exclude_start_1, chosen.nv_ipam_exclude_end_1)
    yield from summarize_address_range(chosen.nv_ipam_exclude_start_2, chosen.nv_ipam_exclude_end_2)
    cards = [getattr(chosen, row.address.lower()).ip for row in nics.WORKERS]
    for address in (chosen.nv_ipam_gateway, *cards):
        yield from summarize_address_range(address, address)
