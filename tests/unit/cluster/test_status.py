"""tasks.cluster.status: a line for each thing, whether it is there or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.cluster import status
from tasks.engines.kube import manifests
from tasks.settings import cluster, images, parameters, registry
from tasks.target import kind_status
from tests.unit.cluster.fakes import add_nodes
from tests.unit.engine import Container, Image, node

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.conftest import Lines
    from tests.unit.engine import Engine
    from tests.unit.kube_api import KubeApi

READY = {"conditions": [{"type": "Ready", "status": "True"}]}


def shown(said: Lines) -> dict[str, str]:
    """Return what is shown, by name."""
    status.show()
    rows = [line.split("  ", 1) for line in said.kept]
    return {name: state.strip() for name, state in rows}


@pytest.mark.usefixtures("build")
def test_on_an_empty_engine_nothing_is_there(engine: Engine, said: Lines) -> None:
    rows = shown(said)
    assert rows.pop("Docker") == f"28.5.2 at {engine.url}"
    assert set(rows.values()) == {"not there"}
    assert {service.name for service in registry.SERVICES} < set(rows)
    assert set(cluster.node_names("a")) < set(rows)


@pytest.mark.usefixtures("no_engine")
def test_without_an_engine_that_is_all_that_is_said(said: Lines) -> None:
    rows = shown(said)
    assert list(rows) == ["Docker"]
    assert "no engine answers" in rows["Docker"]


@pytest.mark.usefixtures("build")
def test_images_are_shown_from_that_of_the_nodes_down(engine: Engine) -> None:
    p = parameters.current()
    tag = images.tag("kind-ubuntu", p)
    engine.images[tag] = Image(id=f"sha256:{'a' * 64}")
    found = list(kind_status.profile_images(p))
    assert [name.partition(":")[0] for name, _ in found] == [
        images.NODE_IMAGE,
        images.RUNTIME_IMAGES["containerd"],
        "kind-ubuntu-node",
        "kind-ubuntu",
    ]
    assert [name for name, image in found if image] == [tag]


@pytest.mark.usefixtures("build")
def test_what_is_there_is_shown_with_its_state(engine: Engine, kube_api: KubeApi, said: Lines) -> None:
    add_nodes(engine, "a")
    engine.containers["a-worker"].state = "paused"
    engine.containers[registry.SERVICES[0].name] = Container(addresses={cluster.NETWORK: "172.18.0.9"})
    engine.images[images.tag(images.NODE_IMAGE, parameters.current())] = Image(id=f"sha256:{'a' * 64}")
    kube_api.lead_to("a")
    kube_api.objects |= {
        manifests.NODE: [
            {"metadata": {"name": "a-control-plane"}, "status": READY},
            {"metadata": {"name": "a-worker"}},
        ],
        manifests.POD: [
            {"metadata": {"name": "one", "namespace": "apps"}, "status": READY},
            {"metadata": {"name": "two", "namespace": "apps"}},
            {"metadata": {"name": "three", "namespace": "kube-system"}, "status": READY},
        ],
    }
    rows = shown(said)
    assert rows[f"image {images.tag(images.NODE_IMAGE, parameters.current())}"] == "a" * 12
    assert rows[registry.SERVICES[0].name] == "running 172.18.0.9"
    assert (rows["a-control-plane"], rows["a-worker"]) == ("running", "paused")
    assert rows["nodes Ready"] == "1 of 2: a-control-plane"
    assert (rows["pods in apps"], rows["pods in kube-system"]) == ("1 of 2 Ready", "1 of 1 Ready")


@pytest.mark.usefixtures("build")
def test_a_cluster_that_is_not_ours_is_only_named(engine: Engine, said: Lines) -> None:
    engine.containers["a-worker"] = node("a", mounts={})
    rows = shown(said)
    assert rows["cluster a"] == "cluster a: a-worker not made by this tool, and left alone"
    assert "nodes Ready" not in rows


def test_an_api_that_cannot_be_reached_is_said(build: Path, engine: Engine, said: Lines) -> None:
    add_nodes(engine, "a")
    assert shown(said)["Kubernetes"] == f"cluster a: {build}/cluster-a/kubeconfig is not there"
