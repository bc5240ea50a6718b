"""How the parameters of a run must fit each other. A rule yields the parameter to blame and the reason."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import TYPE_CHECKING

from tasks.settings import addons, artifacts, cluster, controller, emulation, nics
from tasks.settings.parameters import target_rules
from tasks.settings.parameters.types import ends, pool_range

if TYPE_CHECKING:
    from collections.abc import Sequence
    from ipaddress import IPv4Address, IPv4Interface

    from tasks.settings.parameters.model import Parameters

_NODES = len(cluster.NODES)
_NODE_PREFIX = 24
_LONGEST_NODE_SUFFIX = max(len(node.name("")) for node in cluster.NODES)
_LONGEST_HOST_NAME = 63


def _crio_versions(p: Parameters) -> Iterator[tuple[str, str]]:
    minor = "v" + ".".join(p.crio_pkg_version.split(".")[:2])
    if minor != p.crio_repo_version:
        yield (
            "CRIO_PKG_VERSION",
            f"{p.crio_pkg_version} is not in the repository CRIO_REPO_VERSION {p.crio_repo_version}",
        )


def _go_is_new_enough(p: Parameters) -> Iterator[tuple[str, str]]:
    if tuple(map(int, p.go_version.split("."))) < tuple(map(int, artifacts.OLDEST_GO.split("."))):
        yield "GO_VERSION", f"{p.go_version} is older than {artifacts.OLDEST_GO}, which the modules in kind/go need"


def _gpu_needs_crio(p: Parameters) -> Iterator[tuple[str, str]]:
    if p.gpu == "yes" and p.node_runtime != "crio":
        yield "GPU", "the image with the NVIDIA driver needs NODE_RUNTIME=crio"


def _emulated_gpu(p: Parameters) -> Iterator[tuple[str, str]]:
    if emulation.GPU not in p.emulate:
        return
    if controller.GPU not in p.controller_hardware:
        yield "EMULATE", "gpu needs the parts of the controller for GPUs: CONTROLLER_HARDWARE=gpu"
    if p.gpu not in {"auto", "no"}:
        yield "GPU", f"{p.gpu} asks for this machine's own GPU, but EMULATE stands in for one"


def _cluster_name(p: Parameters) -> Iterator[tuple[str, str]]:
    longest = _LONGEST_HOST_NAME - _LONGEST_NODE_SUFFIX
    if len(p.cluster_name) > longest:
        yield "CLUSTER_NAME", f"has {len(p.cluster_name)} characters; names of nodes leave room for {longest}"


def _ports(p: Parameters) -> Iterator[tuple[str, str]]:
    if p.ca_port == p.registry_port:
        yield "CA_PORT", f"{p.ca_port} is REGISTRY_PORT too"
    offered = f"http://127.0.0.1:{p.ca_port}/"
    if p.registry == "embedded" and not p.dci_registry_cert_url.startswith(offered):
        yield "DCI_REGISTRY_CERT_URL", f"the embedded registry offers its CA at {offered} (CA_PORT)"


def _pod_subnet_holds_the_nodes(p: Parameters) -> Iterator[tuple[str, str]]:
    room = 2 ** max(_NODE_PREFIX - p.pod_subnet.prefixlen, 0) if p.pod_subnet.prefixlen <= _NODE_PREFIX else 0
    if room < _NODES:
        yield "POD_SUBNET", f"{p.pod_subnet} has room for {room} nodes of a /{_NODE_PREFIX} each; {_NODES} are needed"


def _subnets_apart(p: Parameters) -> Iterator[tuple[str, str]]:
    ranges = {"NV_IPAM_SUBNET": ends(p.nv_ipam_subnet), "POD_SUBNET": ends(p.pod_subnet)}
    ranges["SERVICE_SUBNET"] = ends(p.service_subnet)
    if p.metallb_pool != "auto":
        ranges["METALLB_POOL"] = pool_range(p.metallb_pool)
    for (one, (first, last)), (other, (start, end)) in combinations(ranges.items(), 2):
        if first <= end and start <= last:
            yield other, f"{start}-{end} overlaps {one} {first}-{last}"


def _rows(p: Parameters) -> Sequence[nics.Row]:
    """Return the cards that have parameters, one for each worker: a single worker has no second card."""
    return nics.WORKERS[: target_rules.workers(p)]


def _physical_functions(p: Parameters) -> Iterator[tuple[str, str]]:
    if not target_rules.lends_cards(p):
        return
    cards = {row: str(getattr(p, row.interface.lower())) for row in _rows(p)}
    for (row, own), (other, foreign) in combinations(cards.items(), 2):
        if own == foreign:
            yield other.interface, f"{foreign} is {row.interface} too"


def _expressions(p: Parameters) -> Iterator[tuple[str, str]]:
    if not target_rules.lends_cards(p):
        return
    cards = {row: str(getattr(p, row.interface.lower())) for row in _rows(p)}
    for row, own in cards.items():
        regex = getattr(p, row.pattern.lower())
        if not re.fullmatch(regex, own):
            yield row.pattern, f"{regex} does not match {row.interface} {own}"
        for other, foreign in cards.items():
            if other != row and re.fullmatch(regex, foreign):
                yield row.pattern, f"{regex} matches {other.interface} {foreign} too"


def _card_addresses(p: Parameters) -> dict[str, IPv4Interface]:
    """Return the address of each worker's card, by its parameter."""
    return {row.address: getattr(p, row.address.lower()) for row in _rows(p)}


