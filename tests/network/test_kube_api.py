"""tasks.engines.kube against a real API server: server-side apply, definitions, drift, deletion."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tasks.actions import controller_source
from tasks.engines import kube, manifests
from tasks.engines.manifests import Kind
from tasks.problems import Problem
from tasks.settings import paths

if TYPE_CHECKING:
    from tasks.engines.kube import Kube

SAMPLE = paths.SRC / "sample-controller"
DEFINITIONS = [item for file in controller_source.definition_files(SAMPLE) for item in manifests.load(file)]


@pytest.fixture
def namespace(api: Kube) -> str:
    name = f"test-{uuid.uuid4().hex[:8]}"
    api.apply([manifests.namespace(name)])
    return name


def deployment(namespace: str) -> manifests.Object:
    container = {
        "name": "app",
        "image": "x:1",
        "resources": {"requests": {"cpu": "1000m", "memory": "1024Mi"}},
        "securityContext": {"capabilities": {"drop": ["ALL"]}},
    }
    labels = {"app": "x"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "x", "namespace": namespace, "creationTimestamp": None},
        "spec": {
            "selector": {"matchLabels": labels},
            "strategy": {},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container], "volumes": []}},
        },
        "status": {},
    }


def test_what_was_applied_is_current_although_the_server_rewrote_it(api: Kube, namespace: str) -> None:
    items = [deployment(namespace), manifests.config_map("a", namespace, {"x": "1"})]
    assert len(api.apply(items).changed) == 2
    assert api.apply(items) == kube.Applied((), 2)


def test_a_change_of_ours_and_a_change_by_hand_are_applied_again(api: Kube, namespace: str) -> None:
    item = deployment(namespace)
    api.apply([item])
    by_hand = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "x:by-hand"}]}}}}
    api.patch(manifests.DEPLOYMENT, "x", namespace, by_hand)
    assert not api.is_current([item])
    assert api.apply([item]).changed == (f"Deployment {namespace}/x",)
    live = api.get(manifests.DEPLOYMENT, "x", namespace)
    assert live
    assert live["spec"]["template"]["spec"]["containers"][0]["image"] == "x:1"


def test_definitions_are_established_and_then_serve_their_kinds(api: Kube, namespace: str) -> None:
    flow = {
        "apiVersion": "example.com/v1",
        "kind": "DataFlow",
        "metadata": {"name": "df", "namespace": namespace},
        "spec": {
            "functionChainRef": {"name": "chain", "namespace": namespace},
            "requirements": {"all": {"capacity": 1}},
        },
    }
    # The object comes first on purpose: the order of a list is ours to find.
    api.apply([flow, *DEFINITIONS])
    assert api.is_current([flow, *DEFINITIONS])
    assert [manifests.name_of(item) for item in api.list(Kind("example.com/v1", "DataFlow"), namespace)] == ["df"]


def test_an_object_with_a_finalizer_is_named_until_it_goes(api: Kube, namespace: str) -> None:
    kept: dict[str, Any] = manifests.config_map("kept", namespace, {})
    kept["metadata"]["finalizers"] = ["example.com/stay"]
    api.apply([kept])
    api.delete(manifests.CONFIG_MAP, "kept", namespace)
    assert not api.is_current([kept])
    with pytest.raises(Problem, match=r"ConfigMap kept: deleted.*last seen: example\.com/stay"):
        api.wait_gone(manifests.CONFIG_MAP, "kept", namespace, deadline=0.2)
    for _ in range(2):
        api.release(manifests.CONFIG_MAP, "kept", namespace)
    api.wait_gone(manifests.CONFIG_MAP, "kept", namespace, deadline=10)
    api.delete(manifests.CONFIG_MAP, "kept", namespace)


def test_a_refused_object_is_named_with_the_servers_reason(api: Kube, namespace: str) -> None:
    wrong = deployment(namespace)
    wrong["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
    with pytest.raises(kube.Refused, match=r"Deployment test-\w+/x: .*selector"):
        api.apply([wrong])


def test_a_rollout_that_does_not_happen_is_explained(api: Kube, namespace: str) -> None:
    api.apply([deployment(namespace)])
    with pytest.raises(Problem, match=rf"Deployment {namespace}/x: rolled out: .*0 of 1 available"):
        api.wait_rollout(manifests.DEPLOYMENT, "x", namespace, deadline=0.2)
