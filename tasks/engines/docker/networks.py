"""The networks of the engine."""

from __future__ import annotations

from ipaddress import IPv4Network, ip_network
from typing import TYPE_CHECKING, Any

from tasks.engines.docker import client as docker_client
from tasks.engines.docker import node_network
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping


def ensure(name: str) -> None:
    """Create a bridge network with the tool's label; a network of that name that exists is used as it is.

    Raises:
        Problem: The engine refuses to create it.
    """
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
