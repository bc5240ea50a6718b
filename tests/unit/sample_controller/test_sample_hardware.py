"""What the sample controller does with virtual functions and GPUs, in a cluster in memory."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest
from sample_operator import deviceinfo, ethernetconnection, functions, gpufunction
from sample_operator.context import LATER, Context

from tests.unit.sample_controller.sample_cluster import GPU, started_cluster

if TYPE_CHECKING:
    from tests.unit.sample_controller.sample_cluster import Cluster

CALC, VIDEO = "cpufunc-calcapp", "cpufunc-sample"
KEYS = ("send", "plus", "minus", "multiply", "divide", "average", "rcv")
FUNCTION = "nvidia.com/mlnx_sriov_netdevice"
WAITS = "WBFunction/WBConnection created"


def video(name: str, gpu: str = GPU) -> Cluster:
    """A cluster with a GPU to which a video pattern is deployed."""
    cluster = started_cluster(scenario=f"cpugpu-func/{name}", gpu=gpu)
    cluster.apply("df-cpufunc.yaml")
    cluster.settle()
    return cluster


def status(cluster: Cluster, name: str) -> str:
    word: str = cluster.api.objects["dataflows", VIDEO, name]["status"]["status"]
    return word


def pod_of(name: str, key: str) -> str:
    kind = f"mps-dgpu-{GPU.lower()}" if key == "dsa" else "cpu"
    return f"df-cpu-{name}-wbfunction-{key}-{kind}-pod"


def next_hop(cluster: Cluster, pod: str, namespace: str = VIDEO) -> Any:
    return json.loads(cluster.api.objects["configmaps", namespace, f"ethcrl.{pod}"]["data"]["config"])


@pytest.fixture
def calcapp() -> Cluster:
    """A cluster to which calcapp is deployed on virtual functions, whose pods have no address yet."""
    cluster = started_cluster(scenario="calc-func/sriov")
    cluster.apply("df-cpufunc.yaml")
    cluster.settle()
    return cluster


def test_each_function_takes_one_virtual_function_and_its_sidecar_none(calcapp: Cluster) -> None:
    pods = calcapp.api.list("pods")
    assert len(pods) == len(KEYS)
    for pod in pods:
        assert pod["metadata"]["annotations"] == {
            "k8s.v1.cni.cncf.io/networks": "sriov-ipam-config",
            "ethernet.swb.example.com/network": "sriov",
        }
        app, sidecar = (container["resources"] for container in pod["spec"]["containers"])
        assert (app["requests"][FUNCTION], app["limits"][FUNCTION]) == ("1", "1")
        assert "memory" in app["requests"]
        assert FUNCTION not in {**sidecar.get("requests", {}), **sidecar.get("limits", {})}


def test_the_next_hop_is_told_when_its_virtual_function_has_an_address(calcapp: Cluster) -> None:
    flow = calcapp.api.objects["dataflows", CALC, "df-calcapp-sriov"]
    assert flow["status"]["status"] == WAITS
    calcapp.attach()
    calcapp.settle()
    assert flow["status"]["status"] == "Deployed"
    for key, following in itertools.pairwise(KEYS):
        pod = calcapp.api.objects["pods", CALC, f"df-calcapp-sriov-wbfunction-{following}-cpu-pod"]
        answer = json.loads(pod["metadata"]["annotations"]["k8s.v1.cni.cncf.io/network-status"])
        assert next_hop(calcapp, f"df-calcapp-sriov-wbfunction-{key}-cpu-pod", CALC) == {
            "ips": answer[1]["ips"],
            "ports": [{"port": 8080, "protocol": "TCP"}],
        }
    assert next_hop(calcapp, "df-calcapp-sriov-wbfunction-rcv-cpu-pod", CALC) == {}


def test_functions_on_virtual_functions_have_no_services(calcapp: Cluster) -> None:
    calcapp.attach()
    calcapp.settle()
    assert calcapp.names("services") == []
    function = calcapp.api.objects["cpufunctions", CALC, "df-calcapp-sriov-wbfunction-plus"]["status"]
    assert (function["additionalNetwork"], function["virtualNetworkDeviceDriverType"]) == (True, "sriov")


@pytest.mark.parametrize(
    "network",
    [
        {"interface": "net1", "mac": "0a:00:00:00:00:02"},
        {"interface": "net1", "mac": "0a:00:00:00:00:02", "device-info": {"type": "vdpa"}},
        {"interface": "net1", "device-info": {"type": "pci"}},
    ],
    ids=["without a device", "another device", "without an interface of its own"],
)
def test_only_the_address_of_a_virtual_function_counts(network: dict[str, Any]) -> None:
    answer = json.dumps([{"name": "n", "ips": ["192.168.20.1"], **network}])
    pod = {"metadata": {"annotations": {"k8s.v1.cni.cncf.io/network-status": answer}}}
    assert ethernetconnection.virtual_function_addresses(pod) == []


@pytest.mark.parametrize(("name", "network"), [("p2c1", "ClusterIP"), ("p2c2", "LoadBalancer")])
def test_a_gpu_function_is_reached_through_its_service(name: str, network: str) -> None:
    cluster = video(name)
    front = cluster.api.objects["services", VIDEO, f"df-cpu-{name}-wbfunction-dsa-service"]
    assert front["spec"]["type"] == network
    pod = cluster.api.objects["pods", VIDEO, pod_of(name, "dsa")]
    assert front["spec"]["selector"] == pod["metadata"]["labels"]
    assert front["spec"]["ports"] == [{"name": "port-5678", "port": 5678, "protocol": "UDP"}]
    for key in ("rcv", "dsa"):
        service = cluster.api.objects["services", VIDEO, f"df-cpu-{name}-wbfunction-{key}-service"]
        service["status"] = {"loadBalancer": {"ingress": [{"ip": service["spec"]["clusterIP"]}]}}
    cluster.settle()
    assert status(cluster, f"df-cpu-{name}") == "Deployed"
    assert next_hop(cluster, pod_of(name, "pip"))["ips"] == [front["spec"]["clusterIP"]]
    assert next_hop(cluster, pod_of(name, "dsa"))["ports"] == [{"port": 5678, "protocol": "UDP"}]


def test_the_pod_of_a_gpu_function_is_as_the_real_controller_makes_it() -> None:
    pod = video("p2c1").api.objects["pods", VIDEO, "df-cpu-p2c1-wbfunction-dsa-mps-dgpu-gpu-5a0b7c3e-pod"]
    labels = {"swb/func-type": "gpufunc", "swb/func-name": "df-cpu-p2c1-wbfunction-dsa-gpu-pod"}
    assert pod["metadata"]["labels"] == labels
    assert pod["spec"]["hostIPC"] is True
    (affinity,) = pod["spec"]["affinity"]["nodeAffinity"].values()
    assert affinity["nodeSelectorTerms"][0]["matchExpressions"][0]["values"] == ["kind-worker"]
    assert [container["name"] for container in pod["spec"]["containers"]] == ["gpu-container0", "gpu-container1"]
    for container in pod["spec"]["containers"]:
        given = {each["name"]: each.get("value") for each in container["env"]}
        assert given["CUDA_VISIBLE_DEVICES"] == GPU
        assert given["SIDECAR_MNG_PROSESS_NAME"] == "/wrapper"
        assert {"CUDA_MPS_PIPE_DIRECTORY", "K8S_POD_NAMESPACE", "K8S_POD_NAME"} <= set(given)


def test_a_gpu_function_takes_a_place_of_the_gpu_and_frees_it() -> None:
    cluster = video("p2c1")
    assert "kind-worker.a100-0.a100" in cluster.names("functiontargets")
    placed = cluster.api.objects["dataflows", VIDEO, "df-cpu-p2c1"]["status"]["scheduledFunctions"]
    assert {key: each["deviceType"] for key, each in placed.items()} == {"pip": "cpu", "dsa": "a100", "rcv": "cpu"}
    assert {each["nodeName"] for each in placed.values()} == {"kind-worker"}
    (function,) = cluster.api.list("gpufunctions")
    assert function["spec"]["acceleratorIDs"] == [{"id": GPU, "partitionName": function["metadata"]["name"]}]
    assert (function["status"]["rxProtocol"], function["status"]["functionIndex"]) == ("TCP", 0)
    cpu, gpu = cluster.api.objects["computeresources", "default", "compute-kind-worker"]["status"]["regions"]
    assert (cpu["currentFunctions"], gpu["currentFunctions"], gpu["deviceUUID"]) == (2, 1, GPU)
    cluster.api.delete("dataflows", VIDEO, "df-cpu-p2c1")
    cluster.settle()
    cpu, gpu = cluster.api.objects["computeresources", "default", "compute-kind-worker"]["status"]["regions"]
    assert (cpu["currentFunctions"], gpu["currentFunctions"]) == (0, 0)
    assert cluster.names("gpufunctions") == cluster.names("pods") == []


def test_indexes_are_counted_for_each_type_of_device() -> None:
    context = Context(video("p2c1").api, "kind-worker")
    assert functions.free_index(context, "cpufunctions", "cpu") == 2
    assert functions.free_index(context, "gpufunctions", "a100") == 1


def test_a_gpu_function_with_a_virtual_function_has_both() -> None:
    cluster = video("p2c3")
    assert status(cluster, "df-cpu-p2c3") == WAITS
    cluster.attach()
    cluster.settle()
    assert status(cluster, "df-cpu-p2c3") == "Deployed"
    app = cluster.api.objects["pods", VIDEO, pod_of("p2c3", "dsa")]["spec"]["containers"][0]
    assert app["resources"]["limits"] == {FUNCTION: "1"}
    assert next_hop(cluster, pod_of("p2c3", "pip"))["ips"] != next_hop(cluster, pod_of("p2c3", "dsa"))["ips"]
    assert cluster.names("services") == []


def test_one_function_serves_two_keys_of_a_chain() -> None:
    cluster = video("p2c4")
    assert status(cluster, "df-cpu-p2c4") == "Deployed"
    protocols = {
        each["metadata"]["name"].rpartition("-")[2]: (each["status"]["rxProtocol"], each["status"]["txProtocol"])
        for each in [*cluster.api.list("cpufunctions"), *cluster.api.list("gpufunctions")]
    }
    assert protocols == {"pip": ("RTP", "TCP"), "pipbr": ("TCP", "TCP"), "dsa": ("TCP", "TCP"), "rcv": ("TCP", "RTP")}


def test_a_gpu_function_at_the_start_of_a_chain_waits() -> None:
    cluster = video("p2c1")
    first = cluster.api.objects["gpufunctions", VIDEO, "df-cpu-p2c1-wbfunction-dsa"]
    first["metadata"]["finalizers"] = []
    del first["spec"]["previousFunctions"]
    context = Context(cluster.api, "kind-worker")
    assert gpufunction.RUNNER.reconcile(context, VIDEO, "df-cpu-p2c1-wbfunction-dsa") == LATER


def test_a_gpu_that_comes_later_is_no_target_until_the_books_are_opened_anew() -> None:
    cluster = video("p2c1", gpu="")
    assert status(cluster, "df-cpu-p2c1") == "Scheduling in progress"
    for name in ("functionkindmap", "connectionkindmap", "infrastructureinfo", "deployinfo"):
        cluster.api.delete("configmaps", "default", name)
    cluster.inventory(gpu=GPU)
    cluster.start()
    cluster.settle()
    assert cluster.names("functiontargets") == ["kind-worker.cpu-0.cpu", "kind-worker2.cpu-0.cpu"]
    cluster.api.delete("computeresources", "default", "compute-kind-worker")
    deviceinfo.publish_node(Context(cluster.api, "kind-worker"))
    cluster.settle()
    assert "kind-worker.a100-0.a100" in cluster.names("functiontargets")
    assert status(cluster, "df-cpu-p2c1") == "Deployed"
