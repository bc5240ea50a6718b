"""Cards that are stood in for: a network of Docker that both workers are in, and a PF in each of them.

The network carries the owner in its labels, and the engine keeps which nodes are in it, so nothing of this is in the
ledger of real cards. In a node, `manifest/node/emulated-card` makes the PF, again at each start.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks import lack as lacks
from tasks import progress
from tasks.engines.docker import containers, networks, node_files
from tasks.engines.docker.node_files import NodeFile
from tasks.engines.files import ledgers
from tasks.problems import Problem
from tasks.settings import emulation, nics, paths

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from ipaddress import IPv4Address, IPv4Network

    from tasks.engines.docker.networks import NetworkFacts
    from tasks.engines.host.routes import Route
    from tasks.lack import Lack
    from tasks.nics.wish import Wish
    from tasks.settings.parameters.model import Parameters

CHECKOUT = "openkasugai.checkout"
_STEP = "emulated-card"
_UNIT = f"{_STEP}.service"
_PROGRAM = f"/usr/local/sbin/{_STEP}"
_PARAMETERS = f"/etc/openkasugai/{_STEP}.env"
# Where the C library keeps the order of the addresses of a name.
_ORDER = "/etc/gai.conf"
# The usual order, and the network of the cards last: after a restart, kind's entrypoint takes the first address of the
# node's own name as the node's, and Docker lists the networks of a container in any order.
_PRECEDENCE = """\
precedence ::1/128 50
precedence ::/0 40
precedence 2002::/16 30
precedence ::/96 20
precedence ::ffff:0:0/96 10
precedence ::ffff:{network.network_address}/{length} 1
"""
_IPV4_MAPPED = 96
# The names in `manifest/node/emulated-card`.
SWITCH, PORT = "esw", "esw-pf"
_START = f"systemctl --no-reload enable {_UNIT} && systemctl daemon-reload && systemctl restart {_UNIT}"
# A run that was killed may have left any part of it.
_STOP = (
    f"set -e; if [ -e /etc/systemd/system/{_UNIT} ]; then systemctl disable --now {_UNIT}; fi; "
    f"if [ -x {_PROGRAM} ]; then {_PROGRAM} down; fi; "
    f"rm -f {_PROGRAM} {_ORDER} /etc/systemd/system/{_UNIT} {node_files.mark(_STEP)} {_PARAMETERS}; "
    "systemctl daemon-reload"
)
_EARLIER = "./doit nics_restore, then the same command"


@dataclass(frozen=True)
class Network:
    """The network of Docker that the workers of a cluster share.

    Attributes:
        cluster: Name of the cluster.
        subnet: Its subnet.
        gateway: The address in it that the engine's machine gets.
    """

    cluster: str
    subnet: IPv4Network
    gateway: IPv4Address

    @property
    def name(self) -> str:
        """Its name."""
        return network_name(self.cluster)


def network_name(cluster: str) -> str:
    """Return the name of the network of a cluster's emulated cards."""
    return f"{cluster}-sriov"


def asked_for(chosen: Parameters) -> bool:
    """Return whether the parameters ask for emulated cards."""
    return emulation.SRIOV in chosen.emulate


def network_of(chosen: Parameters) -> Network:
    """Return the network that the parameters ask for."""
    return Network(chosen.cluster_name, chosen.nv_ipam_subnet, chosen.nv_ipam_gateway)


def is_there(cluster: str) -> bool:
    """Return whether this checkout's cluster has emulated cards, perhaps half made; without an engine, it has none."""
    try:
        found = networks.find(network_name(cluster))
    except Problem:
        return False
    return found is not None and _is_ours(found)


def device(network: Network, routes: Iterable[Route]) -> str:
    """Return the interface of this machine that leads to the emulated cards of a cluster; empty without such cards.

    While no engine answers, a bridge that Docker has left there counts: the engine says whose it is once it runs.

    Args:
        network: The network of the cards.
        routes: The routes of this machine.
    """
    try:
        found = networks.find(network.name)
    except Problem:
        left = (one.device for one in routes if one.destination == network.subnet)
        return next((name for name in left if name.startswith(networks.BRIDGE)), "")
    return found.device if found is not None and _is_ours(found) else ""


