"""Add-ons that really run: a Service's address, a pod's second interface, and the repair of manual changes."""

from __future__ import annotations

import json
from ipaddress import ip_address, ip_interface
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tasks.engines.go import proxy
from tasks.engines.kube import manifests
from tasks.engines.kube.manifests import Kind
from tasks.engines.kube.pod_exec import Container
from tasks.engines.programs import waiting
from tasks.settings import artifacts, parameters
from tests.cluster.lab import NAME, NAMESPACE, function_pod, started

if TYPE_CHECKING:
    from collections.abc import Iterator
    from ipaddress import IPv4Address, IPv6Address

    from tasks.engines.kube.manifests import Object
    from tests.cluster.lab import Lab

POOL = Kind("metallb.io/v1beta1", "IPAddressPool")
BLOCKS = Kind("nv-ipam.nvidia.com/v1alpha1", "IPPool")
NETWORK = Kind("k8s.cni.cncf.io/v1", "NetworkAttachmentDefinition")
STATUS = "k8s.v1.cni.cncf.io/network-status"
SECONDS = 120.0

# CoreDNS reports its readiness at the target port.
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "addon-test", "namespace": "kube-system"},
    "spec": {
        "type": "LoadBalancer",
        "selector": {"k8s-app": "kube-dns"},
        "ports": [{"port": 80, "targetPort": 8181}],
    },
}


@pytest.fixture
def equipped(verified: Lab) -> Iterator[Lab]:
    """The lab with its add-ons; what a test made is removed afterwards."""
    verified.run("create_cluster_with_all")
    yield verified
    verified.api.delete(manifests.SERVICE, "addon-test", "kube-system")
    verified.api.delete(manifests.POD, "addon-test", NAMESPACE)
    verified.api.wait_gone(manifests.POD, "addon-test", NAMESPACE, deadline=SECONDS)
    verified.api.delete(NETWORK, "addon-test", NAMESPACE)


def test_a_service_gets_an_address_of_the_pool_that_answers_on_the_host(equipped: Lab) -> None:
    equipped.api.apply([SERVICE])
    address = waiting.Condition(
        "Service addon-test: an address",
        lambda: address_of(equipped),
        bool,
        describe=str,
    ).wait(SECONDS)
    answer = waiting.until(f"http://{address}/ready", lambda: asked(f"http://{address}/ready"), bool, deadline=SECONDS)
    first, last = pool(equipped)
    assert numbers(first) <= numbers(address) <= numbers(last)
    assert answer == "OK"


def address_of(lab: Lab) -> str:
    found = lab.api.get(manifests.SERVICE, "addon-test", "kube-system") or {}
    given = found.get("status", {}).get("loadBalancer", {}).get("ingress", [])
    return str(given[0]["ip"]) if given else ""


def asked(url: str) -> str:
    try:
        answer = requests.get(url, timeout=5)
    except requests.RequestException:
        return ""
    return answer.text if answer.ok else ""


def pool(lab: Lab) -> list[str]:
    found = lab.api.get(POOL, "cpufunc-pool", "metallb-system") or {}
    return str(found["spec"]["addresses"][0]).split("-")


def numbers(address: str) -> list[int]:
    return [int(part) for part in address.split(".")]


def test_a_pod_gets_a_second_interface(equipped: Lab) -> None:
    address = second_address(equipped, {"type": "host-local", "subnet": "192.0.2.0/24"})
    assert address.startswith("192.0.2.")
    seen = equipped.api.exec(Container("addon-test", NAMESPACE, "sleep"), ["cat", "/proc/net/dev"])
    assert {"eth0:", "net1:"} <= set(seen.split())


def second_address(lab: Lab, ipam: dict[str, str]) -> str:
    """Attach a pod to a second network on a bridge; return the address of its interface net1."""
    lab.api.apply([network(ipam)])
    lab.api.apply([attached(lab)])
    status = waiting.Condition(
        "pod addon-test: its networks",
        lambda: networks(lab),
        bool,
        describe=str,
    ).wait(SECONDS)
    second = next(each for each in status if each["name"] == f"{NAMESPACE}/addon-test")
    assert second["interface"] == "net1"
    return str(second["ips"][0])


