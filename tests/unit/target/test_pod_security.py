"""tasks.target.pod_security: each namespace of ours gets the lowest level that admits its pods."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.engines.kube import manifests
from tasks.settings.target import BASELINE, PRIVILEGED, RESTRICTED, SECURITY
from tasks.target import pod_security

Pod = dict[str, Any]

STRICT = {
    "allowPrivilegeEscalation": False,
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
    "capabilities": {"drop": ["ALL"]},
}


def pod(*, context: Pod | None = None, **fields: Any) -> Pod:
    return {"containers": [{"name": "c", "image": "i", "securityContext": context or {}}], **fields}


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        (pod(context=STRICT), RESTRICTED),
        (pod(context=STRICT, volumes=[{"name": "a", "emptyDir": {}}]), RESTRICTED),
        (pod(context={"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}), BASELINE),
        (pod(context={**STRICT, "runAsUser": 0}), BASELINE),
        (pod(), BASELINE),
        (pod(context={"capabilities": {"add": ["CHOWN"]}}), BASELINE),
        (pod(context={"capabilities": {"add": ["SYS_PTRACE"]}}), PRIVILEGED),
        (pod(context={"privileged": True}), PRIVILEGED),
        (pod(context=STRICT, volumes=[{"name": "a", "hostPath": {"path": "/"}}]), PRIVILEGED),
        (pod(context=STRICT, hostIPC=True), PRIVILEGED),
        (pod(hostNetwork=True), PRIVILEGED),
        ({"containers": [{"name": "c", "ports": [{"containerPort": 1, "hostPort": 1}]}]}, PRIVILEGED),
        ({**pod(context=STRICT), "initContainers": [{"securityContext": {"privileged": True}}]}, PRIVILEGED),
        (pod(context={"seccompProfile": {"type": "Unconfined"}}), PRIVILEGED),
    ],
)
def test_a_pod_needs_a_level(spec: Pod, wanted: str) -> None:
    assert pod_security.level(spec) == wanted


def test_the_namespace_of_a_part_gets_the_level_of_what_runs_there() -> None:
    def workload(spec: Pod) -> Pod:
        metadata = {"name": "w", "namespace": "space"}
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {"template": {"spec": spec}},
        }

    space = manifests.namespace("space")
    made = pod_security.labelled([space, workload(pod(context=STRICT)), workload(pod())])
    assert made[0]["metadata"]["labels"] == {SECURITY: BASELINE}
    assert "labels" not in space["metadata"]
    assert pod_security.labelled([space]) == [space]
