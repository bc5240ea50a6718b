"""tasks.scenarios.registration and dataflows on a real API server; a thread plays the controller."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tasks.controller.kinds import DATA_FLOW, FUNCTION_CHAIN, FUNCTION_TYPE, WB_FUNCTION, state
from tasks.dataflows import deployment as dataflows_deployment
from tasks.dataflows import flow as flows
from tasks.dataflows.pulling import Pulls
from tasks.engines.kube import manifests
from tasks.patterns import known, places
from tasks.problems import Problem
from tasks.scenarios import files, registration, setup
from tasks.settings import parameters
from tests.network.contract import PATTERN, TARGET, Acting, event, fault, function_pods, set_state, wait_at_most

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object

FINALIZER = "dataflow.finalizers.example.com.v1"
pytestmark = pytest.mark.usefixtures("cluster")


def test_a_scenario_is_registered_in_order_and_an_early_chain_is_asked_for_again(
    cluster: Kube, said: list[str]
) -> None:
    types_at_chain: list[set[str]] = []

    def decide(item: Object) -> str:
        if item["kind"] == "FunctionType":
            return "Ready"
        types_at_chain.append({state(one) for one in cluster.list(FUNCTION_TYPE, PATTERN.namespace)})
        touched = registration._RETRIGGERED in item["metadata"].get("annotations", {})
        return "Ready" if touched else "Error"

    with Acting(cluster, (FUNCTION_TYPE, FUNCTION_CHAIN), decide):
        registration.register(PATTERN.name)
    assert types_at_chain[0] == {"Ready"}
    assert "FunctionChain calcapp-chain is in Error: asking the controller to look again" in said
    assert not registration.lack(PATTERN.name)


def test_a_type_that_the_controller_forgot_is_shown_to_it_again(
    cluster: Kube, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registration, "_SILENCE", 0.2)
    forgotten = manifests.name_of(files.of(cluster, PATTERN, parameters.current()).resources()[FUNCTION_TYPE][0])

    def decide(item: Object) -> str:
        touched = registration._RETRIGGERED in item["metadata"].get("annotations", {})
        return "Ready" if touched or manifests.name_of(item) != forgotten else state(item)

    with Acting(cluster, (FUNCTION_TYPE, FUNCTION_CHAIN), decide):
        registration.register(PATTERN.name)
    assert f"FunctionType {forgotten} has no status: asking the controller to look again" in said


def test_types_that_do_not_become_ready_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    wait_at_most(monkeypatch, dataflow_deadline=0.3)
    with pytest.raises(
        Problem, match=r"FunctionTypes of cpufunc-calcapp: Ready: .*functype-calcapp-plus no status yet"
    ):
        registration.register(PATTERN.name)
    assert registration.lack(PATTERN.name)


def test_capacity_of_every_worker_is_waited_for(cluster: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
    wait_at_most(monkeypatch, controller_deadline=0.3)
    with pytest.raises(Problem, match=r"one\.cpu-0\.cpu absent, two\.cpu-0\.cpu absent"):
        setup.set_up()
    for node in ("one", "two"):
        target = {
            "apiVersion": "example.com/v1",
            "kind": "FunctionTarget",
            "metadata": {"name": f"{node}.cpu-0.cpu", "namespace": PATTERN.namespace},
        }
        cluster.apply([target])
        set_state(cluster, target, "Ready", **TARGET)
    setup.set_up()
    assert not setup.lack_of_setup()
    for namespace in ("cpufunc-calcapp", "cpufunc-sample"):
        binding = cluster.get(_BINDING, f"{namespace}-view") or {}
        assert binding["roleRef"]["name"] == "view"
        assert [(one["namespace"], one["name"]) for one in binding["subjects"]] == [(namespace, "default")]


_BINDING = manifests.Kind("rbac.authorization.k8s.io/v1", "ClusterRoleBinding")


def test_a_dataflow_in_error_is_deployed_once_more_and_then_explained(cluster: Kube, said: list[str]) -> None:
    seen: set[str] = set()

    def decide(item: Object) -> str:
        seen.add(item["metadata"]["uid"])
        return "Error"

    with (
        Acting(cluster, (DATA_FLOW,), decide),
        pytest.raises(Problem, match="DataFlow df-calcapp: Error, twice") as caught,
    ):
        dataflows_deployment.deploy(PATTERN.name)
    assert len(seen) == 2
    assert "df-calcapp is in Error, which is final: deploying it once more" in said
    assert "FunctionChain calcapp-chain: absent, expected Ready" in caught.value.details


def test_endless_scheduling_is_explained_by_the_capacity(cluster: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
    target = {
        "apiVersion": "example.com/v1",
        "kind": "FunctionTarget",
        "metadata": {"name": "one.cpu-0.cpu", "namespace": PATTERN.namespace},
    }
    cluster.apply([target])
    set_state(cluster, target, "Ready", **TARGET)
    wait_at_most(monkeypatch, dataflow_deadline=1)
    with (
        Acting(cluster, (DATA_FLOW,), lambda _item: "Scheduling in progress"),
        pytest.raises(Problem, match=r"df-calcapp: Deployed: .*last seen: Scheduling in progress") as caught,
    ):
        dataflows_deployment.deploy(PATTERN.name)
    assert "FunctionTarget one.cpu-0.cpu: Ready, 110 of 110 functions" in caught.value.details


def test_a_deletion_that_is_stuck_is_rescued_and_said(
    cluster: Kube, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = files.of(cluster, PATTERN, parameters.current()).data_flow()
    flow["metadata"]["finalizers"] = [FINALIZER]
    part = {
        "apiVersion": "example.com/v1",
        "kind": "WBFunction",
        "metadata": {
            "name": "df-calcapp-wbfunction-plus",
            "namespace": PATTERN.namespace,
            "finalizers": ["wbfunction.finalizers.example.com.v1"],
        },
        "spec": _FUNCTION_SPEC,
    }
    other = {**part, "metadata": {"namespace": PATTERN.namespace, "name": "df-other-wbfunction-plus"}}
    cluster.apply([flow, part, other])
    monkeypatch.setattr(dataflows_deployment, "_DELETE_SECONDS", 0.5)
    monkeypatch.setattr(cluster, "wait_rollout", lambda *_words, **_options: None)
    dataflows_deployment.delete(PATTERN.name)
    assert any("removing what holds it" in line for line in said)
    assert cluster.get(DATA_FLOW, PATTERN.dataflow, PATTERN.namespace) is None
    assert cluster.get(WB_FUNCTION, "df-calcapp-wbfunction-plus", PATTERN.namespace) is None
    assert cluster.get(WB_FUNCTION, "df-other-wbfunction-plus", PATTERN.namespace) is not None


_FUNCTION_SPEC = {
    "dataFlowRef": {"name": "df-calcapp", "namespace": "cpufunc-calcapp"},
    "functionName": "calcapp-plus",
    "nodeName": "one",
    "deviceType": "cpu",
    "deviceIndex": 0,
    "regionName": "cpu",
    "configName": "cpufunc-config-calcapp-plus",
}


def test_a_deployed_dataflow_is_kept_only_while_all_its_pods_run_our_images(cluster: Kube) -> None:
    flow = files.of(cluster, PATTERN, parameters.current()).data_flow()
    cluster.apply([flow, *function_pods("r/a:1", "r/b:1")])
    set_state(cluster, flow, "Deployed")
    assert fault(PATTERN) == ""
    cluster.patch(manifests.POD, "df-calcapp-wbfunction-plus-cpu-pod", PATTERN.namespace, _IMAGE_OF_BEFORE)
    assert fault(PATTERN) == "runs earlier images in plus"
    cluster.delete(manifests.POD, "df-calcapp-wbfunction-minus-cpu-pod", PATTERN.namespace)
    cluster.wait_gone(manifests.POD, "df-calcapp-wbfunction-minus-cpu-pod", PATTERN.namespace, deadline=10)
    assert fault(PATTERN) == "has lost the pods of minus"
    assert fault(known.named("calcapp-basic-multi-worker")) == "is deployed otherwise"


def test_a_dataflow_is_kept_only_while_the_files_are_those_that_it_was_deployed_from(
    cluster: Kube, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(places.folder(PATTERN), tmp_path / "files")
    monkeypatch.setattr(places, "folder", lambda _pattern: tmp_path / "files")
    chain = tmp_path / "files" / "functionchain.yaml"
    text = chain.read_text(encoding="utf-8")
    flow = flows.of(PATTERN.name, parameters.current())
    with Acting(cluster, (DATA_FLOW,), lambda _item: "Deployed"):
        dataflows_deployment._bring_up(flow, Pulls(flow))
    cluster.apply(function_pods("r/a:1", "r/b:1"))
    assert fault(PATTERN) == ""
    chain.write_text(f"# a comment\n{text}", encoding="utf-8")
    assert fault(PATTERN) == ""
    chain.write_text(text.replace("version: 1.0.0", "version: 1.0.1"), encoding="utf-8")
    assert fault(PATTERN) == "was deployed from other files"


def test_a_dataflow_that_was_deployed_by_hand_is_taken_as_it_is(cluster: Kube) -> None:
    flow = flows.of(PATTERN.name, parameters.current())
    cluster.apply([flow.scenario.data_flow(), *function_pods("r/a:1", "r/b:1")])
    with Acting(cluster, (DATA_FLOW,), lambda _item: "Deployed"):
        dataflows_deployment._bring_up(flow, Pulls(flow))
    live = flow.live()
    assert live
    assert not [name for name in live["metadata"]["annotations"] if name.endswith("deployed-from")]


@pytest.mark.parametrize(("age", "reason"), [(10.0, ""), (9999.0, "has not come up in 9999 s")])
def test_a_dataflow_that_the_controller_has_given_up_is_made_anew(
    cluster: Kube, monkeypatch: pytest.MonkeyPatch, age: float, reason: str
) -> None:
    flow = files.of(cluster, PATTERN, parameters.current()).data_flow()
    cluster.apply([flow])
    set_state(cluster, flow, "WBFunction/WBConnection created")
    monkeypatch.setattr(dataflows_deployment, "_age", lambda _live: age)
    assert fault(PATTERN) == reason


def test_pods_that_do_not_start_are_explained_by_their_events(cluster: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
    flow = files.of(cluster, PATTERN, parameters.current()).data_flow()
    cluster.apply([flow, *function_pods("r/a:1", "r/b:1")])
    set_state(cluster, flow, "Deployed")
    cluster.apply([event("plus", "Warning", "FailedScheduling", "0/3 nodes are available: 2 Insufficient cpu.")])
    cluster.apply([event("minus", "Normal", "Pulling", "Pulling image")])
    wait_at_most(monkeypatch, dataflow_deadline=0.3)
    with pytest.raises(Problem, match=r"pods of df-calcapp: Ready: .*not yet: send, plus, ") as caught:
        dataflows_deployment.deploy(PATTERN.name)
    lines = caught.value.details.splitlines()
    place = lines.index("pod cpufunc-calcapp/df-calcapp-wbfunction-plus-cpu-pod: Pending")
    assert lines[place + 1] == "  FailedScheduling: 0/3 nodes are available: 2 Insufficient cpu."
    assert "Pulling" not in caught.value.details


_IMAGE_OF_BEFORE = {
    "spec": {"containers": [{"name": "cpu-container0", "image": "r/a:0"}, {"name": "cpu-container1", "image": "r/b:1"}]}
}


def test_deleting_what_is_not_deployed_says_so(said: list[str]) -> None:
    dataflows_deployment.delete(PATTERN.name)
    assert said == ["df-calcapp is not deployed"]