def _addresses_in_subnet(p: Parameters) -> Iterator[tuple[str, str]]:
    cards = {name: interface.ip for name, interface in _card_addresses(p).items()}
    hosts = {**cards, "NV_IPAM_GATEWAY": p.nv_ipam_gateway}
    for name, address in hosts.items():
        if address not in p.nv_ipam_subnet:
            yield name, f"{address} is not in NV_IPAM_SUBNET {p.nv_ipam_subnet}"
        elif address in ends(p.nv_ipam_subnet):
            yield name, f"{address} is the network or broadcast address of NV_IPAM_SUBNET {p.nv_ipam_subnet}"
    for (one, address), (other, same) in combinations(hosts.items(), 2):
        if address == same:
            yield other, f"{same} is {one} too"


def _physical_prefixes(p: Parameters) -> Iterator[tuple[str, str]]:
    for name, interface in _card_addresses(p).items():
        if interface.network.prefixlen != p.nv_ipam_subnet.prefixlen:
            yield name, f"{interface} has another prefix than NV_IPAM_SUBNET {p.nv_ipam_subnet}"


def _exclusions(p: Parameters) -> list[tuple[str, IPv4Address, IPv4Address]]:
    return [
        ("1", p.nv_ipam_exclude_start_1, p.nv_ipam_exclude_end_1),
        ("2", p.nv_ipam_exclude_start_2, p.nv_ipam_exclude_end_2),
    ]


def _exclusions_in_order(p: Parameters) -> Iterator[tuple[str, str]]:
    for number, start, end in _exclusions(p):
        if start > end:
            yield f"NV_IPAM_EXCLUDE_END_{number}", f"{end} comes before NV_IPAM_EXCLUDE_START_{number} {start}"
        for edge, address in (("START", start), ("END", end)):
            if address not in p.nv_ipam_subnet:
                yield f"NV_IPAM_EXCLUDE_{edge}_{number}", f"{address} is not in NV_IPAM_SUBNET {p.nv_ipam_subnet}"
    if p.nv_ipam_exclude_start_2 <= p.nv_ipam_exclude_end_1:
        reason = f"{p.nv_ipam_exclude_start_2} does not come after NV_IPAM_EXCLUDE_END_1 {p.nv_ipam_exclude_end_1}"
        yield "NV_IPAM_EXCLUDE_START_2", reason


def _host_addresses_excluded(p: Parameters) -> Iterator[tuple[str, str]]:
    for name, interface in _card_addresses(p).items():
        if not any(start <= interface.ip <= end for _, start, end in _exclusions(p)):
            yield name, f"{interface.ip} would be given to a pod too: no NV_IPAM_EXCLUDE range holds it"


def _blocks_fit(p: Parameters) -> Iterator[tuple[str, str]]:
    """Check the blocks that nvidia-k8s-ipam cuts from the first host address on, one for each worker of its pool."""
    workers = target_rules.blocks(p)
    size, hosts = p.nv_ipam_per_node_block_size, p.nv_ipam_subnet.num_addresses - 2
    if workers * size > hosts:
        reason = f"{workers} blocks of {size} do not fit the {hosts} addresses of NV_IPAM_SUBNET {p.nv_ipam_subnet}"
        yield "NV_IPAM_PER_NODE_BLOCK_SIZE", reason
        return
    for block in range(workers):
        first = p.nv_ipam_subnet.network_address + 1 + block * size
        addresses = [first + offset for offset in range(size)]
        if all(any(start <= address <= end for _, start, end in _exclusions(p)) for address in addresses):
            reason = f"the block of worker {block + 1}, {first}-{addresses[-1]}, is excluded altogether"
            yield "NV_IPAM_PER_NODE_BLOCK_SIZE", reason


def _needed_addons(p: Parameters) -> Iterator[tuple[str, str]]:
    for addon in map(addons.addon, p.addons):
        for need in addon.needs:
            if need not in p.addons:
                yield "ADDONS", f"{addon.name} needs {need}"


_Rule = Callable[["Parameters"], Iterator[tuple[str, str]]]
# Each row is a chain: when a rule is broken, the rules after it do not report the same fault again.
_RULES: tuple[tuple[_Rule, ...], ...] = (
    (_crio_versions,),
    (_go_is_new_enough,),
    (_gpu_needs_crio,),
    (_emulated_gpu,),
    (_cluster_name,),
    (_ports,),
    (_pod_subnet_holds_the_nodes,),
    (_subnets_apart,),
    (_physical_functions, _expressions),
    (_addresses_in_subnet, _physical_prefixes),
    (_exclusions_in_order, _host_addresses_excluded, _blocks_fit),
    (_needed_addons,),
    (target_rules.is_named,),
    (target_rules.fits,),
    (target_rules.places_are_workers,),
    (target_rules.functions_fit,),
    (target_rules.policies_fit,),
)


def broken(parameters: Parameters) -> Iterator[tuple[str, str]]:
    """Yield each parameter to blame with the reason.

    Args:
        parameters: Values that are each valid by themselves.
    """
    for chain in _RULES:
        for rule in chain:
            found = list(rule(parameters))
            yield from found
            if found:
                break
