"""A pattern that is registered, deployed, asked and deleted with kubectl alone, as the scenario manual says."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from tasks.engines.kube.manifests import Kind
from tasks.engines.programs import waiting
from tasks.problems import Problem
from tests.cluster.lab import ANSWERS, BASIC, DELETE, NAMESPACE, answers, function_pod, started

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cluster.lab import Lab

FOLDER = "build/scenarios/calcapp-basic"
CONFIGURATION, INFO, TYPES, CHAIN, FLOW = (
    f"{FOLDER}/{name}.yaml"
    for name in ("cm-cpufunc-config", "functioninfo", "functiontype", "functionchain", "df-cpufunc")
)
SECONDS = "120s"
NETWORK = Kind("k8s.cni.cncf.io/v1", "NetworkAttachmentDefinition")


@pytest.fixture
def prepared(verified: Lab) -> Iterator[Lab]:
    """The lab as `create_cluster_without_scenario` leaves it: nothing of calcapp-basic is registered."""
    verified.run("create_cluster_without_scenario")
    verified.run(DELETE)
    for file in (CHAIN, TYPES, INFO, CONFIGURATION):
        verified.kubectl_says("delete", "--ignore-not-found", "-f", file)
    yield verified
    assert answers(verified.run(BASIC)) == ANSWERS


def test_a_pattern_is_registered_and_run_by_hand(prepared: Lab) -> None:
    for name in ("strategy", "user-requirement"):
        assert prepared.kubectl("-n", NAMESPACE, "get", "configmap", name)["data"]
    assert prepared.api.get(NETWORK, "kind-worker-config-net-sriov", "test01")
    assert prepared.kubectl("-n", "test", "get", "deployment", "send-video-tool")["status"]["availableReplicas"] == 1

    for file in (CONFIGURATION, INFO, TYPES):
        prepared.kubectl_says("apply", "-f", file)
    await_status(prepared, "Ready", "functiontype", "--all")
    prepared.kubectl_says("apply", "-f", CHAIN)
    await_status(prepared, "Ready", "functionchain", "--all")
    prepared.kubectl_says("apply", "-f", FLOW)
    await_status(prepared, "Deployed", "dataflow/df-calcapp")
    prepared.kubectl_says("wait", "-n", NAMESPACE, "--for=condition=Ready", "pod", "--all", f"--timeout={SECONDS}")
    asked = ("exec", "-n", NAMESPACE, function_pod("send"), "--", "/calcapp", "1", "2", "3", "4", "5")
    # The functions learn each other's addresses shortly after they are Ready.
    waiting.until("an answer in the receiver's log", lambda: asked_and_logged(prepared, asked), bool, deadline=120)

    pods = prepared.pod_uids()
    output = prepared.run(BASIC)
    assert answers(output) == ANSWERS
    assert prepared.pod_uids() == pods, "the run found what was made by hand, and made nothing again"
    assert started(output) == [BASIC]

    prepared.kubectl_says("delete", "-f", FLOW, f"--timeout={SECONDS}")
    # The DataFlow may be gone before its last pod has ended.
    waiting.until("no pod of a function", lambda: prepared.pod_uids() == {}, bool, deadline=120)


def await_status(lab: Lab, status: str, *what: str) -> None:
    expected = f"--for=jsonpath={{.status.status}}={status}"
    lab.kubectl_says("wait", "-n", NAMESPACE, expected, *what, f"--timeout={SECONDS}")


def asked_and_logged(lab: Lab, asked: tuple[str, ...]) -> bool:
    """Ask, and return whether the receiver has logged every value of the manual."""
    # The client fails for as long as the sender does not know its next hop.
    with suppress(Problem):
        lab.kubectl_says(*asked)
    log = lab.kubectl_says("logs", "-n", NAMESPACE, function_pod("rcv"), "-c", "cpu-container0")
    return all(f"value:{json.dumps(float(value)).removesuffix('.0')}" in log for value in ANSWERS.values())
