"""tasks.engines.docker.node_network: the requests to an engine with, without or with partial IPv6 support."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests
from docker.errors import APIError, NotFound

from tasks.engines.docker import node_network
from tasks.problems import Problem

if TYPE_CHECKING:
    from tests.unit.conftest import Lines

OVERLAP = "Pool overlaps with other one on this address space"
NO_IPV6 = "Cannot read IPv6 setup for bridge br-1: open /proc/sys/net/ipv6: no such file or directory"
FULL = "could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network"
MTU = "com.docker.network.driver.mtu"


class Engine:
    """An engine that refuses once for each refusal it is given, and keeps the requests."""

    def __init__(self, *refusals: str, mtu: str | None = "1500", status: int = 500) -> None:
        self._refusals, self._mtu, self._status = list(refusals), mtu, status
        self.asked: list[dict[str, Any]] = []

    def inspect_network(self, name: str) -> dict[str, Any]:
        if self._mtu is None:
            raise NotFound(f"network {name} not found")
        return {"Options": {MTU: self._mtu}}

    def create_network(self, name: str, **words: Any) -> None:
        self.asked.append(words)
        if self._refusals:
            answer = requests.Response()
            answer.status_code = self._status
            raise APIError("refused", answer, self._refusals.pop(0))

    @property
    def subnets(self) -> list[str]:
        pools = [(words["ipam"] or {"Config": [{"Subnet": ""}]})["Config"] for words in self.asked]
        return [pool[0]["Subnet"] for pool in pools]


def create(engine: Engine) -> None:
    node_network.create(engine, "kind", {"ours": "1"})  # type: ignore[arg-type]


def test_the_subnet_is_the_one_that_kind_has_everywhere() -> None:
    assert str(node_network.ipv6_subnet("kind", 0)) == "fc00:f853:ccd:e793::/64"


def test_it_is_made_as_by_kind_with_our_label() -> None:
    engine = Engine(mtu="1450")
    create(engine)
    (asked,) = engine.asked
    assert asked["options"] == {"com.docker.network.bridge.enable_ip_masquerade": "true", MTU: "1450"}
    assert asked["labels"] == {"ours": "1"}
    assert asked["enable_ipv6"]
    assert engine.subnets == ["fc00:f853:ccd:e793::/64"]


@pytest.mark.parametrize("mtu", [None, "", "0", "none"])
def test_an_engine_without_a_default_bridge_tells_no_mtu(mtu: str | None) -> None:
    engine = Engine(mtu=mtu)
    create(engine)
    assert MTU not in engine.asked[0]["options"]


def test_a_subnet_that_is_taken_gives_way_to_the_next() -> None:
    engine = Engine(OVERLAP, OVERLAP)
    create(engine)
    assert len(set(engine.subnets)) == 3
    assert engine.asked[-1]["enable_ipv6"]


@pytest.mark.parametrize(("refusals", "tries"), [([NO_IPV6], 2), ([OVERLAP] * 5, 6)])
def test_an_engine_that_has_no_ipv6_does_without_and_it_is_said(refusals: list[str], tries: int, said: Lines) -> None:
    engine = Engine(*refusals)
    create(engine)
    assert len(engine.asked) == tries
    assert not engine.asked[-1]["enable_ipv6"]
    assert engine.subnets[-1] == ""
    assert said.kept == [f"The Docker network kind has no IPv6: {refusals[-1]}"]


def test_one_that_another_run_makes_at_the_same_time_is_no_error(said: Lines) -> None:
    create(Engine("network with name kind already exists", status=409))
    assert said.kept == []


def test_an_engine_without_free_addresses_is_one_line() -> None:
    with pytest.raises(Problem, match="docker network kind: could not find an available") as caught:
        create(Engine(FULL, FULL))
    assert "\n" not in caught.value.message