def has_card(node: str, cluster: str) -> bool:
    """Return whether a node, running or not, is in the network of its cluster's emulated cards."""
    return is_there(cluster) and node in networks.users(network_name(cluster))


def objection(network: Network) -> Problem | None:
    """Return why the network cannot be this checkout's, or None.

    Raises:
        Problem: No engine answers.
    """
    found = networks.find(network.name)
    if found is None:
        clashes = [f"{one.name} ({', '.join(map(str, one.subnets))})" for one in networks.overlapping(network.subnet)]
        text = f"NV_IPAM_SUBNET: {network.subnet} overlaps the Docker network {', '.join(clashes)}"
        return Problem(text, hint="choose another NV_IPAM_SUBNET, or: docker network ls") if clashes else None
    if not _is_ours(found):
        owner = found.labels.get(CHECKOUT)
        whose = f"was made by the checkout {owner}" if owner else "was not made by this tool"
        return Problem(f"docker network {network.name} {whose}, and is left alone",
                       hint=f"CLUSTER_NAME={network.cluster}-2 with the same command; or where it is no longer needed: "
                       f"docker network rm {network.name}")  # fmt: skip
    if found.subnets != (network.subnet,):
        subnets = ", ".join(map(str, found.subnets))
        return Problem(f"NV_IPAM_SUBNET: {subnets} -> {network.subnet}, but the emulated cards of cluster "
                       f"{network.cluster} use docker network {network.name}", hint=_EARLIER)  # fmt: skip
    return None


def obstacle(network: Network) -> str:
    """Return the same in words; empty if nothing stands against the network, or no engine answers yet."""
    try:
        found = objection(network)
    except Problem:
        return ""
    return found.message if found is not None else ""


def lack(wish: Wish, network: Network) -> Lack:
    """Return what a node lacks of its emulated card.

    Args:
        wish: What is asked for.
        network: The network of the cards.

    Raises:
        Problem: No engine answers.
    """
    against = objection(network)
    if against is not None:
        return lacks.obstacle(against.message)
    said = _lack(wish, network)
    return lacks.unless(not said, f"{wish.node}: {said}")


def _lack(wish: Wish, network: Network) -> str:
    node = containers.find(wish.node)
    if node is None or network.name not in node.addresses:
        return f"has no emulated {wish.interface} yet"
    if node.running and node.addresses[network.name] != _address(wish):
        return f"address in {network.name}: {node.addresses[network.name]} -> {_address(wish)}"
    files = ", ".join(node_files.lack(wish.node, _STEP, _files(wish, network)).reasons)
    # A node that is stopped makes its card when it starts.
    return files or (shortfall(wish, _links(wish.node)) if node.running else "")


def shortfall(wish: Wish, links: Sequence[dict[str, Any]]) -> str:
    """Return in words what the interfaces of a node lack of an emulated card; empty if they lack nothing.

    Args:
        wish: What is asked for.
        links: The interfaces of the node, as `ip -json -details address` reports them.
    """
    pf = next((link for link in links if link.get("ifname") == wish.interface), None)
    if pf is None or emulation.PF_ALTNAME not in pf.get("altnames", ()):
        return f"has no emulated {wish.interface} yet"
    addresses = {f"{info.get('local')}/{info.get('prefixlen')}" for info in pf.get("addr_info", ())}
    if "UP" not in pf.get("flags", ()) or wish.address not in addresses:
        return f"{wish.interface} is not up with {wish.address}"
    ports = {link["ifname"]: link for link in links if link.get("master") == SWITCH}
    port = ports.pop(PORT, {}).get("linkinfo", {}).get("info_slave_data", {})
    if not port.get("hairpin"):
        return f"{wish.interface}: its switch {SWITCH} does not send back to the port that a packet came from"
    return "" if ports else f"{wish.interface}: its switch {SWITCH} has no uplink"


