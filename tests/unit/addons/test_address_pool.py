"""tasks.addons.address_pool: which addresses MetalLB hands out."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

import pytest

from tasks.addons import address_pool
from tasks.settings import parameters
from tests.unit.addons.pools import EARLIER, MANUAL, hold, offer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.engine import Engine
    from tests.unit.kube_api import KubeApi


def test_clusters_of_one_network_share_its_end(choose: Callable[..., None], engine: Engine) -> None:
    network = IPv4Network("172.18.0.0/16")
    offer(engine, network)
    seen = set()
    for name in ("lab", "tier", "other"):
        choose(CLUSTER_NAME=name)
        first, last = pool()
        assert int(last) - int(first) == 31
        assert first in network
        assert first >= IPv4Address("172.18.192.0")
        assert last < network.broadcast_address - 31
        seen.add(first)
    assert len(seen) == 3


@pytest.mark.usefixtures("manual")
def test_the_manuals_cluster_has_the_manuals_addresses() -> None:
    assert address_pool.metallb(parameters.current()) == MANUAL
    assert address_pool.notice(parameters.current()) == ""


@pytest.mark.parametrize("network", ["172.19.0.0/16", "172.18.0.0/17"])
def test_in_another_network_the_manuals_cluster_has_its_end(
    choose: Callable[..., None], engine: Engine, network: str
) -> None:
    choose(CLUSTER_NAME="kind")
    offer(engine, IPv4Network(network))
    first, last = pool()
    assert int(last) - int(first) == 31
    assert first in IPv4Network(network)


def test_a_cluster_with_the_earlier_addresses_keeps_them_until_there_is_consent(
    manual: KubeApi, choose: Callable[..., None]
) -> None:
    hold(manual, EARLIER)
    assert address_pool.metallb(parameters.current()) == EARLIER
    assert address_pool.notice(parameters.current()) == (
        f"cpufunc-pool keeps {EARLIER}, which Services may have; RECREATE=1 ./doit addon:metallb makes it {MANUAL}"
    )
    choose(CLUSTER_NAME="kind", RECREATE="1")
    assert address_pool.metallb(parameters.current()) == MANUAL
    choose(CLUSTER_NAME="kind", METALLB_POOL="172.18.7.0/24")
    assert address_pool.metallb(parameters.current()) == "172.18.7.0/24"
    assert address_pool.notice(parameters.current()) == ""


def test_addresses_that_neither_default_gave_are_replaced_as_before(manual: KubeApi) -> None:
    hold(manual, "172.18.1.0-172.18.1.9")
    assert address_pool.metallb(parameters.current()) == MANUAL


@pytest.mark.parametrize("network", [IPv4Network(text) for text in ("192.168.9.0/24", "192.168.9.0/28")], ids=str)
def test_a_small_network_has_a_pool_too(choose: Callable[..., None], engine: Engine, network: IPv4Network) -> None:
    choose()
    offer(engine, network)
    first, last = pool()
    assert first <= last < network.broadcast_address
    assert first > network.network_address + network.num_addresses // 2


def test_a_chosen_pool_is_taken_as_it_is(choose: Callable[..., None]) -> None:
    choose(METALLB_POOL="172.18.9.0-172.18.9.10")
    assert address_pool.metallb(parameters.current()) == "172.18.9.0-172.18.9.10"


def pool() -> tuple[IPv4Address, IPv4Address]:
    first, last = address_pool.metallb(parameters.current()).split("-")
    return IPv4Address(first), IPv4Address(last)
