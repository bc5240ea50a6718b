"""tasks.dataflows.all_patterns on a real API server: a thread plays the controller, and no function is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks import progress
from tasks.archive import facts
from tasks.controller.kinds import DATA_FLOW, state
from tasks.dataflows import all_patterns, deployment, origin
from tasks.dataflows.series import Standing
from tasks.engines.kube import access as kube_api
from tasks.engines.kube import manifests
from tasks.images import function_images
from tasks.patterns import known
from tasks.problems import Problem
from tasks.scenarios import setup
from tasks.settings import parameters, paths
from tasks.target import kind_cluster
from tests.network.contract import Acting, set_status
from tests.targets import Given
from tests.unit.conftest import lab

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object

SAMPLE = paths.SRC / "sample-controller"
BASIC, VIDEO = known.named("calcapp-basic"), known.named("p1c2")
OURS = {name: f"r/{name}:1" for name in ("cpufunc_calcapp", "cpufunc_gst", "cpufunc_sidecar")}
OTHERS = {name: "no card" for name in known.table().by_name if name not in {BASIC.name, VIDEO.name}}


@pytest.fixture
def cluster(api: Kube, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kube]:
    """The API server with all definitions and namespaces."""
    monkeypatch.setattr(kube_api, "cluster", lambda _name: api)
    monkeypatch.setattr(paths, "CONTROLLER", SAMPLE)
    monkeypatch.setattr(function_images, "references", lambda *_: OURS)
    monkeypatch.setattr(kind_cluster, "workers", lambda _cluster: ("one", "two"))
    chosen = lab(
        DCI_REGISTRY_ADDR_ALT="registry.example/images",
        DATAFLOW_DEADLINE="10",
        CONTROLLER_DEADLINE="5",
        VERIFY="no",
        CONTROLLER="sample",
    )
    monkeypatch.setattr(parameters, "current", lambda: chosen)
    definitions = [item for file in facts.definition_files(SAMPLE) for item in manifests.load(file)]
    api.apply([*definitions, *setup.namespaces(Given(api, ()))])
    yield api
    for kind, pattern in ((DATA_FLOW, BASIC), (DATA_FLOW, VIDEO), (manifests.POD, BASIC)):
        for item in api.list(kind, pattern.namespace):
            api.delete(kind, manifests.name_of(item), pattern.namespace)
            api.wait_gone(kind, manifests.name_of(item), pattern.namespace, deadline=10)


def pod(key: str) -> Object:
    images = [OURS[image] for image in BASIC.images]
    containers = [{"name": f"cpu-container{index}", "image": image} for index, image in enumerate(images)]
    name = f"{BASIC.dataflow}-wbfunction-{key}-cpu-pod"
    spec = {"containers": containers, "nodeName": "one", "terminationGracePeriodSeconds": 0}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": BASIC.namespace},
        "spec": spec,
    }


def make_pods(api: Kube) -> None:
    """Make the pods of calcapp-basic, which are Ready at once."""
    pods = [pod(hop.key) for hop in BASIC.hops]
    api.apply(pods)
    for each in pods:
        set_status(api, each, {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]})


class Controller(Acting):
    """Gives DataFlows the state that their names have in a table, and calcapp-basic its pods."""

    namespace = ""

    def __init__(self, api: Kube, states: dict[str, str]) -> None:
        def decide(item: Object) -> str:
            word = states[manifests.name_of(item)]
            if word != state(item) and manifests.name_of(item) == BASIC.dataflow:
                make_pods(api)
            return word

        super().__init__(api, (DATA_FLOW,), decide)


def run(api: Kube) -> None:
    all_patterns.verify_those_that_lack_nothing(api, parameters.current(), OTHERS)


def rows(said: list[str]) -> dict[str, str]:
    table = next(text for text in said if text.startswith("\npattern "))
    return {line.split()[0]: " ".join(line.split()[1:]) for line in table.splitlines()[2:]}


def test_one_that_fails_is_named_and_the_others_have_run(cluster: Kube, said: list[str]) -> None:
    states = {BASIC.dataflow: "Deployed", VIDEO.dataflow: "Error"}
    with Controller(cluster, states), pytest.raises(Problem, match=r"^failed: p1c2\nTry: \./doit dataflow:p1c2$"):
        run(cluster)
    found = rows(said)
    assert list(found) == list(known.table().by_name)
    assert found["calcapp-basic"].startswith("clusterip sample controller deployed ")
    assert "loadbalancer sample controller failed" in found["p1c2"]
    assert found["p1c2"].endswith("DataFlow df-cpu-p1c2: Error, twice")
    assert found["p1c1"] == "clusterip sample controller cannot run no card"
    assert said[0].startswith("calcapp-basic-multi-worker, calcapp-sriov, ")
    assert said[0].endswith(": cannot run here: no card")
    assert "1 deployed, 1 failed, 16 cannot run, of 18 patterns" in said


def test_what_a_run_deployed_is_known_to_the_next_run_until_the_user_deploys_it(cluster: Kube) -> None:
    with Controller(cluster, {BASIC.dataflow: "Deployed", VIDEO.dataflow: "Error"}):
        with pytest.raises(Problem, match="failed: p1c2"):
            run(cluster)
        left = {each.name: each.is_users for each in all_patterns.standing(cluster)}
        assert left == {"calcapp-basic": False, "p1c2": False}
        deployment.deploy(BASIC.name)
        assert Standing("calcapp-basic", is_users=True) in all_patterns.standing(cluster)
        with pytest.raises(Problem, match="failed: p1c2"):
            run(cluster)
    live = cluster.get(DATA_FLOW, BASIC.dataflow, BASIC.namespace)
    assert live
    assert not origin.is_of_series(live)


def test_a_run_that_is_interrupted_shows_the_table_so_far(cluster: Kube, said: list[str]) -> None:
    def interrupt(text: str) -> None:
        said.append(text)
        if text.startswith("\np1c2 (2 of 2)"):
            raise SystemExit(130)

    progress.line = interrupt
    with Controller(cluster, {BASIC.dataflow: "Deployed"}), pytest.raises(SystemExit):
        run(cluster)
    found = rows(said)
    assert "deployed" in found["calcapp-basic"]
    assert found["p1c2"] == "loadbalancer sample controller not reached"
    assert not any("is not as it was before" in line for line in said)


def test_a_dataflow_of_the_user_that_is_not_there_again_is_named(
    cluster: Kube, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [Standing("p1c2-multi-worker", is_users=True)]
    monkeypatch.setattr(all_patterns, "standing", lambda _cluster: before)
    with Controller(cluster, {BASIC.dataflow: "Deployed", VIDEO.dataflow: "Error"}), pytest.raises(Problem):
        run(cluster)
    assert said[-2] == "df-cpu-p1c2 is not as it was before; ./doit dataflow:p1c2-multi-worker deploys it again"
