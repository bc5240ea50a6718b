"""tasks.engines.kube.api against a real API server: server-side apply, definitions, drift, deletion."""

from __future__ import annotations

import copy
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tasks import progress
from tasks.archive import facts
from tasks.engines.kube import api as kube_api
from tasks.engines.kube import immutable, manifests
from tasks.engines.kube.calls import Body
from tasks.engines.kube.manifests import Kind
from tasks.problems import Problem
from tasks.settings import paths
from tests.unit.conftest import Lines

if TYPE_CHECKING:
    from tasks.engines.kube.api import Kube

SAMPLE = paths.SRC / "sample-controller"
DEFINITIONS = [item for file in facts.definition_files(SAMPLE) for item in manifests.load(file)]


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
    assert api.apply(items) == kube_api.Applied((), 2)


def test_a_change_of_ours_and_a_change_by_hand_are_applied_again(api: Kube, namespace: str) -> None:
    item = deployment(namespace)
    api.apply([item])
    by_hand = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "x:by-hand"}]}}}}
    api.patch(manifests.DEPLOYMENT, "x", namespace, by_hand)
    assert api.lack([item])
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
    # The object comes first on purpose: the code under test has to find the right order.
    api.apply([flow, *DEFINITIONS])
    assert not api.lack([flow, *DEFINITIONS])
    assert [manifests.name_of(item) for item in api.list(Kind("example.com/v1", "DataFlow"), namespace)] == ["df"]


def test_an_object_with_a_finalizer_is_named_until_it_goes(api: Kube, namespace: str) -> None:
    kept: dict[str, Any] = manifests.config_map("kept", namespace, {})
    kept["metadata"]["finalizers"] = ["example.com/stay"]
    api.apply([kept])
    api.delete(manifests.CONFIG_MAP, "kept", namespace)
    assert api.lack([kept])
    with pytest.raises(Problem, match=r"ConfigMap kept: deleted.*last seen: example\.com/stay"):
        api.wait_gone(manifests.CONFIG_MAP, "kept", namespace, deadline=0.2)
    for _ in range(2):
        api.release(manifests.CONFIG_MAP, "kept", namespace)
    api.wait_gone(manifests.CONFIG_MAP, "kept", namespace, deadline=10)
    api.delete(manifests.CONFIG_MAP, "kept", namespace)


def test_a_refused_object_is_named_with_the_servers_reason(api: Kube, namespace: str) -> None:
    wrong = deployment(namespace)
    wrong["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
    with pytest.raises(kube_api.Refused, match=r"Deployment test-\w+/x: .*selector"):
        api.apply([wrong])


def uid(api: Kube, item: manifests.Object) -> str:
    live = api.get(manifests.kind_of(item), manifests.name_of(item), manifests.namespace_of(item))
    assert live
    return str(live["metadata"]["uid"])


APP = {"app": "x"}
POD = {"containers": [{"name": "app", "image": "x:1"}]}
TEMPLATE = {"metadata": {"labels": APP}, "spec": POD}
RUN = {"selector": {"matchLabels": APP}, "template": TEMPLATE}
OTHER_APP = {"app": "y"}
RUN_OTHER = {"selector": {"matchLabels": OTHER_APP}, "template": {"metadata": {"labels": OTHER_APP}, "spec": POD}}
RBAC = "rbac.authorization.k8s.io"


def role(name: str) -> dict[str, Any]:
    return {"roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": name}}


def service(address: str) -> dict[str, Any]:
    return {"spec": {"selector": APP, "ports": [{"port": 80}], "clusterIP": address}}


def job(image: str) -> dict[str, Any]:
    containers = [{"name": "app", "image": image}]
    return {"spec": {"template": {"spec": {"containers": containers, "restartPolicy": "Never"}}}}


