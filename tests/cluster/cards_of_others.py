"""Cards with SR-IOV in a cluster of others, as its administrator offers them: all of it stands in for real ones.

A network of Docker is the cable, a device plugin counts functions that are not there, and the plugin `sriov` of the
nodes makes macvlan interfaces. Multus and whereabouts are real, and nobody's of this tool.
"""

from __future__ import annotations

import json
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

from tasks.addons.manifests import Manifests
from tasks.engines.docker import containers, networks
from tasks.engines.kube import manifests
from tasks.settings import addons
from tests.cluster import elsewhere

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tasks.engines.kube.manifests import Object
    from tasks.settings.addons import Release
    from tasks.settings.parameters.model import Parameters
    from tests.cluster.elsewhere import Elsewhere

_NETWORK = f"{elsewhere.NAME}-cards"
SUBNET = "192.168.60"
# What the second network's parameters have to be there: those of the lab are of its own emulated cards.
PARAMETERS = {
    "NV_IPAM_SUBNET": f"{SUBNET}.0/24",
    "NV_IPAM_GATEWAY": f"{SUBNET}.1",
    "NV_IPAM_EXCLUDE_START_1": f"{SUBNET}.0",
    "NV_IPAM_EXCLUDE_END_1": f"{SUBNET}.9",
    "NV_IPAM_EXCLUDE_START_2": f"{SUBNET}.51",
    "NV_IPAM_EXCLUDE_END_2": f"{SUBNET}.255",
    "SRIOV_PF_IPADDR_1": f"{SUBNET}.2/24",
    "SRIOV_PF_IPADDR_2": f"{SUBNET}.3/24",
}
# The group of what whereabouts itself keeps in the cluster for as long as it is installed.
KEPT = "whereabouts.cni.cncf.io"
_PLUGIN = """#!/bin/sh
sed 's/"type": *"sriov"/"type":"macvlan","master":"{card}","mode":"bridge"/' | exec /opt/cni/bin/macvlan
"""
_RENAME = """
name=$(ip -o -4 address show to "$1" | awk '{print $2}')
ip link set "$name" down
ip link set "$name" name "$0"
ip link set "$0" up
"""
_DEADLINE = 240.0


def install(theirs: Elsewhere, nodes: Sequence[str], chosen: Parameters) -> None:
    """Put a card into nodes, and what offers its functions into the cluster.

    Args:
        theirs: The cluster.
        nodes: Names of the nodes.
        chosen: Parameters that name the images of the registry that the nodes pull from.
    """
    networks.create_internal(_NETWORK, IPv4Network(f"{SUBNET}.0/24"), IPv4Address(f"{SUBNET}.1"), {})
    for number, node in enumerate(nodes):
        _connect(node, IPv4Address(f"{SUBNET}.{2 + number}"), chosen.sriov_pf_if_1)
    for name, release in _releases():
        _apply(theirs, [item for item in Manifests(name, release, chosen).objects() if _is_wanted(item)])


def remove() -> None:
    """Remove the network of the cards; the nodes are gone."""
    networks.remove(_NETWORK)


def _connect(node: str, address: IPv4Address, card: str) -> None:
    networks.connect(_NETWORK, node, address)
    containers.exec_in(node, ["sh", "-ec", _RENAME, card, str(address)])
    containers.copy_into(node, "/opt/cni/bin/sriov", _PLUGIN.format(card=card).encode(), containers.Rights(0o755))


def _releases() -> Iterator[tuple[str, Release]]:
    for name, choose in (("multus", "release"), ("nvidia-k8s-ipam", "substitute"), ("sriov-device-plugin", "emulated")):
        yield name, getattr(addons.addon(name), choose)


def _is_wanted(item: Object) -> bool:
    """Return whether an object is of an add-on itself, and none of this tool's networks."""
    return item["kind"] not in {"NetworkAttachmentDefinition", "Namespace"}


def _apply(theirs: Elsewhere, items: Sequence[Object]) -> None:
    theirs.api.apply(map(_for_any_node, items), deadline=_DEADLINE)
    for item in items:
        kind = manifests.kind_of(item)
        if kind == manifests.DAEMON_SET:
            theirs.api.wait_rollout(kind, manifests.name_of(item), manifests.namespace_of(item), deadline=_DEADLINE)


def _for_any_node(item: Object) -> Object:
    """Return whereabouts' configuration for the nodes of the cluster: each network says which addresses it has."""
    if not manifests.name_of(item).startswith("whereabouts-blocks"):
        return item
    (content, *_) = item["data"].values()
    known = json.dumps({"kubernetes": json.loads(content)["kubernetes"]})
    return {**item, "data": {f"{node}.json": known for node in (elsewhere.CONTROL_PLANE, *elsewhere.WORKERS)}}
