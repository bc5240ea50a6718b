"""What the cluster says of nodes counts only if it is from after their start."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.actions.node_news import not_ready

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
