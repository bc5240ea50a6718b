"""tasks.dataflows.addresses: a function's own address, and the one at which it is reached."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tasks.dataflows import addresses
from tasks.dataflows.addresses import Address
from tasks.engines.kube import manifests
from tasks.patterns import known
from tasks.problems import Problem
from tests.unit.dataflows.functions import NETWORKS, Functions


def service(ingress: str = "") -> dict[str, Any]:
    balancer = {"ingress": [{"ip": ingress}]} if ingress else {}
    return {
        "metadata": {"name": "pip-service"},
        "spec": {"clusterIP": "10.96.0.7"},
        "status": {"loadBalancer": balancer},
    }


def pod(networks: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "metadata": {"name": "pip-pod", "annotations": {NETWORKS: json.dumps(networks)}},
        "status": {"podIP": "10.244.0.2"},
    }


FIRST = {"name": "calico", "ips": ["10.244.0.2"]}
SECOND = {"name": "cpufunc-sample/sriov-ipam-config", "ips": ["192.168.20.11"]}


@pytest.mark.parametrize(
    ("name", "networks", "in_front", "expected"),
    [
        ("p1c1", [], service(), "10.96.0.7"),
        ("p1c1", [], service("172.18.255.1"), "172.18.255.1"),
        ("p1c2", [], service("172.18.255.1"), "172.18.255.1"),
        ("p3c1", [FIRST, SECOND], None, "192.168.20.11"),
    ],
)
def test_the_address_that_a_video_is_sent_to(
    name: str, networks: list[dict[str, Any]], in_front: dict[str, Any] | None, expected: str
) -> None:
    assert addresses.of_first(known.named(name), pod(networks), in_front) == expected


@pytest.mark.parametrize(
    ("name", "in_front", "says"),
    [
        ("p1c1", None, "df-cpu-p1c1: no Service in front of pip"),
        ("p1c2", service(), "no load balancer gave it an address"),
        ("p3c1", None, "has no address in sriov-ipam-config"),
    ],
)
def test_no_address_is_a_line_that_says_why(name: str, in_front: dict[str, Any] | None, says: str) -> None:
    with pytest.raises(Problem, match=says):
        addresses.of_first(known.named(name), pod([]), in_front)


@pytest.mark.parametrize(
    ("name", "own", "way"),
    [
        ("p1c1", "10.244.0.2", "Service"),
        ("p1c2", "10.244.0.2", "load balancer"),
        ("p3c1", "192.168.20.11", "net1"),
    ],
)
def test_an_address_is_that_of_the_patterns_network(name: str, own: str, way: str) -> None:
    pattern = known.named(name)
    assert (addresses.own(pattern.network, pod([FIRST, SECOND])), addresses.way(pattern)) == (own, way)


def test_where_the_next_function_is_stands_in_what_the_controller_told_the_one_before() -> None:
    functions = Functions(known.named("p2c3"))
    unfinished = {**functions.told("dsa", "", 0), "data": {"config": "{}"}}
    functions.objects = {manifests.CONFIG_MAP: [functions.told("pip", "192.168.20.41", 5678), unfinished]}
    assert addresses.told(functions.flow(), functions.pods) == {"dsa": Address("192.168.20.41", 5678)}
    assert str(Address("192.168.20.41", 5678)) == "192.168.20.41:5678"