# The version of each kind, its content before and after, and the field that the server does not change.
UNCHANGEABLE: dict[str, tuple[str, dict[str, Any], dict[str, Any], str]] = {
    "Deployment": ("apps/v1", {"spec": RUN}, {"spec": RUN_OTHER}, "spec.selector"),
    "DaemonSet": ("apps/v1", {"spec": RUN}, {"spec": RUN_OTHER}, "spec.selector"),
    "ReplicaSet": ("apps/v1", {"spec": RUN}, {"spec": RUN_OTHER}, "spec.selector"),
    "StatefulSet": (
        "apps/v1",
        {"spec": {**RUN, "serviceName": "a"}},
        {"spec": {**RUN, "serviceName": "b"}},
        "spec",
    ),
    "Pod": ("v1", {"spec": POD}, {"spec": {**POD, "restartPolicy": "Never"}}, "spec"),
    "Job": ("batch/v1", job("x:1"), job("x:2"), "spec.template"),
    # Of the lower addresses, the server gives none by itself.
    "Service": ("v1", service("10.255.0.7"), service("10.255.0.8"), "spec.clusterIP"),
    "ConfigMap": ("v1", {"data": {"x": "1"}, "immutable": True}, {"data": {"x": "2"}, "immutable": True}, "data"),
    "Secret": ("v1", {"data": {"x": "MQ=="}, "immutable": True}, {"data": {"x": "Mg=="}, "immutable": True}, "data"),
    "RoleBinding": (f"{RBAC}/v1", role("view"), role("edit"), "roleRef"),
    "ClusterRoleBinding": (f"{RBAC}/v1", role("view"), role("edit"), "roleRef"),
    "StorageClass": ("storage.k8s.io/v1", {"provisioner": "a.b/c"}, {"provisioner": "a.b/d"}, "provisioner"),
    "PriorityClass": ("scheduling.k8s.io/v1", {"value": 1}, {"value": 2}, "value"),
    "RuntimeClass": ("node.k8s.io/v1", {"handler": "a"}, {"handler": "b"}, "handler"),
    "IngressClass": (
        "networking.k8s.io/v1",
        {"spec": {"controller": "a.b/c"}},
        {"spec": {"controller": "a.b/d"}},
        "spec.controller",
    ),
    "CSIDriver": (
        "storage.k8s.io/v1",
        {"spec": {"attachRequired": True}},
        {"spec": {"attachRequired": False}},
        "spec.attachedRequired",
    ),
}
CLUSTER_WIDE = {"ClusterRoleBinding", "StorageClass", "PriorityClass", "RuntimeClass", "IngressClass", "CSIDriver"}


def of_kind(kind: str, content: dict[str, Any], namespace: str) -> manifests.Object:
    metadata = {"name": namespace} if kind in CLUSTER_WIDE else {"name": "x", "namespace": namespace}
    return {"apiVersion": UNCHANGEABLE[kind][0], "kind": kind, "metadata": metadata, **copy.deepcopy(content)}


def test_every_kind_that_is_made_again_is_shown() -> None:
    assert set(UNCHANGEABLE) == set(immutable.RECREATED)


@pytest.mark.parametrize("kind", UNCHANGEABLE)
def test_an_object_of_ours_that_cannot_be_changed_is_made_again(
    api: Kube, namespace: str, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    said = Lines()
    monkeypatch.setattr(progress, "_listener", said)
    _, first, second, field = UNCHANGEABLE[kind]
    before, after = of_kind(kind, first, namespace), of_kind(kind, second, namespace)
    api.apply([before])
    earlier = uid(api, before)
    assert api.apply([after]).changed == (manifests.label_of(after),)
    assert uid(api, after) != earlier
    assert api.apply([after]) == kube_api.Applied((), 1)
    assert [line.partition(", as ")[0] for line in said.kept] == [f"{manifests.label_of(after)} is made again"]
    assert f"as {field}" in said.kept[0]
    assert said.kept[0].endswith(immutable.RECREATED[kind])


def with_selector(item: manifests.Object, label: str) -> manifests.Object:
    changed = copy.deepcopy(item)
    changed["spec"]["selector"]["matchLabels"] = {"app": label}
    changed["spec"]["template"]["metadata"]["labels"] = {"app": label}
    return changed


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
    with pytest.raises(kube_api.Refused, match=r"^Deployment .*spec\.template\.spec\.containers\[0\]\.name"):
        api.apply([wrong])
    assert uid(api, deployment(namespace)) == first


def test_a_rollout_that_does_not_happen_is_explained(api: Kube, namespace: str) -> None:
    api.apply([deployment(namespace)])
    with pytest.raises(Problem, match=rf"Deployment {namespace}/x: rolled out: .*0 of 1 available"):
        api.wait_rollout(manifests.DEPLOYMENT, "x", namespace, deadline=0.2)
