"""tasks.target.existing_status: what an existing cluster is and what of it is ours, without an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tasks.engines.kube import attachment, manifests
from tasks.engines.kube.attachment import Attachment
from tasks.settings import parameters, target
from tasks.target import choice, existing_status
from tests.unit.target.somewhere import workload

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.kube_api import KubeApi

pytestmark = pytest.mark.usefixtures("elsewhere")


@pytest.fixture
def elsewhere(checkout: Path, choose: Callable[..., None]) -> None:
    """Parameters that name an existing cluster, and an engine that nobody answers for."""
    given = {"TARGET": "existing", "TARGET_KUBECONFIG": "/nowhere", "TARGET_CONTEXT": "elsewhere"}
    choose(**given, REGISTRY="harbor", DOCKER_HOST=f"unix://{checkout}/nowhere", TARGET_WORKERS="two")


def node(name: str) -> dict[str, Any]:
    ready = {"conditions": [{"type": "Ready", "status": "True"}], "nodeInfo": {"kubeletVersion": "v1.31.0"}}
    return {"metadata": {"name": name}, "spec": {}, "status": ready}


def test_a_cluster_that_is_not_attached_is_only_named() -> None:
    rows = dict(choice.of(parameters.current()).status())
    assert list(rows) == ["target", "attached"]
    assert rows["target"] == "existing cluster elsewhere"
    assert "./doit doctor --for attach" in rows["attached"]
    (part,) = existing_status.parts(parameters.current()).values()
    assert not part().is_there


def test_its_workers_and_what_is_ours_are_shown(kube_api: KubeApi) -> None:
    name = parameters.current().cluster_name
    attachment.save(name, Attachment("elsewhere", "https://10.0.0.1:6443", "uid", "owner"))
    kube_api.lead_to(name)
    pod = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    kube_api.objects |= {
        manifests.NODE: [node("one"), node("two")],
        manifests.NAMESPACE: [
            {"metadata": {"name": "ours", "labels": {target.OWNER: "owner"}}},
            {"metadata": {"name": "others", "labels": {target.OWNER: "somebody"}}},
        ],
        manifests.DAEMON_SET: [workload("r.io/multus-cni:v4")],
        manifests.DEPLOYMENT: [],
        manifests.POD: [
            {"metadata": {"name": "a", "namespace": "ours"}, **pod},
            {"metadata": {"name": "b", "namespace": "others"}, **pod},
        ],
    }
    rows = dict(choice.of(parameters.current()).status())
    assert (rows["server"], rows["owner"]) == ("https://10.0.0.1:6443", "owner")
    assert (rows["version"], rows["workers"]) == ("v1.31.0", "1 of 2 nodes: two")
    assert rows["namespaces of ours"] == "ours"
    assert rows["add-ons of others"] == "multus v4"
    assert rows["pods in ours"] == "1 of 1 Ready"
    assert "pods in others" not in rows
    (part,) = existing_status.parts(parameters.current()).values()
    assert part().text == "existing cluster elsewhere at https://10.0.0.1:6443: 2 nodes, v1.31.0"


def test_an_api_that_does_not_answer_is_said() -> None:
    name = parameters.current().cluster_name
    attachment.save(name, Attachment("elsewhere", "https://10.0.0.1:6443", "uid", "owner"))
    rows = dict(choice.of(parameters.current()).status())
    assert "kubeconfig is not there" in rows["Kubernetes"]