def network(ipam: dict[str, str]) -> Object:
    bridge = {"cniVersion": "0.3.1", "name": "addon-test", "type": "bridge", "bridge": "addon-test", "ipam": ipam}
    return {
        "apiVersion": NETWORK.api_version,
        "kind": NETWORK.name,
        "metadata": {"name": "addon-test", "namespace": NAMESPACE},
        "spec": {"config": json.dumps(bridge)},
    }


def attached(lab: Lab) -> Object:
    """Return a pod that requests the second network; it runs an image that the cluster already has."""
    function = lab.api.get(manifests.POD, function_pod("plus"), NAMESPACE) or {}
    sleep = {
        "name": "sleep",
        "image": function["spec"]["containers"][0]["image"],
        "command": ["sleep", "infinity"],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "addon-test",
            "namespace": NAMESPACE,
            "annotations": {"k8s.v1.cni.cncf.io/networks": "addon-test"},
        },
        "spec": {"containers": [sleep], "terminationGracePeriodSeconds": 0},
    }


def networks(lab: Lab) -> list[dict[str, Any]]:
    found = lab.api.get(manifests.POD, "addon-test", NAMESPACE) or {}
    ready = any(each.get("ready") for each in found.get("status", {}).get("containerStatuses", []))
    said: list[dict[str, Any]] = json.loads(found["metadata"]["annotations"].get(STATUS, "[]")) if ready else []
    return said


def test_a_second_interface_gets_an_address_of_its_nodes_block_or_a_line_says_who_gives_it(equipped: Lab) -> None:
    refused = proxy.refusal(artifacts.NVIDIA_K8S_IPAM, parameters.current())
    if refused:
        says_what_stands_in_for_it(equipped, refused)
    else:
        gives_an_address_of_the_nodes_block(equipped)


def says_what_stands_in_for_it(lab: Lab, refused: str) -> None:
    (lab.checkout.root / "build" / f"cluster-{NAME}" / "told" / "nvidia-k8s-ipam").unlink()
    line = f"nvidia-k8s-ipam: whereabouts {parameters.current().whereabouts_version} stands in for it: {refused}"
    assert line in lab.run("addon:nvidia-k8s-ipam").splitlines()
    assert started(lab.run("addon:nvidia-k8s-ipam")) == []
    assert lab.api.get(manifests.CUSTOM_RESOURCE_DEFINITION, "ippools.nv-ipam.nvidia.com") is None


def gives_an_address_of_the_nodes_block(lab: Lab) -> None:
    given = waiting.Condition(
        "IPPool nv-pool1: a block for each worker",
        lambda: blocks(lab),
        lambda found: set(found) == set(lab.node_names[1:]),
        describe=str,
    ).wait(SECONDS)
    address = ip_interface(second_address(lab, {"type": "nv-ipam", "poolName": "nv-pool1"})).ip
    pod = lab.api.get(manifests.POD, "addon-test", NAMESPACE) or {}
    assert address in given[pod["spec"]["nodeName"]]


def blocks(lab: Lab) -> dict[str, set[IPv4Address | IPv6Address]]:
    """Return the addresses that each node may assign, by its name: its block without what the pool excludes."""
    pool = lab.api.get(BLOCKS, "nv-pool1", "kube-system") or {}
    never = [address for each in pool["spec"]["exclusions"] for address in span(each)]
    given = pool.get("status", {}).get("allocations", [])
    return {each["nodeName"]: set(span(each)).difference(never) for each in given}


def span(block: dict[str, str]) -> list[IPv4Address | IPv6Address]:
    first, last = ip_address(block["startIP"]), ip_address(block["endIP"])
    return [first + offset for offset in range(int(last) - int(first) + 1)]


def test_what_a_hand_changed_is_put_back_and_nothing_else_is_touched(equipped: Lab) -> None:
    before = pool(equipped)
    equipped.api.patch(POOL, "cpufunc-pool", "metallb-system", {"spec": {"addresses": ["203.0.113.1-203.0.113.2"]}})
    output = equipped.run("create_cluster_with_all")
    assert started(output) == ["addon:metallb"]
    assert "metallb: 1 objects applied" in output
    assert pool(equipped) == before
    assert started(equipped.run("create_cluster_with_all")) == []
