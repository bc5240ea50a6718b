"""What dataflows wait for on a real API server: images that are pulled, and the FunctionTarget of a GPU."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from tasks.controller import inventory
from tasks.controller.inventory import Models
from tasks.controller.kinds import COMPUTE_RESOURCE
from tasks.dataflows import deployment as dataflows_deployment
from tasks.dataflows import flow as flows
from tasks.dataflows import gpu_target
from tasks.engines.kube import manifests
from tasks.problems import Problem
from tasks.scenarios import files
from tasks.settings import parameters
from tasks.target.devices import Gpu, Worker
from tests.network.contract import PATTERN, TARGET, event, fault, function_pods, set_state, wait_at_most

if TYPE_CHECKING:
    from tasks.engines.kube.api import Kube
    from tasks.scenarios.files import Scenario

pytestmark = pytest.mark.usefixtures("cluster")


def test_a_dataflow_whose_images_are_still_pulled_is_kept_and_what_is_pulled_is_named(
    api: Kube, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = files.of(api, PATTERN, parameters.current()).data_flow()
    api.apply([flow, *function_pods("r/a:1", "r/b:1")])
    set_state(api, flow, "WBFunction/WBConnection created")
    monkeypatch.setattr(dataflows_deployment, "_age", lambda _live: 9999.0)
    assert fault(PATTERN) == "has not come up in 9999 s"
    pod = api.get(manifests.POD, "df-calcapp-wbfunction-plus-cpu-pod", PATTERN.namespace) or {}
    pulling = event("plus", "Normal", "Pulling", "Pulling image")
    pulling["involvedObject"] |= {"uid": pod["metadata"]["uid"], "fieldPath": "spec.containers{cpu-container0}"}
    api.apply([{**pulling, "lastTimestamp": "2026-01-01T00:00:00Z"}])
    assert fault(PATTERN) == ""
    # It is waited for as long as images may be pulled, although the dataflow has had its time.
    wait_at_most(monkeypatch, dataflow_deadline=0.3, pull_deadline=1)
    with pytest.raises(Problem, match=r"last seen: WBFunction/WBConnection created; .*pulls r/a:1 for plus"):
        dataflows_deployment.deploy(PATTERN.name)
    pulled = {**pulling, "metadata": {**pulling["metadata"], "name": "plus.2"}, "reason": "Pulled"}
    api.apply([{**pulled, "lastTimestamp": "2026-01-01T00:09:00Z"}])
    assert fault(PATTERN) == "has not come up in 9999 s"


def test_a_gpu_that_the_books_of_its_worker_do_not_have_is_not_waited_for(api: Kube) -> None:
    items = json.dumps([{"name": "item1", "regionType": "a100"}])
    wanted = manifests.config_map("funcinfo-gpu", PATTERN.namespace, {"deployableItems": items})
    worker = Worker("one", "", 1, (Gpu(0, "GPU-1", "A100"),))
    maps = inventory.config_maps([worker], Models({"A100": "a100"}, {}))
    books = {
        "apiVersion": "example.com/v1",
        "kind": "ComputeResource",
        "metadata": {"name": "compute-one", "namespace": "default"},
        "spec": {"nodeName": "one", "regions": []},
    }
    flow = flows.of(PATTERN.name, parameters.current())
    scenario = SimpleNamespace(configuration=lambda: [wanted], workers=lambda: ("one", "two"))
    flow = replace(flow, scenario=cast("Scenario", scenario))
    api.apply([*maps, books])
    try:
        with pytest.raises(Problem, match=r"compute-one: lacks a100-0\.a100 \(GPU-1\), lacks cpu-0\.cpu"):
            gpu_target.wait(flow)
        target = {
            "apiVersion": "example.com/v1",
            "kind": "FunctionTarget",
            "metadata": {"name": "one.a100-0.a100", "namespace": PATTERN.namespace},
        }
        api.apply([target])
        set_state(api, target, "Ready", **{**TARGET, "regionType": "a100", "regionName": "a100"})
        gpu_target.wait(flow)
    finally:
        api.delete(COMPUTE_RESOURCE, "compute-one", "default")
        for item in maps:
            api.delete(manifests.CONFIG_MAP, manifests.name_of(item), "default")
