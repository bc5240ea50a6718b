"""tasks.cluster.readiness: which nodes are waited for, and whether the cluster's DNS answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tasks import lack as lacks
from tasks.cluster import readiness
from tasks.engines.kube import manifests
from tasks.problems import Problem
from tasks.settings import cluster
from tests.unit.cluster.fakes import add_nodes
from tests.unit.programs import Answer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.conftest import Lines
    from tests.unit.engine import Engine
    from tests.unit.kube_api import KubeApi
    from tests.unit.programs import Programs

NODES = cluster.node_names("a")
# The first four bytes of an answer, as od writes them: identifier, and flags without an error.
ANSWERED = " 12 34 81 80\n"
NO_SUCH_NAME = " 12 34 81 83\n"


def node(name: str, ready: str = "True") -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": ready, "lastHeartbeatTime": "2026-01-01T00:01:00Z"}]
    return {"metadata": {"name": name}, "status": {"conditions": conditions}}


def coredns(available: int) -> dict[str, Any]:
    status = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": available}
    spec = {"replicas": 1, "selector": {"matchLabels": {"k8s-app": "kube-dns"}}}
    return {
        "metadata": {"name": "coredns", "namespace": "kube-system", "generation": 1},
        "spec": spec,
        "status": status,
    }


DNS_POD = {
    "metadata": {"name": "coredns-1", "namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}},
    "spec": {"nodeName": "a-control-plane", "containers": []},
    "status": {"conditions": [{"type": "Ready", "status": "True"}]},
}


@pytest.fixture
def api(build: Path, engine: Engine, kube_api: KubeApi) -> KubeApi:
    """The API of cluster a, whose nodes are Ready and whose DNS is available."""
    add_nodes(engine, "a")
    kube_api.lead_to("a")
    service = {"metadata": {"name": "kube-dns", "namespace": "kube-system"}, "spec": {"clusterIP": "10.96.0.10"}}
    kube_api.objects |= {
        manifests.NODE: [node(name) for name in NODES],
        manifests.POD: [DNS_POD],
        manifests.SERVICE: [service],
        manifests.DEPLOYMENT: [coredns(1)],
        manifests.DAEMON_SET: [],
    }
    return kube_api


@pytest.mark.usefixtures("api")
def test_a_cluster_whose_nodes_are_ready_lacks_nothing() -> None:
    assert readiness.lack() == lacks.NOTHING


def test_nodes_that_are_not_ready_or_not_there_are_named(api: KubeApi) -> None:
    api.objects[manifests.NODE] = [node(NODES[0]), node(NODES[1], "False")]
    assert readiness.lack() == lacks.of(f"not Ready: {', '.join(NODES[1:])}")


def test_a_node_that_was_not_heard_of_since_its_start_is_named(api: KubeApi) -> None:
    (api.objects[manifests.NODE][1]["status"]["conditions"][0])["lastHeartbeatTime"] = "2025-12-31T23:59:00Z"
    assert readiness.lack() == lacks.of(f"not Ready: {NODES[1]}")


def test_a_workload_that_is_said_to_have_more_pods_than_are_ready_is_named(api: KubeApi) -> None:
    api.objects[manifests.POD] = []
    assert readiness.lack() == lacks.of("not Ready: Deployment kube-system/coredns")


def test_a_dns_that_is_not_available_is_named(api: KubeApi) -> None:
    api.objects[manifests.DEPLOYMENT] = [coredns(0)]
    assert readiness.lack() == lacks.of("Deployment kube-system/coredns: not available")


@pytest.mark.usefixtures("api")
def test_each_node_is_asked_for_an_answer_of_the_dns(programs: Programs, said: Lines) -> None:
    programs.put("docker", ANSWERED)
    readiness.await_ready()
    asked = [call for call in programs.calls if call[1] == "exec"]
    assert [call[2] for call in asked] == NODES
    assert {call[-1] for call in asked} == {"10.96.0.10"}
    assert said.kept == [f"Cluster a: {len(NODES)} nodes Ready, DNS answers. Try: ./doit kubectl get nodes"]


@pytest.mark.parametrize("answer", [NO_SUCH_NAME, " 56 78 81 80\n", "", Answer(err="timed out", code=1)])
@pytest.mark.usefixtures("api")
def test_what_is_no_answer_of_the_dns_is_told_from_one(programs: Programs, answer: str | Answer) -> None:
    programs.put("docker", answer)
    assert not readiness._ask_dns(NODES[0], "10.96.0.10")


def test_time_that_runs_out_names_the_nodes(api: KubeApi, build: Path, choose: Callable[..., None]) -> None:
    choose(CLUSTER_NAME="a", CACHE_DIR=str(build.parent / "cache"), CLUSTER_DEADLINE="1")
    api.objects[manifests.NODE] = []
    with pytest.raises(Problem, match=rf"^nodes of cluster a: Ready: not so within 1 s; .* not yet: {NODES[0]}"):
        readiness.await_ready()
