"""target.leaving, on a real API server: what is ours goes, and what others made stays."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import pytest

from tasks.engines.kube import access, applyset, attachment, manifests
from tasks.engines.kube.attachment import Attachment
from tasks.engines.kube.manifests import CONFIG_MAP, CUSTOM_RESOURCE_DEFINITION, NAMESPACE, Kind
from tasks.engines.programs import waiting
from tasks.problems import Problem
from tasks.settings import parameters, paths, target
from tasks.target import leaving, snapshot
from tests.unit.conftest import lab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object

OWNER = "fedcba9876543210"
NAME = "there"
SECRET = Kind("v1", "Secret")
LAST_ROLE = "RoleBinding kube-system/system:controller:token-cleaner"
DATA_FLOW = Kind("leaving.test/v1", "DataFlow")
SCHEMA = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}


def named(kind: Kind, name: str, space: str = "default", **more: Any) -> Object:
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": {"name": name, "namespace": space, **more}}


def definition(name: str = "DataFlow") -> Object:
    version = {"name": "v1", "served": True, "storage": True, "schema": SCHEMA}
    names = {"plural": f"{name.lower()}s", "kind": name}
    spec = {"group": "leaving.test", "scope": "Namespaced", "names": names, "versions": [version]}
    kind = CUSTOM_RESOURCE_DEFINITION
    return {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "metadata": {"name": f"{name.lower()}s.leaving.test"},
        "spec": spec,
    }


@pytest.fixture
def attached(api: Kube, kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kube]:
    """The API of a cluster that this checkout is attached to; the controller's own group is that of other tests."""
    monkeypatch.setattr(paths, "BUILD", tmp_path)
    monkeypatch.setattr(target, "GROUP", "leaving.test")
    monkeypatch.setattr(
        parameters, "current", lambda: lab(CLUSTER_NAME=NAME, CONTROLLER_DEADLINE="20", DATAFLOW_DEADLINE="3")
    )
    api.apply([manifests.namespace("kube-system")])
    # A server that has just started still makes its own roles; these are the last ones.
    waiting.until("its own roles", lambda: snapshot.of(api, OWNER), lambda names: LAST_ROLE in names, deadline=30)
    snapshot.keep(NAME, snapshot.of(api, OWNER))
    attachment.save(NAME, Attachment("theirs", "https://server", api.identity(), OWNER))
    (attachment.file(NAME).parent / "kubeconfig").write_bytes(kubeconfig.read_bytes())
    api.send_apply(applyset.parent(OWNER))
    yield access.cluster(NAME)
    api.delete(CONFIG_MAP, applyset.NAME, applyset.NAMESPACE)


def test_what_was_made_is_gone_and_the_rest_is_as_before(attached: Kube, api: Kube, said: list[str]) -> None:
    before = snapshot.of(api, "nobody")
    attached.apply([definition(), named(SECRET, "token"), named(CONFIG_MAP, "configuration")])
    attached.apply([named(DATA_FLOW, "flow")])
    leaving.detach()
    assert any("nothing of ours is left" in line and line.endswith("as before") for line in said)
    parent = f"ConfigMap {applyset.NAMESPACE}/{applyset.NAME}"
    assert snapshot.of(api, "nobody") == [name for name in before if name != parent]
    assert not attachment.file(NAME).parent.exists()
    leaving.detach()
    assert "no existing cluster is attached" in said[-1]


def test_a_definition_stays_while_others_have_objects_of_it(attached: Kube, api: Kube, said: list[str]) -> None:
    attached.apply([definition(), definition("Unused")])
    attached.apply([named(DATA_FLOW, "ours")])
    api.apply([named(DATA_FLOW, "theirs")])
    leaving.detach()
    (line,) = [line for line in said if "stays" in line]
    assert "dataflows.leaving.test" in line
    assert "DataFlow default/theirs" in line
    assert api.get(DATA_FLOW, "theirs", "default")
    assert api.get(DATA_FLOW, "ours", "default") is None
    assert api.get(CUSTOM_RESOURCE_DEFINITION, "unuseds.leaving.test") is None
    # What stays is nobody's of ours, and the checkout is not attached any longer.
    kept = api.get(CUSTOM_RESOURCE_DEFINITION, "dataflows.leaving.test")
    assert kept
    assert applyset.owner_of(kept) == ""
    assert api.get(CONFIG_MAP, applyset.NAME, applyset.NAMESPACE) is None
    api.delete(CUSTOM_RESOURCE_DEFINITION, "dataflows.leaving.test")


def test_a_namespace_stays_while_others_have_objects_in_it(attached: Kube, api: Kube, said: list[str]) -> None:
    space = f"ours-{secrets.token_hex(4)}"
    attached.apply([manifests.namespace(space)])
    api.apply([manifests.config_map("theirs", space, {})])
    leaving.detach()
    assert any(f"Namespace {space} stays" in line and "theirs" in line for line in said)
    assert api.get(CONFIG_MAP, "theirs", space)
    assert "deletionTimestamp" not in (api.get(NAMESPACE, space) or {})["metadata"]


def test_a_finalizer_that_nobody_answers_does_not_keep_a_definition(attached: Kube, api: Kube) -> None:
    attached.apply([definition()])
    attached.apply([named(DATA_FLOW, "stuck", finalizers=["leaving.test/nobody"])])
    leaving.detach()
    assert api.get(CUSTOM_RESOURCE_DEFINITION, "dataflows.leaving.test") is None


def test_another_cluster_behind_the_same_kubeconfig_is_left_alone(attached: Kube) -> None:
    attached.apply([named(SECRET, "token")])
    attachment.save(NAME, Attachment("theirs", "https://server", "another", OWNER))
    with pytest.raises(Problem, match="is another cluster"):
        leaving.detach()
    assert attached.get(SECRET, "token", "default")
    attachment.save(NAME, Attachment("theirs", "https://server", attached.identity(), OWNER))
    leaving.detach()
