"""Cluster networks against the host's routes."""

from __future__ import annotations

import re
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

import pytest

from tasks.cluster import address_plan
from tasks.engines.host.routes import Route
from tasks.problems import Problem
from tasks.settings import parameters

if TYPE_CHECKING:
    from collections.abc import Callable

    from tasks.settings.parameters.model import Parameters


@pytest.fixture
def chosen(choose: Callable[..., None]) -> Parameters:
    """The parameters, with POD_SUBNET from the environment, which is then its origin."""
    choose(POD_SUBNET="10.244.0.0/16")
    return parameters.current()


@pytest.mark.parametrize(
    ("network", "device", "clash"),
    [
        ("192.168.20.0/24", "ens9f0np0", ""),
        ("192.168.21.0/24", "eno1", ""),
        ("192.168.16.0/20", "eno1", "NV_IPAM_SUBNET: 192.168.20.0/24 overlaps the route to 192.168.16.0/20 on eno1"),
    ],
)
def test_the_cards_network_may_be_on_the_cards_only(chosen: Parameters, network: str, device: str, clash: str) -> None:
    routes = [Route(IPv4Network(network), device)]
    if clash:
        with pytest.raises(Problem, match=re.escape(clash)):
            address_plan.check_cards(chosen, routes)
    else:
        address_plan.check_cards(chosen, routes)


def test_the_cards_network_may_be_on_the_cluster_own_emulated_cards(chosen: Parameters) -> None:
    routes = [Route(IPv4Network("192.168.20.0/24"), "br-0123456789ab")]
    address_plan.check_cards(chosen, routes, emulated="br-0123456789ab")
    with pytest.raises(Problem, match="on br-0123456789ab"):
        address_plan.check_cards(chosen, routes, emulated="br-another")


def test_a_registry_inside_a_network_of_the_cluster_is_named(chosen: Parameters) -> None:
    other = chosen.model_copy(update={"dci_registry_addr_alt": "10.244.9.9:8443/images"})
    with pytest.raises(Problem, match=r"POD_SUBNET: 10.244.0.0/16 holds the registry 10.244.9.9"):
        address_plan.check(other, [])


@pytest.mark.parametrize(
    ("network", "device", "clash"),
    [
        ("172.18.0.0/16", "br-1", ""),
        ("10.245.0.0/16", "eth1", ""),
        (
            "10.244.7.0/24",
            "docker0",
            "environment: POD_SUBNET: 10.244.0.0/16 overlaps the route to 10.244.7.0/24 on docker0",
        ),
        ("10.0.0.0/8", "tun0", "environment: POD_SUBNET: 10.244.0.0/16 overlaps the route to 10.0.0.0/8 on tun0"),
        ("10.96.0.10/32", "wg0", "SERVICE_SUBNET: 10.96.0.0/16 overlaps the route to 10.96.0.10/32 on wg0"),
    ],
)
def test_overlap_names_parameter_network_and_interface(
    chosen: Parameters, network: str, device: str, clash: str
) -> None:
    routes = [Route(IPv4Network(network), device)]
    if clash:
        with pytest.raises(Problem) as raised:
            address_plan.check(chosen, routes)
        assert clash in raised.value.message
    else:
        address_plan.check(chosen, routes)
