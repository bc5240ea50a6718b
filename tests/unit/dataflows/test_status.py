"""tasks.dataflows.status: what is shown of the deployed dataflows."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, cast

import pytest

from tasks.controller.kinds import DATA_FLOW, ETHERNET_CONNECTION, WB_CONNECTION, WB_FUNCTION
from tasks.dataflows import status as dataflows_status
from tasks.dataflows.status import Connection, World
from tasks.engines.kube import api, manifests


def item(name: str, status: dict[str, Any] | None = None, spec: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "calc"}, "spec": spec or {}, "status": status or {}}


def function(flow: str, key: str, state: str = "Deployed") -> dict[str, Any]:
    return item(f"{flow}-wbfunction-{key}", {"status": state}, {"nodeName": f"node-of-{key}"})


def pod(name: str, *, ready: bool) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": str(ready)}]
    return item(name, {"phase": "Pending", "podIP": "10.0.0.1", "conditions": conditions})


def connection(sender: str, receiver: str) -> dict[str, Any]:
    ends = {"from": sender, "to": receiver}
    spec = {side: {"wbFunctionRef": {"name": f"df-wbfunction-{key}"}} for side, key in ends.items()}
    return item(f"df-wbconnection-{sender}-{receiver}", {"status": "Deployed"}, spec)


@pytest.fixture
def world() -> World:
    chain = [("wb-start-of-chain", "send"), ("send", "plus"), ("plus", "wb-end-of-chain")]
    scheduled = [{"from": {"functionKey": one}, "to": {"functionKey": two}} for one, two in chain]
    flows = [
        item("df", {"status": "Deployed", "scheduledConnections": scheduled}, {"functionChainRef": {"name": "chain"}}),
        item("df-sriov"),
    ]
    service = item(
        "df-wbfunction-send-service",
        {"loadBalancer": {"ingress": [{"ip": "172.19.255.1"}]}},
        {"clusterIP": "10.96.0.7", "ports": [{"port": 8080}, {"port": 5678, "protocol": "UDP"}]},
    )
    return World(
        {
            DATA_FLOW: flows,
            WB_FUNCTION: [function("df", "plus", "Waiting"), function("df", "send"), function("df-sriov", "send")],
            WB_CONNECTION: [connection("send", "plus"), connection("wb-start-of-chain", "send")],
            ETHERNET_CONNECTION: [
                item("df-wbconnection-send-plus", {"from": {"status": "OK"}, "to": {"status": "NG"}})
            ],
            manifests.POD: [
                pod("df-wbfunction-send-cpu-pod", ready=True),
                pod("df-sriov-wbfunction-send-cpu-pod", ready=False),
            ],
            manifests.SERVICE: [service],
        }
    )


def test_functions_come_in_the_order_of_the_chain_with_what_belongs_to_them(world: World) -> None:
    flow = dataflows_status.flows(world)[0]
    assert (flow.name, flow.chain, flow.state) == ("df", "chain", "Deployed")
    send, plus = flow.functions
    assert (send.key, send.node, send.pod_state, send.address) == ("send", "node-of-send", "Ready", "10.0.0.1")
    assert send.service == "10.96.0.7:8080/TCP,5678/UDP, 172.19.255.1:8080/TCP,5678/UDP"
    assert (plus.key, plus.state, plus.pod, plus.pod_state, plus.service) == ("plus", "Waiting", "", "no pod", "")


def test_a_flow_whose_name_begins_like_anothers_keeps_its_own_parts(world: World) -> None:
    other = dataflows_status.flows(world)[1]
    assert (other.name, other.state, other.connections) == ("df-sriov", "no status yet", ())
    assert [(one.key, one.pod, one.pod_state) for one in other.functions] == [
        ("send", "df-sriov-wbfunction-send-cpu-pod", "Pending")
    ]


def test_connections_leave_out_the_ends_of_the_chain_and_tell_which_side_is_not_ready(world: World) -> None:
    assert dataflows_status.flows(world)[0].connections == (Connection("send", "plus", "Deployed", "OK", "NG"),)


def test_the_table_and_the_json_say_the_same(world: World) -> None:
    found = dataflows_status.flows(world)
    table = dataflows_status.shown(found, as_json=False)
    assert "send > plus  Deployed  OK      NG" in table.splitlines()
    as_json = dataflows_status.shown(found, as_json=True)
    assert [flow["name"] for flow in json.loads(as_json)] == ["df", "df-sriov"]


def test_a_function_on_a_card_and_a_gpu_is_shown_with_its_second_address_and_what_is_stood_in_for(
    world: World,
) -> None:
    networks = [{"name": "cbr0", "ips": ["10.0.0.1"]}, {"name": "calc/sriov-ipam-config", "ips": ["192.168.20.41"]}]
    on_gpu = pod("df-sriov-wbfunction-send-mps-dgpu-gpu-1b2c-pod", ready=True)
    on_gpu["metadata"]["annotations"] = {"k8s.v1.cni.cncf.io/network-status": json.dumps(networks)}
    world.objects[manifests.POD][1:] = [on_gpu]
    found = dataflows_status.flows(
        replace(world, stand_ins=lambda name: ("emulated cards",) if "sriov" in name else ())
    )
    (send,) = found[1].functions
    assert (send.pod, send.address, send.interface) == (
        "df-sriov-wbfunction-send-mps-dgpu-gpu-1b2c-pod",
        "192.168.20.41",
        "net1",
    )
    shown = dataflows_status.shown(found, as_json=False)
    assert "(chain chain); no stand-ins" in shown
    assert "; stand-ins: emulated cards" in shown
    assert "192.168.20.41 (net1)" in shown
    assert [flow["stand_ins"] for flow in json.loads(dataflows_status.shown(found, as_json=True))] == [
        [],
        ["emulated cards"],
    ]


def test_a_cluster_without_the_controller_has_no_dataflows() -> None:
    class Bare:
        def list(self, kind: manifests.Kind) -> list[Any]:
            if kind.api_version == DATA_FLOW.api_version:
                raise api.Refused("DataFlow", api.ABSENT, "the cluster does not serve this kind")
            return []

    found = dataflows_status.flows(dataflows_status.read(cast("api.Kube", Bare())))
    assert dataflows_status.shown(found, as_json=False) == "No dataflow is deployed"


def test_a_dataflow_whose_pattern_is_gone_is_shown_with_the_command_that_deletes_it(world: World) -> None:
    found = dataflows_status.flows(replace(world, pattern=lambda *asked: "mine" if asked == ("calc", "df") else ""))
    assert [flow.pattern for flow in found] == ["mine", ""]
    lines = dataflows_status.shown(found, as_json=False).splitlines()
    hint = "no valid pattern here is about it: ./doit kubectl delete -n calc dataflow df-sriov"
    assert [line for line in lines if "kubectl" in line] == [hint]
    assert [flow["pattern"] for flow in json.loads(dataflows_status.shown(found, as_json=True))] == ["mine", ""]


def test_the_pattern_of_a_dataflow_is_found_by_namespace_and_name(world: World) -> None:
    flow = item("df-calcapp")
    ours = {**flow, "metadata": {**flow["metadata"], "namespace": "cpufunc-calcapp"}}
    found = dataflows_status.flows(World({**world.objects, DATA_FLOW: [flow, ours]}))
    assert [(one.namespace, one.pattern) for one in found] == [("calc", ""), ("cpufunc-calcapp", "calcapp-basic")]
