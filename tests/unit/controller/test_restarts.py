"""tasks.controller.restarts: what is said of workloads that have other pods than before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.controller import restarts
from tasks.engines.kube.calls import Refused

if TYPE_CHECKING:
    from tasks.engines.kube.manifests import Kind, Object
    from tasks.engines.kube.pod_exec import Container


def workload(kind: str, name: str, namespace: str = "default") -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    spec = {"selector": {"matchLabels": {"app": name, "part": "x"}}}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec}


def pod(uid: str, **metadata: str) -> dict[str, Any]:
    metadata = {"name": f"pod-{uid}", "namespace": "default", "uid": uid, **metadata}
    return {"metadata": metadata, "spec": {"containers": [{"name": "manager"}, {"name": "other"}]}}


class Cluster:
    """Pods by the name of their workload, and the last line of each log."""

    def __init__(self) -> None:
        self.pods: dict[str, list[Object]] = {}
        self.said: dict[str, str] = {}

    def list(self, kind: Kind, namespace: str = "", selector: str = "") -> list[Object]:
        assert (kind.name, namespace) == ("Pod", "default")
        name = selector.partition(",")[0].removeprefix("app=")
        assert selector == f"app={name},part=x"
        return self.pods.get(name, [])

    def logs(self, where: Container, *, since: str = "", tail: int = 0) -> str:
        assert (since, tail, where.name) == ("", 1, "manager")
        if where.pod not in self.said:
            raise Refused(f"Pod {where.pod}", 400, "waiting to start")
        return self.said[where.pod]


OBJECTS = [workload("Deployment", "one"), workload("DaemonSet", "two"), {"apiVersion": "v1", "kind": "ConfigMap"}]


def test_what_restarted_is_named_with_the_last_line_of_each_new_pod() -> None:
    cluster = Cluster()
    cluster.pods = {"one": [pod("a")], "two": [pod("b"), pod("c")]}
    before = restarts.pods(cluster, OBJECTS)
    cluster.pods = {"one": [pod("a")], "two": [pod("b", deletionTimestamp="now"), pod("d"), pod("e")]}
    cluster.said = {"pod-d": "starting workers\n"}
    assert restarts.lines(cluster, before, restarts.pods(cluster, OBJECTS)) == [
        "restarted: DaemonSet default/two (2 pods)",
        "  pod-d | starting workers",
        "  pod-e | (no log yet)",
    ]


def test_it_is_said_that_nothing_restarted() -> None:
    cluster = Cluster()
    cluster.pods = {"one": [pod("a")], "two": [pod("b")]}
    before = restarts.pods(cluster, OBJECTS)
    assert restarts.lines(cluster, before, restarts.pods(cluster, OBJECTS)) == ["nothing restarted"]


def test_what_was_not_there_before_is_no_restart() -> None:
    cluster = Cluster()
    before = restarts.pods(cluster, OBJECTS)
    cluster.pods = {"one": [pod("a")]}
    assert restarts.lines(cluster, before, restarts.pods(cluster, OBJECTS)) == []
