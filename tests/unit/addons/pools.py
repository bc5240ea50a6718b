"""What the tests of MetalLB's addresses share: a network of the nodes, and a pool in a cluster."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import TYPE_CHECKING

import pytest

from tasks.addons import address_pool
from tasks.settings import cluster

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.engine import Engine
    from tests.unit.kube_api import KubeApi

MANUAL = "172.18.9.0-172.18.9.10"
# What `auto` gave the manual's cluster before.
EARLIER = "172.18.252.160-172.18.252.191"


def offer(engine: Engine, network: IPv4Network) -> None:
    """Create the network of the nodes on the engine."""
    engine.networks[cluster.NETWORK] = {}
    engine.subnets[cluster.NETWORK] = str(network)


def hold(api: KubeApi, addresses: str) -> None:
    """Let the pool of a cluster hold addresses."""
    api.objects[address_pool.POOL] = [{"metadata": {"name": "cpufunc-pool"}, "spec": {"addresses": [addresses]}}]


@pytest.fixture
def manual(kube_api: KubeApi, tree: Path, engine: Engine, choose: Callable[..., None]) -> KubeApi:
    """The API of the manual's cluster, on the network that the manual knows; MetalLB has no pool there yet."""
    del tree
    choose(CLUSTER_NAME="kind")
    offer(engine, IPv4Network("172.18.0.0/16"))
    kube_api.objects[address_pool.POOL] = []
    kube_api.lead_to("kind")
    return kube_api
