"""engines.kube.applyset and guest, on a real API server: what is ours is marked, and what others made stays."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

from tasks.engines.kube import applyset, manifests
from tasks.engines.kube.api import Kube
from tasks.engines.kube.applyset import ApplySet
from tasks.engines.kube.attachment import Attachment
from tasks.problems import Problem
from tasks.settings import target as marks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tasks.engines.kube.manifests import Object

_OWNER = "0123456789abcdef"
_PLACE = "default"


@pytest.fixture
def guest(kubeconfig: Path, api: Kube) -> Iterator[Kube]:
    """The API of an existing cluster to which this checkout is attached."""
    attached = Attachment("context", "https://server", "uid", _OWNER)
    api.send_apply(applyset.parent(_OWNER))
    yield Kube(kubeconfig, ours=ApplySet(attached))
    api.delete(manifests.CONFIG_MAP, applyset.NAME, applyset.NAMESPACE)


@pytest.fixture
def item(api: Kube) -> Iterator[Object]:
    """A ConfigMap that is not there yet."""
    made = manifests.config_map(f"own-{secrets.token_hex(4)}", _PLACE, {"a": "1"})
    yield made
    api.delete(manifests.CONFIG_MAP, manifests.name_of(made), _PLACE)


def _live(api: Kube, item: Object) -> Object:
    found = api.get(manifests.kind_of(item), manifests.name_of(item), manifests.namespace_of(item))
    assert found
    return found


def test_an_applied_object_names_its_owner_and_its_applyset(guest: Kube, item: Object) -> None:
    guest.apply([item])
    labels = _live(guest, item)["metadata"]["labels"]
    assert labels == {
        marks.MANAGED_BY: marks.TOOL,
        marks.PART_OF: applyset.identifier(),
        marks.OWNER: _OWNER,
    }
    assert not guest.lack([item])


def test_an_object_whose_owner_label_was_removed_lacks_it(guest: Kube, api: Kube, item: Object) -> None:
    guest.apply([item])
    api.patch(manifests.CONFIG_MAP, manifests.name_of(item), _PLACE, {"metadata": {"labels": {marks.OWNER: None}}})
    assert guest.lack([item])


def test_an_object_of_others_is_neither_applied_patched_nor_deleted(guest: Kube, api: Kube, item: Object) -> None:
    api.apply([item])
    before = _live(api, item)
    name = manifests.name_of(item)
    with pytest.raises(Problem, match="is not ours"):
        guest.apply([{**item, "data": {"a": "2"}}])
    with pytest.raises(Problem, match="is not ours"):
        guest.patch(manifests.CONFIG_MAP, name, _PLACE, {"data": {"a": "2"}})
    with pytest.raises(Problem, match="is not ours"):
        guest.delete(manifests.CONFIG_MAP, name, _PLACE)
    assert _live(api, item) == before


def test_nothing_is_applied_if_one_of_the_objects_is_of_others(guest: Kube, api: Kube, item: Object) -> None:
    api.apply([item])
    other = manifests.config_map(f"{manifests.name_of(item)}-b", _PLACE, {})
    with pytest.raises(Problem, match="is not ours"):
        guest.apply([other, item])
    assert api.get(manifests.CONFIG_MAP, manifests.name_of(other), _PLACE) is None


def test_the_parent_lists_a_kind_before_an_object_of_it_exists(guest: Kube, api: Kube) -> None:
    refused: Object = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "Not_A_Name", "namespace": _PLACE}}
    with pytest.raises(Problem):
        guest.apply([refused], deadline=1)
    parent = _live(api, manifests.config_map(applyset.NAME, applyset.NAMESPACE, {}))
    assert "Secret" in parent["metadata"]["annotations"][marks.CONTAINS].split(",")


def test_the_parent_keeps_the_kinds_it_listed(guest: Kube, api: Kube, item: Object) -> None:
    secret: Object = {"apiVersion": "v1", "kind": "Secret", "metadata": {**item["metadata"]}}
    guest.apply([secret])
    guest.apply([item])
    guest.delete(manifests.kind_of(secret), manifests.name_of(secret), _PLACE)
    parent = _live(api, manifests.config_map(applyset.NAME, applyset.NAMESPACE, {}))
    assert {"ConfigMap", "Secret"} <= set(parent["metadata"]["annotations"][marks.CONTAINS].split(","))


def test_a_pod_of_our_daemons_and_what_is_in_our_namespace_may_be_deleted(guest: Kube, api: Kube) -> None:
    space = f"ours-{secrets.token_hex(4)}"
    guest.apply([manifests.namespace(space)])
    api.apply([manifests.config_map("made-by-the-controller", space, {})])
    guest.delete(manifests.CONFIG_MAP, "made-by-the-controller", space)
    assert api.get(manifests.CONFIG_MAP, "made-by-the-controller", space) is None
    guest.delete(manifests.NAMESPACE, space)


def test_nothing_is_applied_by_a_checkout_that_is_not_attached_any_longer(guest: Kube, api: Kube, item: Object) -> None:
    api.delete(manifests.CONFIG_MAP, applyset.NAME, applyset.NAMESPACE)
    with pytest.raises(Problem, match="not attached"):
        guest.apply([item])
    assert api.get(manifests.CONFIG_MAP, manifests.name_of(item), _PLACE) is None


def test_a_cluster_of_this_tool_has_no_parent_and_no_marks(api: Kube, item: Object) -> None:
    api.apply([item])
    assert "labels" not in _live(api, item)["metadata"]
    assert api.get(manifests.CONFIG_MAP, applyset.NAME, applyset.NAMESPACE) is None
