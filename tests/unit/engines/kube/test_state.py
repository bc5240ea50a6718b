"""tasks.engines.kube.state: what the status of an object means."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tasks.engines.kube import state as kube_state

DEPLOYMENT: dict[str, Any] = {
    "kind": "Deployment",
    "metadata": {"generation": 2},
    "spec": {"replicas": 1},
    "status": {"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1},
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"observedGeneration": 1}, False),
        ({"availableReplicas": 0}, False),
        ({"updatedReplicas": 0}, False),
        ({"replicas": 2}, False),
    ],
)
def test_a_deployment_is_rolled_out_when_only_its_latest_replicas_run(changes: dict[str, int], expected: bool) -> None:
    deployment = copy.deepcopy(DEPLOYMENT)
    deployment["status"].update(changes)
    assert kube_state.is_rolled_out(deployment) is expected


def test_a_daemon_set_is_rolled_out_on_every_node() -> None:
    status = {
        "observedGeneration": 1,
        "desiredNumberScheduled": 2,
        "updatedNumberScheduled": 2,
        "numberAvailable": 1,
    }
    daemon_set = {"kind": "DaemonSet", "metadata": {"generation": 1}, "spec": {}, "status": status}
    assert not kube_state.is_rolled_out(daemon_set)
    status["numberAvailable"] = 2
    assert kube_state.is_rolled_out(daemon_set)
