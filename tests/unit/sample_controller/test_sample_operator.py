"""The sample controller against the contract, in a cluster in memory."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

from tests.unit.sample_controller.sample_cluster import started_cluster

if TYPE_CHECKING:
    from tests.unit.sample_controller.sample_cluster import Cluster

NAMESPACE = "cpufunc-calcapp"
KEYS = ("send", "plus", "minus", "multiply", "divide", "average", "rcv")


def deploy(cluster: Cluster, **changes: object) -> None:
    cluster.apply("df-cpufunc.yaml", **changes)
    cluster.settle()


def test_scenario_becomes_ready_in_its_order(cluster: Cluster) -> None:
    assert {cluster.api.statuses[key][-1] for key in cluster.api.statuses if key[0] == "functiontypes"} == {"Ready"}
    assert cluster.api.objects["functionchains", NAMESPACE, "calcapp-chain"]["status"]["status"] == "Ready"
    assert cluster.names("functiontargets") == ["kind-worker.cpu-0.cpu", "kind-worker2.cpu-0.cpu"]
    assert cluster.names("computeresources") == ["compute-kind-worker", "compute-kind-worker2"]


def test_data_flow_passes_every_status_of_the_contract(cluster: Cluster) -> None:
    deploy(cluster)
    assert cluster.api.statuses["dataflows", NAMESPACE, "df-calcapp"] == [
        "",
        "Scheduling in progress",
        "WBFunction/WBConnection creation in progress",
        "WBFunction/WBConnection created",
        "Deployed",
    ]
    assert cluster.api.statuses["wbfunctions", NAMESPACE, "df-calcapp-wbfunction-plus"] == ["", "Waiting", "Deployed"]
    assert cluster.flow()["metadata"]["finalizers"] == ["dataflow.finalizers.example.com.v1"]


def test_objects_have_the_names_of_the_contract(cluster: Cluster) -> None:
    deploy(cluster)
    functions = sorted(f"df-calcapp-wbfunction-{key}" for key in KEYS)
    assert cluster.names("wbfunctions") == cluster.names("cpufunctions") == functions
    assert cluster.names("pods") == [f"{function}-cpu-pod" for function in functions]
    assert cluster.names("services") == [f"{function}-service" for function in functions]
    assert "df-calcapp-wbconnection-send-plus" in cluster.names("ethernetconnections")
    assert len(cluster.names("ethernetconnections")) == 6
    assert "df-calcapp-wbconnection-wb-start-of-chain-send" in cluster.names("wbconnections")
    assert len(cluster.names("wbconnections")) == 8
    assert cluster.names("deviceinfoes") == cluster.names("schedulingdata") == []


def test_every_pod_learns_the_address_of_its_successor(cluster: Cluster) -> None:
    deploy(cluster)
    for key, following in itertools.pairwise(KEYS):
        service = cluster.api.objects["services", NAMESPACE, f"df-calcapp-wbfunction-{following}-service"]
        told = cluster.api.objects["configmaps", NAMESPACE, f"ethcrl.df-calcapp-wbfunction-{key}-cpu-pod"]
        assert json.loads(told["data"]["config"]) == {
            "ips": [service["spec"]["clusterIP"]],
            "ports": [{"port": 8080, "protocol": "TCP"}],
        }
    last = cluster.api.objects["configmaps", NAMESPACE, "ethcrl.df-calcapp-wbfunction-rcv-cpu-pod"]
    assert json.loads(last["data"]["config"]) == {}


def test_only_the_first_function_is_offered_to_the_outside(cluster: Cluster) -> None:
    deploy(cluster)
    kinds = {name: body["spec"]["type"] for (kind, _, name), body in cluster.api.objects.items() if kind == "services"}
    assert kinds.pop("df-calcapp-wbfunction-send-service") == "LoadBalancer"
    assert set(kinds.values()) == {"ClusterIP"}


def test_pods_are_what_the_configuration_says(cluster: Cluster) -> None:
    deploy(cluster)
    pod = cluster.api.objects["pods", NAMESPACE, "df-calcapp-wbfunction-average-cpu-pod"]
    assert [container["name"] for container in pod["spec"]["containers"]] == ["cpu-container0", "cpu-container1"]
    assert "-operator average_results" in pod["spec"]["containers"][0]["command"][-1]
    assert pod["metadata"]["labels"] == {"swb/func-type": "cpufunc", "swb/func-name": pod["metadata"]["name"]}
    assert pod["spec"]["shareProcessNamespace"] is True


def test_functions_stay_together_without_a_requirement(cluster: Cluster) -> None:
    deploy(cluster)
    assert {each["nodeName"] for each in cluster.flow()["status"]["scheduledFunctions"].values()} == {"kind-worker"}


def test_functions_run_where_the_user_wants_them(cluster: Cluster) -> None:
    wanted = {key: ["kind-worker2" if key in ("divide", "average", "rcv") else "kind-worker"] for key in KEYS}
    requirement = {"strategy": "strategy", "requestNodeNames": json.dumps(wanted)}
    cluster.configure("user-requirement", requirement, NAMESPACE)
    pipeline = '["GenerateCombinations", "TargetResourceFit", "TargetResourceFitScore"]'
    cluster.configure("strategy", {"filterPipeline": pipeline, "selectTop": "3"}, NAMESPACE)
    deploy(cluster, spec={"userRequirement": "user-requirement"})
    status = cluster.flow()["status"]
    assert status["status"] == "Deployed"
    assert {key: [each["nodeName"]] for key, each in status["scheduledFunctions"].items()} == wanted


def test_books_of_the_node_follow_deploying_and_deleting(cluster: Cluster) -> None:
    deploy(cluster)
    region = cluster.api.objects["computeresources", "default", "compute-kind-worker"]["status"]["regions"][0]
    assert (region["currentFunctions"], region["currentCapacity"]) == (7, 7)
    assert {entry["functionIndex"] for entry in region["functions"]} == set(range(7))
    target = cluster.api.objects["functiontargets", "default", "kind-worker.cpu-0.cpu"]["status"]
    assert (target["currentFunctions"], target["currentCapacity"], target["status"]) == (7, 7, "Ready")
    cluster.api.delete("dataflows", NAMESPACE, "df-calcapp")
    cluster.settle()
    region = cluster.api.objects["computeresources", "default", "compute-kind-worker"]["status"]["regions"][0]
    assert (region["currentFunctions"], region["currentCapacity"], region["functions"]) == (0, 0, [])


def test_deleting_leaves_nothing_and_ends_functions_after_their_status(cluster: Cluster) -> None:
    deploy(cluster)
    cluster.api.delete("dataflows", NAMESPACE, "df-calcapp")
    cluster.settle()
    for resource in (
        "dataflows",
        "wbfunctions",
        "wbconnections",
        "cpufunctions",
        "ethernetconnections",
        "pods",
        "services",
    ):
        assert cluster.names(resource) == [], resource
    assert cluster.api.statuses["wbfunctions", NAMESPACE, "df-calcapp-wbfunction-rcv"][-2:] == [
        "Terminating",
        "Released",
    ]
    deploy(cluster)
    assert cluster.flow()["status"]["status"] == "Deployed"


def test_connections_are_gone_before_functions_end(cluster: Cluster) -> None:
    deploy(cluster)
    cluster.api.delete("dataflows", NAMESPACE, "df-calcapp")
    while cluster.names("ethernetconnections"):
        cluster.settle(1)
        if cluster.names("wbconnections"):
            assert len(cluster.names("pods")) == 7


def test_chain_is_an_error_while_a_type_is_not_ready(cluster: Cluster) -> None:
    from sample_operator.catalog import chain_fault

    chain = cluster.api.objects["functionchains", NAMESPACE, "calcapp-chain"]
    types = cluster.api.list("functiontypes")
    assert chain_fault(chain["spec"], types) == ""
    types[0]["status"] = {}
    assert chain_fault(chain["spec"], types) == "function calcapp-send(1.0.0) is not Ready"
    assert chain_fault(chain["spec"], types[1:]) == "function calcapp-send(1.0.0) was not found"


def test_data_flow_on_a_chain_that_is_not_ready_ends_in_error(cluster: Cluster) -> None:
    cluster.api.delete("functionchains", NAMESPACE, "calcapp-chain")
    deploy(cluster)
    assert cluster.flow()["status"]["status"] == "Error"


def test_function_stalls_without_its_configuration(cluster: Cluster) -> None:
    cluster.api.delete("configmaps", "default", "cpufunc-config-calcapp-minus")
    deploy(cluster)
    assert cluster.flow()["status"]["status"] == "WBFunction/WBConnection created"
    assert "df-calcapp-wbfunction-minus" not in cluster.names("cpufunctions")


def test_flow_waits_in_scheduling_while_nothing_has_room() -> None:
    cluster = started_cluster(capacity=3)
    deploy(cluster)
    assert cluster.flow()["status"]["status"] == "Scheduling in progress"
    assert cluster.names("schedulingdata") == []


def test_second_flow_takes_other_indexes(cluster: Cluster) -> None:
    deploy(cluster)
    deploy(cluster, metadata={"name": "df-second"})
    entries = [
        entry["functionIndex"]
        for name in ("compute-kind-worker", "compute-kind-worker2")
        for entry in cluster.api.objects["computeresources", "default", name]["status"]["regions"][0].get(
            "functions", []
        )
    ]
    assert len(entries) == 14
    assert cluster.api.objects["dataflows", NAMESPACE, "df-second"]["status"]["status"] == "Deployed"