def make(wish: Wish, network: Network) -> None:
    """Make the emulated card of a node, or complete it.

    Args:
        wish: What is asked for.
        network: The network of the cards.

    Raises:
        Problem: Somebody else's network or interface is in the way, or the node does not run.
    """
    against = objection(network)
    if against is not None:
        raise against
    node = containers.find(wish.node)
    if node is None or not node.running:
        raise Problem(f"{wish.node}: its container does not run", hint="./doit create_cluster")
    _refuse_name(wish)
    with networks.CREATING:
        if networks.find(network.name) is None:
            networks.create_internal(network.name, network.subnet, network.gateway, {CHECKOUT: ledgers.here()})
    progress.step(f"emulated {wish.interface} in {wish.node}")
    # Before the node is in the network: with a second address, it could not be restarted without the order of both.
    node_files.sync(wish.node, _STEP, _files(wish, network))
    if node.addresses.get(network.name) != _address(wish):
        _connect(wish, network)
    containers.exec_in(wish.node, ["sh", "-c", _START])
    if _lack(wish, network):
        # Once the uplink has lost its address and its switch, only Docker knows which interface it is.
        _connect(wish, network)
        containers.exec_in(wish.node, ["sh", "-c", _START])
    left = _lack(wish, network)
    if left:
        raise Problem(f"{wish.node}: {left}", hint=f"docker exec {wish.node} journalctl -u {_UNIT}")
    progress.line(f"{wish.node} has an emulated {wish.interface} with {wish.address} (EMULATE=sriov)")


def _connect(wish: Wish, network: Network) -> None:
    """Put a node into the network, also if it is in it already; pods keep their interfaces."""
    networks.disconnect(network.name, wish.node)
    containers.exec_in(wish.node, [_PROGRAM, "release"])
    networks.connect(network.name, wish.node, wish.ip)


def _refuse_name(wish: Wish) -> None:
    """Stop if the node has another interface of the name of the PF.

    Raises:
        Problem: It has one.
    """
    for link in _links(wish.node):
        if link.get("ifname") == wish.interface and emulation.PF_ALTNAME not in link.get("altnames", ()):
            raise Problem(f"{wish.parameter('interface')}: {wish.node} has an interface {wish.interface} of its own",
                          hint="choose another name")  # fmt: skip


def take_away(cluster: str) -> None:
    """Take the emulated cards of a cluster away, also half-made ones and those of nodes that are stopped or gone.

    Args:
        cluster: Name of the cluster.

    Raises:
        Problem: The engine refuses to, or a node does.
    """
    name = network_name(cluster)
    if not is_there(cluster):
        return
    members = networks.users(name)
    for node in (row.node(cluster) for row in nics.WORKERS):
        _clear(node)
        if node in members:
            networks.disconnect(name, node)
    if networks.remove(name):
        progress.line(f"Removed the emulated network cards of cluster {cluster} with the Docker network {name}.")
    else:
        progress.line(f"Left the Docker network {name} to {', '.join(networks.users(name))}.")


def _clear(node: str) -> None:
    """Take the card out of a node; one that is stopped makes none at its next start, without the address."""
    found = containers.find(node)
    if found is not None and found.running and containers.read_from(node, _PARAMETERS) is not None:
        containers.exec_in(node, ["sh", "-c", _STOP])


def place(wish: Wish) -> str:
    """Return in words where the emulated PF of a node is.

    Raises:
        Problem: No engine answers, or the node does not.
    """
    found = containers.find(wish.node)
    if found is None or not found.running:
        return f"in {wish.node} once it runs"
    return shortfall(wish, _links(wish.node)) or f"in {wish.node}"


def _files(wish: Wish, network: Network) -> list[NodeFile]:
    folder = paths.MANIFEST / "node"
    values = f"PF={wish.interface}\nADDRESS={wish.address}\n"
    length = _IPV4_MAPPED + network.subnet.prefixlen
    return [
        NodeFile(_ORDER, _PRECEDENCE.format(network=network.subnet, length=length).encode()),
        NodeFile(_PARAMETERS, values.encode()),
        NodeFile(_PROGRAM, (folder / _STEP).read_bytes(), 0o755),
        NodeFile(f"/etc/systemd/system/{_UNIT}", (folder / _UNIT).read_bytes()),
    ]


def _links(node: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(containers.said_in(node, ["ip", "-json", "-details", "address", "show"]))
    return found


def _address(wish: Wish) -> str:
    return str(wish.ip)


def _is_ours(found: NetworkFacts) -> bool:
    return CHECKOUT in found.labels and not ledgers.is_foreign(found.labels[CHECKOUT])
