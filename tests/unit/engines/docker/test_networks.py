"""tasks.engines.docker.networks: networks that lead nowhere else, and who is in them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

import pytest

from tasks.engines.docker import client, networks
from tasks.problems import Problem
from tests.threads import side_by_side
from tests.unit.engine import Container

if TYPE_CHECKING:
    from tests.unit.engine import Engine

SUBNET = IPv4Network("192.168.20.0/24")


def test_a_network_is_created_with_the_labels_of_tool_and_owner(engine: Engine) -> None:
    networks.create_internal("kind-sriov", SUBNET, IPv4Address("192.168.20.1"), {"owner": "me"})
    assert engine.networks == {"kind-sriov": {client.OURS: "1", "owner": "me"}}
    found = networks.find("kind-sriov")
    assert found is not None
    assert (found.subnets, found.device) == ((SUBNET,), "br-kind-sriov")
    assert networks.find("kind") is None


def test_tasks_side_by_side_create_a_network_once(engine: Engine) -> None:
    side_by_side([lambda: networks.ensure("kind")] * 8)
    assert list(engine.networks) == ["kind"]
    assert [request for request in engine.requests if request == "POST /networks/create"] == ["POST /networks/create"]


def test_networks_that_overlap_are_found_whatever_their_prefix(engine: Engine) -> None:
    engine.networks.update({"wide": {}, "apart": {}, "host": {}})
    engine.subnets.update({"wide": "192.168.0.0/16", "apart": "192.168.21.0/24"})
    assert [one.name for one in networks.overlapping(IPv4Network("192.168.20.0/24"))] == ["wide"]


def test_a_container_is_put_in_with_an_address_and_taken_out(engine: Engine) -> None:
    engine.networks["kind-sriov"] = {}
    engine.containers["kind-worker"] = Container(addresses={"kind": "172.18.0.3"})
    networks.connect("kind-sriov", "kind-worker", IPv4Address("192.168.20.2"))
    assert engine.containers["kind-worker"].addresses == {"kind": "172.18.0.3", "kind-sriov": "192.168.20.2"}
    assert networks.users("kind-sriov") == ["kind-worker"]
    networks.disconnect("kind-sriov", "kind-worker")
    assert networks.users("kind-sriov") == []


def test_what_the_engine_refuses_is_one_line_with_the_object(engine: Engine) -> None:
    engine.refusals["POST /networks/create"] = (403, "Pool overlaps with other one on this address space")
    engine.refusals["POST /networks/kind-sriov/connect"] = (403, "Address already in use")
    engine.refusals["POST /networks/kind-sriov/disconnect"] = (500, "busy")
    gateway = IPv4Address("192.168.20.1")
    with pytest.raises(Problem, match=r"docker network kind-sriov \(192.168.20.0/24\): Pool overlaps"):
        networks.create_internal("kind-sriov", SUBNET, gateway, {})
    with pytest.raises(Problem, match=r"kind-worker: not in docker network kind-sriov with 192.168.20.1: Address"):
        networks.connect("kind-sriov", "kind-worker", gateway)
    with pytest.raises(Problem, match=r"kind-worker: still in docker network kind-sriov: busy"):
        networks.disconnect("kind-sriov", "kind-worker")
    said = "container 1 is not connected to network kind-sriov"
    engine.refusals["POST /networks/kind-sriov/disconnect"] = (403, said)
    networks.disconnect("kind-sriov", "kind-worker")
