"""Refuses networks of the cluster and its cards that overlap routes of the host, such as those of a VPN or docker."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from tasks.problems import Problem
from tasks.settings import nics, parameters
from tasks.settings.parameters import layers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from ipaddress import IPv4Network

    from tasks.engines.host.routes import Route
    from tasks.settings.parameters.model import Parameters

_CLUSTER_NETWORKS = ("POD_SUBNET", "SERVICE_SUBNET")
_CARD_NETWORKS = ("NV_IPAM_SUBNET",)


def check(p: Parameters, routes: Sequence[Route]) -> None:
    """Stop if a network of the cluster overlaps a route of the host, including the routes to docker networks.

    Args:
        p: The parameters of the run.
        routes: The host's routes.

    Raises:
        Problem: A network overlaps a route or contains the registry's address; one line for each case.
    """
    _check(p, _CLUSTER_NETWORKS, routes)


def check_cards(p: Parameters, routes: Sequence[Route], *, emulated: str = "") -> None:
    """Stop if the network of the SR-IOV cards overlaps a route of the host that does not go through these cards.

    Args:
        p: The parameters of the run.
        routes: The host's routes.
        emulated: The interface of the host that leads to the cluster's emulated cards, if it has such cards.

    Raises:
        Problem: It overlaps a route or contains the registry's address; one line for each case.
    """
    cards = {getattr(p, worker.interface.lower()) for worker in nics.WORKERS} | {emulated} - {""}
    _check(p, _CARD_NETWORKS, [route for route in routes if route.device not in cards])


def _check(p: Parameters, names: Iterable[str], routes: Sequence[Route]) -> None:
    clashes = [clash for name in names for clash in _clashes(p, name, routes)]
    if clashes:
        raise Problem("\n".join(clashes), hint=f"choose another network in {layers.USER_FILE}, or: ip route")


def _clashes(p: Parameters, name: str, routes: Sequence[Route]) -> Iterator[str]:
    network: IPv4Network = getattr(p, name.lower())
    told = f"{parameters.origin(name)}: {name}: {network}"
    for route in routes:
        if network.overlaps(route.destination):
            yield f"{told} overlaps the route to {route.destination} on {route.device}"
    registry = p.dci_registry_addr_alt.partition("/")[0].partition(":")[0]
    if _is_in(registry, network):
        yield f"{told} holds the registry {registry} (DCI_REGISTRY_ADDR_ALT)"


def _is_in(host: str, network: IPv4Network) -> bool:
    try:
        return ip_address(host) in network
    except ValueError:
        return False
