"""tasks.target.pulling: the pods of the controller's parts, and of functions, pull with the registry's credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from tasks.engines.kube import access, manifests
from tasks.settings import credentials, scenarios, target
from tasks.target import pulling
from tasks.target.existing import ExistingCluster
from tests.unit.conftest import lab
from tests.unit.target.somewhere import Api, parameters_of

if TYPE_CHECKING:
    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object

REGISTRY = "registry.example"
SECRET = [{"name": pulling.NAME}]


@pytest.fixture
def login(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials of the registry."""
    monkeypatch.setenv(credentials.USER, "somebody")
    monkeypatch.setenv(credentials.PASSWORD, "secret")


@pytest.fixture(autouse=True)
def anonymous(monkeypatch: pytest.MonkeyPatch) -> None:
    """No credentials of the one who runs the tests."""
    for name in credentials.NAMES:
        monkeypatch.delenv(name, raising=False)


def workload(kind: manifests.Kind, space: str, **pod: Any) -> Object:
    metadata = {"name": "part", "namespace": space}
    spec = {"template": {"spec": {"containers": [], **pod}}}
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, "spec": spec}


def cluster(*objects: Object) -> Kube:
    return cast("Kube", Api([*objects]))


@pytest.mark.usefixtures("login")
def test_a_manager_names_the_secret_of_its_own_namespace() -> None:
    given = workload(manifests.DEPLOYMENT, "managers", imagePullSecrets=[{"name": "its-own"}])
    manager, secret = pulling.prepared([given], cluster(), REGISTRY)
    assert manager["spec"]["template"]["spec"]["imagePullSecrets"] == [{"name": "its-own"}, *SECRET]
    assert (secret["kind"], manifests.namespace_of(secret)) == ("Secret", "managers")
    assert given["spec"]["template"]["spec"]["imagePullSecrets"] == [{"name": "its-own"}]


@pytest.mark.usefixtures("login")
def test_a_daemon_names_the_secret_that_the_jobs_pull_by() -> None:
    (daemon,) = pulling.prepared([workload(manifests.DAEMON_SET, target.DAEMONS)], cluster(), REGISTRY)
    assert daemon["spec"]["template"]["spec"]["imagePullSecrets"] == SECRET


def test_without_credentials_a_part_is_deployed_as_it_is() -> None:
    given = [workload(manifests.DAEMON_SET, target.DAEMONS), workload(manifests.DEPLOYMENT, "managers")]
    assert pulling.prepared(given, cluster(), REGISTRY) == given


def _prepared(monkeypatch: pytest.MonkeyPatch) -> list[Object]:
    monkeypatch.setattr(access, "cluster", lambda _name: cluster())
    chosen = lab(**parameters_of(DCI_REGISTRY_ADDR_ALT=f"{REGISTRY}/images"))
    return ExistingCluster(chosen).prepared(["functions", scenarios.TEST_NAMESPACE])


@pytest.mark.usefixtures("login")
def test_a_namespace_of_functions_has_a_level_a_secret_and_an_account_that_names_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = _prepared(monkeypatch)
    levels = {manifests.name_of(item): item["metadata"]["labels"][target.SECURITY] for item in made[:2]}
    assert levels == {"functions": target.PRIVILEGED, scenarios.TEST_NAMESPACE: target.BASELINE}
    accounts = [item for item in made if item["kind"] == "ServiceAccount"]
    assert [(manifests.namespace_of(item), item["imagePullSecrets"]) for item in accounts] == [
        ("functions", SECRET),
        (scenarios.TEST_NAMESPACE, SECRET),
    ]
    assert sum(item["kind"] == "Secret" for item in made) == 2


def test_without_credentials_a_namespace_of_functions_has_its_level_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [item["kind"] for item in _prepared(monkeypatch)] == ["Namespace", "Namespace"]
