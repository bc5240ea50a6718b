"""The stand-in cards' functions on real kubelets, and the second interfaces of pods that hold one."""

from __future__ import annotations

import json
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

import pytest

from tasks.addons import address_blocks
from tasks.engines.docker import containers
from tasks.engines.kube import manifests
from tasks.engines.kube.manifests import Kind
from tasks.engines.kube.pod_exec import Container
from tasks.engines.programs import waiting
from tasks.settings import nics
from tests.cluster.lab import NAME, NAMESPACE, chosen, function_pod

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.engines.kube.manifests import Object
    from tests.cluster.lab import Lab

FIRST, SECOND = f"{NAME}-worker", f"{NAME}-worker2"
STATUS = "k8s.v1.cni.cncf.io/network-status"
NETWORKS = {"k8s.v1.cni.cncf.io/networks": "sriov-ipam-config"}
LABEL = "second-network-test"
BLOCKS = Kind("whereabouts.cni.cncf.io/v1alpha1", "IPPool")
SECONDS = 120.0
SOCKET = "/var/lib/kubelet/device-plugins/nvidia.com_mlnx_sriov_netdevice.sock"
# Looks into the network of each pod on a node for the one that has an address, and sends a ping from there.
PING = """
for space in /var/run/netns/*; do
    name=$(basename "$space")
    if ip netns exec "$name" ip -o -4 addr show net1 2>/dev/null | grep -qF " $1/"; then
        exec ip netns exec "$name" ping -c 1 -W 5 -q "$2"
    fi
done
echo "no pod has $1" >&2
exit 1
"""


@pytest.fixture
def equipped(verified: Lab) -> Iterator[Lab]:
    """The lab with its add-ons and stand-in cards; the pods of a test are removed afterwards."""
    verified.run("create_cluster_with_all")
    yield verified
    names = [manifests.name_of(pod) for pod in verified.api.list(manifests.POD, NAMESPACE, f"app={LABEL}")]
    for name in names:
        verified.api.delete(manifests.POD, name, NAMESPACE)
    for name in names:
        verified.api.wait_gone(manifests.POD, name, NAMESPACE, deadline=SECONDS)


def test_pods_with_a_function_have_addresses_of_their_nodes_block_and_reach_each_other(equipped: Lab) -> None:
    where = {"one": FIRST, "two": FIRST, "three": SECOND}
    equipped.api.apply([pod(equipped, name, node, NETWORKS) for name, node in where.items()])
    addresses = {name: second_address(equipped, name) for name in where}
    assert block_of(addresses["one"]) == block_of(addresses["two"]) != block_of(addresses["three"])
    assert len(set(addresses.values())) == len(where)
    functions = {name: held(equipped, name) for name in where}
    assert functions["one"] != functions["two"]
    assert functions["three"].startswith(chosen().sriov_pf_if_2)
    for source, target in (("one", "two"), ("two", "three"), ("three", "one")):
        containers.exec_in(where[source], ["sh", "-c", PING, "sh", addresses[source], addresses[target]])


def test_an_address_is_free_again_when_its_pod_is_gone(equipped: Lab) -> None:
    if equipped.api.get(manifests.CUSTOM_RESOURCE_DEFINITION, "ippools.whereabouts.cni.cncf.io") is None:
        return  # nvidia-k8s-ipam keeps what it has given on the nodes
    equipped.api.apply([pod(equipped, "leaver", FIRST, NETWORKS)])
    second_address(equipped, "leaver")
    assert f"{NAMESPACE}/leaver" in leases(equipped)
    equipped.api.delete(manifests.POD, "leaver", NAMESPACE)
    waiting.until(
        "IPPool: no address for leaver",
        lambda: leases(equipped),
        lambda found: f"{NAMESPACE}/leaver" not in found,
        deadline=SECONDS,
    )


def test_a_pod_for_which_no_function_is_left_waits_until_one_is(equipped: Lab) -> None:
    names = [f"holder-{number}" for number in range(free(equipped, SECOND))]
    assert names
    equipped.api.apply([pod(equipped, name, SECOND, {}) for name in names])
    for name in names:
        await_phase(equipped, name, "Running")
    equipped.api.apply([pod(equipped, "waiter", SECOND, {})])
    message = waiting.until("pod waiter: a reason", lambda: unscheduled(equipped, "waiter"), bool, deadline=SECONDS)
    assert f"Insufficient {nics.RESOURCE}" in message
    equipped.api.delete(manifests.POD, names[0], NAMESPACE)
    await_phase(equipped, "waiter", "Running")


