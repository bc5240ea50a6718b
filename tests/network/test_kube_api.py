"""tasks.engines.kube against a real API server: server-side apply, definitions, drift, deletion."""

from __future__ import annotations

import copy
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tasks import progress
from tasks.actions import controller_source
from tasks.engines import immutable, kube, manifests
from tasks.engines.kube_requests import Body
from tasks.engines.manifests import Kind
from tasks.problems import Problem
from tasks.settings import paths
from tests.unit.conftest import Lines

if TYPE_CHECKING:
    from collections.abc import Callable

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


def uid(api: Kube, item: manifests.Object) -> str:
    live = api.get(manifests.kind_of(item), manifests.name_of(item), manifests.namespace_of(item))
    assert live
    return str(live["metadata"]["uid"])


def service(namespace: str, address: str) -> manifests.Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "x", "namespace": namespace},
        "spec": {"selector": {"app": "x"}, "ports": [{"port": 80}], "clusterIP": address},
    }


def with_selector(item: manifests.Object, label: str) -> manifests.Object:
    changed = copy.deepcopy(item)
    changed["spec"]["selector"]["matchLabels"] = {"app": label}
    changed["spec"]["template"]["metadata"]["labels"] = {"app": label}
    return changed


def job(namespace: str, image: str) -> manifests.Object:
    template = {"spec": {"containers": [{"name": "app", "image": image}], "restartPolicy": "Never"}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "x", "namespace": namespace},
        "spec": {"template": template},
    }


def binding(namespace: str, role: str) -> manifests.Object:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "x", "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": namespace}],
    }


def kept(namespace: str, value: str) -> manifests.Object:
    return {**manifests.config_map("x", namespace, {"x": value}), "immutable": True}


def secret(namespace: str, value: str) -> manifests.Object:
    return {**kept(namespace, ""), "kind": "Secret", "data": {"x": value}}


UNCHANGEABLE: dict[str, tuple[Callable[[str], tuple[manifests.Object, manifests.Object]], str]] = {
    "Deployment": (lambda n: (deployment(n), with_selector(deployment(n), "y")), "spec.selector"),
    "Service": (lambda n: (service(n, "10.255.0.77"), service(n, "10.255.0.78")), "spec.clusterIP"),
    "Job": (lambda n: (job(n, "x:1"), job(n, "x:2")), "spec.template"),
    "RoleBinding": (lambda n: (binding(n, "view"), binding(n, "edit")), "roleRef"),
    "ConfigMap": (lambda n: (kept(n, "1"), kept(n, "2")), "data"),
    "Secret": (lambda n: (secret(n, "MQ=="), secret(n, "Mg==")), "data"),
}


@pytest.mark.parametrize("kind", UNCHANGEABLE)
def test_an_object_of_ours_that_cannot_be_changed_is_made_again(
    api: Kube, namespace: str, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    said = Lines()
    monkeypatch.setattr(progress, "_listener", said)
    make, field = UNCHANGEABLE[kind]
    before, after = make(namespace)
    api.apply([before])
    first = uid(api, before)
    assert api.apply([after]).changed == (f"{kind} {namespace}/x",)
    assert uid(api, after) != first
    assert api.is_current([after])
    assert [line.partition(", as ")[0] for line in said.kept] == [f"{kind} {namespace}/x is made again"]
    assert field in said.kept[0]
    assert said.kept[0].endswith(immutable.RECREATED[kind])


def test_one_that_somebody_else_made_is_left_to_them(api: Kube, namespace: str) -> None:
    theirs = deployment(namespace)
    api._requests.send(
        "POST", f"/apis/apps/v1/namespaces/{namespace}/deployments", {}, Body(theirs, "application/json")
    )
    first = uid(api, theirs)
    with pytest.raises(
        Problem, match=rf"^Deployment {namespace}/x: spec\.selector cannot be changed .* not made by this tool"
    ) as caught:
        api.apply([with_selector(theirs, "y")])
    assert caught.value.hint.endswith(f"kubectl delete -n {namespace} deployment.apps x; then the same command again")
    assert uid(api, theirs) == first


def test_one_whose_content_would_be_lost_is_left_to_the_user(api: Kube, namespace: str) -> None:
    def claim(storage_class: str) -> manifests.Object:
        return {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "x", "namespace": namespace},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": storage_class,
                "resources": {"requests": {"storage": "1Gi"}},
            },
        }

    api.apply([claim("a")])
    first = uid(api, claim("a"))
    with pytest.raises(Problem, match=r"spec cannot be changed .*what is stored in it would be lost") as caught:
        api.apply([claim("b")])
    assert "\n" not in caught.value.message
    assert uid(api, claim("a")) == first


def test_an_object_that_is_wrong_anyway_is_not_deleted_for_it(api: Kube, namespace: str) -> None:
    api.apply([deployment(namespace)])
    first = uid(api, deployment(namespace))
    wrong = with_selector(deployment(namespace), "y")
    wrong["spec"]["template"]["spec"]["containers"][0]["name"] = "no name"
    with pytest.raises(kube.Refused, match=r"^Deployment .*spec\.template\.spec\.containers\[0\]\.name"):
        api.apply([wrong])
    assert uid(api, deployment(namespace)) == first


def test_a_rollout_that_does_not_happen_is_explained(api: Kube, namespace: str) -> None:
    api.apply([deployment(namespace)])
    with pytest.raises(Problem, match=rf"Deployment {namespace}/x: rolled out: .*0 of 1 available"):
        api.wait_rollout(manifests.DEPLOYMENT, "x", namespace, deadline=0.2)
