"""The cluster's information about a node counts only if it is newer than the node's start."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.cluster.heartbeats import miscounted, not_ready

STARTED = {"kind-worker": "2024-11-22T19:06:51.987654321Z"}
BEFORE, AFTER = "2024-11-22T19:06:51Z", "2024-11-22T19:06:52Z"


def node(heard: str, ready: str = "True") -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": ready, "lastHeartbeatTime": heard}]
    return {"metadata": {"name": "kind-worker"}, "status": {"conditions": conditions}}


def pod(state: dict[str, Any], name: str = "kind-worker") -> dict[str, Any]:
    return {
        "metadata": {"name": "pod"},
        "spec": {"nodeName": name},
        "status": {"containerStatuses": [{"state": state}]},
    }


RUNS_SINCE_BEFORE = {"running": {"startedAt": BEFORE}}


@pytest.mark.parametrize(
    ("nodes", "pods", "expected"),
    [
        ([node(AFTER)], [pod({"running": {"startedAt": AFTER}})], []),
        ([node(AFTER)], [pod({"waiting": {"reason": "CrashLoopBackOff"}})], []),
        ([node(AFTER)], [pod(RUNS_SINCE_BEFORE, "another-node"), {"metadata": {}, "spec": {}}], []),
        ([], [], ["kind-worker"]),
        ([node(AFTER, "False")], [], ["kind-worker"]),
        ([node(BEFORE)], [], ["kind-worker"]),
        ([node(AFTER)], [pod(RUNS_SINCE_BEFORE)], ["kind-worker"]),
    ],
    ids=["heard of", "pod waits", "other pods", "not there", "not ready", "old heartbeat", "old news of a pod"],
)
def test_a_node_is_ready_when_it_was_heard_of_since_its_start(
    nodes: list[dict[str, Any]], pods: list[dict[str, Any]], expected: list[str]
) -> None:
    assert not_ready(STARTED, nodes, pods) == expected


def test_a_node_without_a_status_is_not_ready() -> None:
    assert not_ready(STARTED, [{"metadata": {"name": "kind-worker"}}], []) == ["kind-worker"]


def test_a_pod_on_a_node_of_another_cluster_does_not_matter() -> None:
    assert not_ready({}, [node(AFTER)], [pod(RUNS_SINCE_BEFORE)]) == []


def workload(kind: str, available: int, namespace: str = "apps") -> dict[str, Any]:
    field = {"Deployment": "availableReplicas", "DaemonSet": "numberAvailable"}[kind]
    return {
        "kind": kind,
        "metadata": {"name": "manager", "namespace": namespace},
        "spec": {"selector": {"matchLabels": {"app": "manager"}}},
        "status": {field: available},
    }


def counted(*, ready: str = "True", app: str = "manager", **metadata: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "pod", "namespace": "apps", "labels": {"app": app, "more": "x"}, **metadata},
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }


@pytest.mark.parametrize("kind", ["Deployment", "DaemonSet"])
@pytest.mark.parametrize(
    ("available", "pods", "believed"),
    [
        (1, [counted()], True),
        (0, [counted(ready="False")], True),
        (0, [], True),
        (1, [counted(), counted()], True),
        (1, [counted(ready="False")], False),
        (1, [counted(app="another")], False),
        (1, [counted(namespace="elsewhere")], False),
        (1, [counted(deletionTimestamp=AFTER)], False),
        (2, [counted(), counted(ready="False")], False),
    ],
)
def test_a_workload_with_fewer_ready_pods_than_it_is_said_to_have_was_not_counted_since(
    kind: str, available: int, pods: list[dict[str, Any]], *, believed: bool
) -> None:
    expected = [] if believed else [f"{kind} apps/manager"]
    assert miscounted([workload(kind, available)], pods) == expected
