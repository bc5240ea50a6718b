"""The networks of the engine."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, ip_network
from typing import TYPE_CHECKING, Any

from tasks.engines.docker import client as docker_client
from tasks.engines.docker import node_network
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Whoever looks for a network and then creates it holds this, so that tasks side by side do not both create it.
CREATING = threading.Lock()
# How the engine names the interface of a bridge network, before its identifier.
BRIDGE = "br-"
_NOT_CONNECTED = "is not connected to"


@dataclass(frozen=True)
class NetworkFacts:
    """What the engine knows of a network.

    Attributes:
        id: Its identifier.
        name: Its name.
        labels: Its labels.
        subnets: Its IPv4 subnets.
    """

    id: str
    name: str
    labels: Mapping[str, str]
    subnets: tuple[IPv4Network, ...]

    @property
    def device(self) -> str:
        """The interface of a bridge network on the engine's machine, unless an option of the network names it."""
        return f"{BRIDGE}{self.id[:12]}"


def find(name: str) -> NetworkFacts | None:
    """Return the facts of a network, or None if there is no network of that name."""
    return next((facts for facts in _listed(f"^{name}$") if facts.name == name), None)


def overlapping(subnet: IPv4Network) -> list[NetworkFacts]:
    """Return the networks with a subnet that overlaps another one."""
    return [facts for facts in _listed() if any(one.overlaps(subnet) for one in facts.subnets)]


def create_internal(name: str, subnet: IPv4Network, gateway: IPv4Address, labels: Mapping[str, str]) -> None:
    """Create a bridge network that leads nowhere else.

    Args:
        name: Name of the network.
        subnet: Its subnet.
        gateway: The address in it that the engine's machine gets.
        labels: Its labels, besides the tool's own.

    Raises:
        Problem: The engine refuses to create it.
    """
    from docker.errors import APIError
    from docker.types import IPAMConfig, IPAMPool

    try:
        docker_client.client().api.create_network(
            name,
            driver="bridge",
            internal=True,
            ipam=IPAMConfig(pool_configs=[IPAMPool(subnet=str(subnet), gateway=str(gateway))]),
            check_duplicate=True,
            labels={docker_client.OURS: "1", **labels},
        )
    except APIError as error:
        raise Problem(f"docker network {name} ({subnet}): {error.explanation}", hint="docker network ls") from error


def connect(name: str, container: str, address: IPv4Address) -> None:
    """Put a container, running or not, into a network.

    Args:
        name: Name of the network.
        container: Name of the container.
        address: The address that the container gets there, also after each restart.

    Raises:
        Problem: The engine refuses, for example because another container has the address.
    """
    from docker.errors import APIError

    try:
        docker_client.client().api.connect_container_to_network(container, name, ipv4_address=str(address))
    except APIError as error:
        raise Problem(f"{container}: not in docker network {name} with {address}: {error.explanation}",
                      hint=f"docker network inspect {name}") from error  # fmt: skip


def disconnect(name: str, container: str) -> None:
    """Take a container, running or not, out of a network, if it is in it.

    Raises:
        Problem: The engine refuses to.
    """
    from docker.errors import APIError

    try:
        docker_client.client().api.disconnect_container_from_network(container, name, force=True)
    except APIError as error:
        if _NOT_CONNECTED in str(error.explanation):
            return  # the engine keeps the name of a network into which it could not put the container
        raise Problem(f"{container}: still in docker network {name}: {error.explanation}",
                      hint=f"docker network disconnect --force {name} {container}") from error  # fmt: skip


def ensure(name: str) -> None:
    """Create a bridge network with the tool's label; a network of that name that exists is used as it is.

    Raises:
        Problem: The engine refuses to create it.
    """
    with CREATING:
        if not docker_client.client().api.networks(filters={"name": f"^{name}$"}):
            node_network.create(docker_client.client().api, name, {docker_client.OURS: "1"})


def subnet(name: str) -> IPv4Network:
    """Return the IPv4 subnet of a network.

    Raises:
        Problem: There is no such network, or it has no IPv4 subnet.
    """
    for entry in docker_client.client().api.networks(filters={"name": f"^{name}$"}):
        for config in entry["IPAM"]["Config"]:
            network = ip_network(config["Subnet"])
            if isinstance(network, IPv4Network):
                return network
    raise Problem(f"docker network {name}: has no IPv4 subnet", hint=f"docker network inspect {name}")


def is_ours(name: str) -> bool:
    """Return whether there is a network of that name that this tool created."""
    return bool(docker_client.client().api.networks(filters={"name": f"^{name}$", "label": docker_client.OURS}))


def users(name: str) -> list[str]:
    """Return the names of the containers that are in a network, running or not.

    The network itself lists only running containers, but a stopped one could not start again without it.
    """
    known = {name, *(entry["Id"] for entry in docker_client.client().api.networks(filters={"name": f"^{name}$"}))}
    listed = docker_client.client().api.containers(all=True)
    return sorted(entry["Names"][0].lstrip("/") for entry in listed if known & _networks_of(entry))


def _networks_of(entry: Mapping[str, Any]) -> set[str]:
    """Return the names and ids of the networks that a listed container is in, or will be in once it starts."""
    attached = entry["NetworkSettings"]["Networks"] or {}
    ids = {endpoint["NetworkID"] for endpoint in attached.values()}
    return {entry["HostConfig"]["NetworkMode"], *attached, *ids}


def remove(name: str) -> bool:
    """Remove a network that this tool created and that no container, running or not, still needs.

    Returns:
        Whether it was removed.

    Raises:
        Problem: The engine refuses, because something has joined the network in the meantime.
    """
    from docker.errors import APIError

    own = docker_client.client().api.networks(filters={"name": f"^{name}$", "label": docker_client.OURS})
    if not own or users(name):
        return False
    try:
        docker_client.client().api.remove_network(own[0]["Id"])
    except APIError as error:
        raise Problem(f"docker network {name}: {error.explanation}", hint=f"docker network inspect {name}") from error
    return True


def _listed(pattern: str = "") -> Iterator[NetworkFacts]:
    """Yield the facts of the networks whose name matches an expression, or of all."""
    filters = {"name": pattern} if pattern else {}
    for entry in docker_client.client().api.networks(filters=filters):
        configs = [ip_network(config["Subnet"]) for config in entry["IPAM"]["Config"] or () if config.get("Subnet")]
        subnets = tuple(one for one in configs if isinstance(one, IPv4Network))
        yield NetworkFacts(entry["Id"], entry["Name"], entry["Labels"] or {}, subnets)
