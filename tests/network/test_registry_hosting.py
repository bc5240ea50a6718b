"""tasks.cluster.registry_hosting on a real API server: the ConfigMap of KEP-1755 comes, changes and goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from tasks.cluster import registry_hosting
from tasks.engines.kube import manifests
from tasks.engines.kube.calls import Body
from tasks.lack import NOTHING
from tests.unit.conftest import lab

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.engines.kube.api import Kube

WHERE = (manifests.CONFIG_MAP, registry_hosting.NAME, registry_hosting.NAMESPACE)


@pytest.fixture
def public(api: Kube) -> Iterator[Kube]:
    """The API server with the namespace that a cluster has from its beginning."""
    api.apply([manifests.namespace(registry_hosting.NAMESPACE)])
    yield api
    api.delete(*WHERE)


def test_it_says_where_to_push_and_where_the_nodes_pull(public: Kube) -> None:
    item = registry_hosting.wanted(lab(REGISTRY_PORT="15999"))
    assert registry_hosting.lack_of(public, item)
    registry_hosting.settle(public, item)
    assert registry_hosting.lack_of(public, item) == NOTHING
    live = public.get(*WHERE)
    assert live
    said = yaml.safe_load(live["data"]["localRegistryHosting.v1"])
    assert said.keys() == {"host", "hostFromContainerRuntime", "help"}
    assert (said["host"], said["hostFromContainerRuntime"]) == ("127.0.0.1:15999", "registry.openkasugai.lab")
    assert registry_hosting.lack_of(public, registry_hosting.wanted(lab(REGISTRY_PORT="15998")))


def test_it_goes_when_the_cluster_uses_another_registry(public: Kube) -> None:
    registry_hosting.settle(public, registry_hosting.wanted(lab()))
    other = registry_hosting.wanted(lab(REGISTRY="harbor", DCI_REGISTRY_ADDR_ALT="192.168.10.100/images"))
    assert other is None
    assert "not used any more" in registry_hosting.lack_of(public, other).reasons[0]
    registry_hosting.settle(public, other)
    assert public.get(*WHERE) is None
    assert registry_hosting.lack_of(public, other) == NOTHING


def test_somebody_elses_is_left_alone(public: Kube, said: list[str]) -> None:
    theirs = manifests.config_map(registry_hosting.NAME, registry_hosting.NAMESPACE, {"localRegistryHosting.v1": "x"})
    path = public._served.resource(manifests.CONFIG_MAP).path(registry_hosting.NAMESPACE)
    public._requests.send("POST", path, {}, Body(theirs, "application/json"))
    for item in (registry_hosting.wanted(lab()), None):
        assert registry_hosting.lack_of(public, item) == NOTHING
        registry_hosting.settle(public, item)
        live = public.get(*WHERE)
        assert live
        assert live["data"] == theirs["data"]
    assert said == ["ConfigMap kube-public/local-registry-hosting: not made by this tool, so it is left as it is"] * 2