def test_the_functions_are_offered_again_when_a_kubelet_starts_again(equipped: Lab) -> None:
    before = registration(FIRST)
    assert before
    containers.exec_in(FIRST, ["systemctl", "restart", "kubelet"])
    waiting.until(
        f"node {FIRST}: the plugin has registered again",
        lambda: registration(FIRST),
        lambda found: found not in {"", before},
        deadline=SECONDS,
    )
    waiting.until(
        f"node {FIRST}: functions",
        lambda: allocatable(equipped, FIRST),
        lambda found: found == chosen().sriov_num_vfs,
        deadline=SECONDS,
    )


def pod(lab: Lab, name: str, node: str, annotations: dict[str, str]) -> Object:
    """Return a pod that holds a function; it runs an image that the cluster already has."""
    function = lab.api.get(manifests.POD, function_pod("plus"), NAMESPACE) or {}
    sleep = {
        "name": "sleep",
        "image": function["spec"]["containers"][0]["image"],
        "command": ["sleep", "infinity"],
        "resources": {"limits": {nics.RESOURCE: "1"}},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"app": LABEL}, "annotations": annotations},
        "spec": {
            "containers": [sleep],
            "nodeSelector": {"kubernetes.io/hostname": node},
            "terminationGracePeriodSeconds": 0,
        },
    }


def second_address(lab: Lab, name: str) -> str:
    """Return the address of a pod's interface net1 once it runs."""
    await_phase(lab, name, "Running")
    found = lab.api.get(manifests.POD, name, NAMESPACE) or {}
    status = json.loads(found["metadata"]["annotations"][STATUS])
    (second,) = [each for each in status if each["name"] == f"{NAMESPACE}/sriov-ipam-config"]
    assert second["interface"] == "net1"
    return str(second["ips"][0])


def block_of(address: str) -> int:
    """Return which block an address is of; it must be one that pods may have."""
    given = IPv4Address(address)
    for number, block in enumerate(address_blocks.whereabouts(chosen(), (FIRST, SECOND)).values()):
        if IPv4Address(block["range_start"]) <= given <= IPv4Address(block["range_end"]):
            assert not any(given in IPv4Network(each) for each in block["exclude"])
            return number
    raise AssertionError(f"{address} is of no block")


def await_phase(lab: Lab, name: str, wanted: str) -> None:
    waiting.until(
        f"pod {name}: {wanted}",
        lambda: (lab.api.get(manifests.POD, name, NAMESPACE) or {}).get("status", {}).get("phase", ""),
        lambda phase: phase == wanted,
        deadline=SECONDS,
    )


def held(lab: Lab, name: str) -> str:
    """Return the function that a pod was told it has."""
    variable = "PCIDEVICE_NVIDIA_COM_MLNX_SRIOV_NETDEVICE"
    return lab.api.exec(Container(name, NAMESPACE, "sleep"), ["printenv", variable]).strip()


def unscheduled(lab: Lab, name: str) -> str:
    """Return why the scheduler has no node for a pod."""
    found = lab.api.get(manifests.POD, name, NAMESPACE) or {}
    conditions = found.get("status", {}).get("conditions", [])
    return next((each.get("message", "") for each in conditions if each.get("reason") == "Unschedulable"), "")


def free(lab: Lab, node: str) -> int:
    """Return how many functions of a node no pod holds."""
    pods = [each for each in lab.api.list(manifests.POD) if each["spec"].get("nodeName") == node]
    limits = [
        container.get("resources", {}).get("limits", {}).get(nics.RESOURCE, "0")
        for each in pods
        if each["status"].get("phase") not in {"Succeeded", "Failed"}
        for container in each["spec"]["containers"]
    ]
    return allocatable(lab, node) - sum(map(int, limits))


def allocatable(lab: Lab, node: str) -> int:
    found = lab.api.get(manifests.NODE, node) or {}
    return int(found["status"]["allocatable"].get(nics.RESOURCE, 0))


def registration(node: str) -> str:
    """Return what tells apart the sockets that a node's device plugin makes, one for each registration."""
    return containers.exec_in(node, ["stat", "--format", "%i %w", SOCKET], check=False)


def leases(lab: Lab) -> set[str]:
    """Return the pods that have addresses of the second network."""
    pools = lab.api.list(BLOCKS, "kube-system")
    return {each["podref"] for pool in pools for each in pool["spec"]["allocations"].values()}
