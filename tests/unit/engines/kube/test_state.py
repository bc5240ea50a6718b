"""tasks.engines.kube.state: what the status of an object means."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tasks.engines.kube import manifests
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


MAP: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "m", "namespace": "n", "labels": {"a": "1"}},
    "data": {"k": "v"},
}
BY_KUBECTL = {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}, "uid": "u"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"status": {"status": "Ready"}}, True),
        ({"data": {"k": "other"}}, False),
        ({"data": {"k": "v", "more": "v"}}, False),
        ({"binaryData": {"k": "dg=="}}, False),
        ({"metadata": {"name": "m", "namespace": "n"}}, False),
    ],
    ids=["same", "status", "other content", "more content", "another part", "without a label"],
)
def test_an_object_that_the_user_applied_is_as_wanted_if_it_is_the_same(
    changes: dict[str, Any], expected: bool
) -> None:
    live = {**MAP, "metadata": {**MAP["metadata"], **BY_KUBECTL}, **changes}
    assert kube_state.is_as_wanted(manifests.stamped(MAP), live) is expected


def test_an_object_of_this_tool_that_lacks_its_latest_content_is_not_as_wanted() -> None:
    live = manifests.stamped(MAP)
    assert kube_state.is_as_wanted(manifests.stamped(MAP), live)
    assert not kube_state.is_as_wanted(manifests.stamped({**MAP, "data": {}}), live)
