"""What the sample controller must not lose, book twice or take from others."""

from __future__ import annotations

from typing import Any

import pytest
from sample_operator import deviceinfo, flowctrl, functions, wbfunction
from sample_operator.api import ApiError, ensure_owned, owned_by, with_finalizer
from sample_operator.context import Context

from tests.unit.sample_controller.sample_cluster import Cluster, FakeApi

REGION = {
    "name": "cpu", "type": "cpu", "deviceType": "cpu", "deviceIndex": 0, "deviceUUID": "node-cpu0", "available": True,
    "status": "Ready", "maxFunctions": 2, "currentFunctions": 0, "maxCapacity": 10, "currentCapacity": 0,
}  # fmt: skip


def request(kind: str = "Deploy", index: int = 0, capacity: int = 1, **more: Any) -> dict[str, Any]:
    asked = {"requestType": kind, "nodeName": "node", "deviceType": "cpu", "deviceIndex": 0, "regionName": "cpu"}
    return asked | {"functionName": "calcapp-plus", "functionIndex": index, "capacity": capacity} | more


def step_until(cluster: Cluster, word: str) -> None:
    """Let only the flow controller work, until the flow has a status."""
    while cluster.flow().get("status", {}).get("status") != word:
        flowctrl.reconcile_data_flow(Context(cluster.api), "cpufunc-calcapp", "df-calcapp")


def test_booking_twice_is_booking_once() -> None:
    once = deviceinfo.booked([REGION], request())
    assert deviceinfo.booked(once, request()) == once
    assert (once[0]["currentFunctions"], once[0]["currentCapacity"]) == (1, 1)
    assert REGION["currentFunctions"] == 0


def test_freeing_twice_is_freeing_once() -> None:
    booked = deviceinfo.booked(deviceinfo.booked([REGION], request()), request(index=1, capacity=4))
    freed = deviceinfo.booked(booked, request("Undeploy"))
    assert deviceinfo.booked(freed, request("Undeploy")) == freed
    assert (freed[0]["currentFunctions"], freed[0]["currentCapacity"]) == (1, 4)


def test_full_region_is_not_available_until_something_is_freed() -> None:
    full = deviceinfo.booked(deviceinfo.booked([REGION], request()), request(index=1))
    assert full[0]["available"] is False
    assert deviceinfo.booked(full, request("Undeploy"))[0]["available"] is True


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (request(capacity=11), "no capacity 11 left of 10"),
        (request(regionName="gpu"), "no region gpu"),
        (request(deviceIndex=1), "no region cpu of cpu-1"),
    ],
)
def test_refusals_say_why(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(deviceinfo.RefusedError, match=message):
        deviceinfo.booked([REGION], asked)


def test_region_takes_no_more_functions_than_it_may() -> None:
    full = deviceinfo.booked(deviceinfo.booked([REGION], request()), request(index=1))
    with pytest.raises(deviceinfo.RefusedError, match="full: 2 functions"):
        deviceinfo.booked(full, request(index=2))


def test_regions_are_those_of_the_nodes_own_processors() -> None:
    devices = [
        {"nodeName": node, "deviceUUID": f"{node}-{kind}", "deviceType": kind, "deviceIndex": 0}
        for node in ("node", "other")
        for kind in ("cpu", "memory")
    ]
    target = {"regionName": "cpu", "regionType": "cpu", "maxFunctions": 110, "maxCapacity": 120}
    offered = [
        {"nodeName": each["nodeName"], "deviceUUID": each["deviceUUID"], "functionTargets": [target]}
        for each in devices
    ]
    found = deviceinfo.regions_of("node", devices, offered)
    assert [region["deviceUUID"] for region in found] == ["node-cpu"]


def test_refused_request_is_answered_and_fails_its_function(cluster: Cluster) -> None:
    books = cluster.api.objects["computeresources", "default", "compute-kind-worker"]
    cluster.apply("df-cpufunc.yaml")
    step_until(cluster, "WBFunction/WBConnection created")
    for part in ("spec", "status"):
        books[part]["regions"][0]["maxCapacity"] = 0
    cluster.settle()
    assert {body["status"]["status"] for body in cluster.api.list("wbfunctions")} == {"Failed"}
    assert cluster.flow()["status"]["status"] == "WBFunction/WBConnection created"


def test_child_of_an_earlier_owner_is_waited_for() -> None:
    api = FakeApi()
    earlier, later = ({"kind": "CPUFunction", "metadata": {"name": "f", "namespace": "n", "uid": uid}} for uid in "ab")
    for owner, expected in ((earlier, True), (earlier, True), (later, False)):
        assert ensure_owned(api, "pods", {"metadata": owned_by(owner, "f-cpu-pod")}) is expected


def test_finalizer_of_somebody_else_is_not_overwritten() -> None:
    api = FakeApi()
    api.create("dataflows", {"kind": "DataFlow", "metadata": {"namespace": "n", "name": "df"}})
    seen = api.get("dataflows", "n", "df")
    assert seen is not None
    api.patch("dataflows", "n", "df", {"metadata": {"finalizers": ["another"]}})
    with pytest.raises(ApiError, match="changed meanwhile"):
        api.patch("dataflows", "n", "df", {"metadata": with_finalizer(seen)})


def test_place_is_freed_after_its_pod_is_told_to_end(cluster: Cluster) -> None:
    cluster.apply("df-cpufunc.yaml")
    cluster.settle()
    name = "df-calcapp-wbfunction-plus"
    context = Context(cluster.api, kinds={"cpu": "CPUFunction"})
    cluster.api.delete("wbfunctions", "cpufunc-calcapp", name)
    for _ in range(4):
        wbfunction.reconcile(context, "cpufunc-calcapp", name)
    assert name in cluster.names("cpufunctions")
    assert cluster.names("deviceinfoes") == []


def test_index_is_not_given_again_before_it_is_freed(cluster: Cluster) -> None:
    cluster.apply("df-cpufunc.yaml")
    cluster.settle()
    gone = cluster.api.objects["cpufunctions", "cpufunc-calcapp", "df-calcapp-wbfunction-send"]
    del cluster.api.objects["cpufunctions", "cpufunc-calcapp", "df-calcapp-wbfunction-send"]
    assert gone["status"]["functionIndex"] in range(7)
    assert functions.free_index(Context(cluster.api, "kind-worker"), "cpufunctions", "cpu") == 7


def test_what_another_flow_was_promised_is_not_free(cluster: Cluster) -> None:
    cluster.apply("df-cpufunc.yaml", spec={"requirements": {"all": {"capacity": 10}}})
    before = flowctrl._free_targets(cluster.api)
    step_until(cluster, "WBFunction/WBConnection creation in progress")
    after = flowctrl._free_targets(cluster.api)
    assert [each.free_capacity for each in before] == [120, 120]
    assert [each.free_capacity for each in after] == [50, 120]
