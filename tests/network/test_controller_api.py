"""tasks.controller.deployment on a real API server: it accepts every object of the sample and the real controller."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from tasks.archive import facts as archive_source
from tasks.archive import source as the_archive_source
from tasks.controller import collector, inventory
from tasks.controller.deployment import Controller
from tasks.engines.kube import api as the_kube_api
from tasks.engines.kube import kustomize, manifests
from tasks.patterns import known, places
from tasks.scenarios import setup
from tasks.scenarios.files import Scenario
from tasks.settings import controller as source
from tasks.settings import parameters, paths
from tasks.target import kind_cluster
from tasks.target.devices import Gpu
from tests.targets import Given

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tasks.engines.kube.api import Kube

REAL = paths.ROOT.parent / "shared/openkasugai-controller-data"
SOURCES = [root for root in (paths.SRC / "sample-controller", REAL) if root.is_dir()]


def references(names: Iterable[str]) -> dict[str, str]:
    return {name: f"registry/images/{name}:abc" for name in names}


@pytest.fixture(params=SOURCES, ids=lambda root: root.name)
def cluster(request: pytest.FixtureRequest, api: Kube, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kube:
    """The API server with two workers, for a source that has not been rendered yet."""
    monkeypatch.setattr(paths, "CONTROLLER", request.param)
    monkeypatch.setattr(the_archive_source, "digest", lambda: "digest")
    monkeypatch.setattr(paths, "RENDERED", tmp_path)
    monkeypatch.setattr(parameters, "current", lambda: SimpleNamespace(cluster_name="none", target="kind"))
    workers = [{"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}} for name in ("one", "two")]
    api.apply(workers)
    return api


@pytest.fixture
def controller(cluster: Kube) -> Controller:
    """The controller with what GPUs need, and the inventory that the host reports."""
    render = partial(kustomize.build, settings=parameters.current())
    return Controller((source.GPU,), True, references, render, Given(cluster, ("one", "two")))


@pytest.fixture
def outdated_definitions(cluster: Kube, controller: Controller) -> None:
    """Mark the controller's definitions that the server has as made from other content, whoever applied them.

    A server may take minutes to delete a definition that it has only just begun to serve.
    """
    for item in controller.definitions():
        if cluster.get(*_identity(item)):
            cluster.patch(*_identity(item), {"metadata": {"annotations": {manifests.CONTENT: "other"}}})


@pytest.mark.usefixtures("outdated_definitions")
def test_every_step_is_applied_and_only_once(cluster: Kube, controller: Controller) -> None:
    for step in source.STEPS:
        items = controller.objects(step)
        assert cluster.apply(items).unchanged < len(items)
        assert cluster.apply(items) == the_kube_api.Applied((), len(items))
    assert len(controller.definitions()) == 20
    assert all(cluster.get(manifests.NAMESPACE, name) for name in ("test01", "cluster01", "topologyinfo"))


def test_workloads_run_our_images_alone(controller: Controller) -> None:
    for role, kind in (("manager", manifests.DEPLOYMENT), ("daemon", manifests.DAEMON_SET)):
        items = controller.managers() if role == "manager" else controller.daemons()
        workloads = [item for item in items if manifests.kind_of(item) == kind]
        images = {image for item in workloads for image in archive_source.image_references(item)}
        assert images == {f"registry/images/{part.image}:abc" for part in source.deployed(role, (source.GPU,))}
        assert all(manifests.namespace_of(item) for item in workloads)


def test_a_gpu_that_is_stood_in_for_is_added_to_what_the_collector_reports(
    cluster: Kube, controller: Controller
) -> None:
    cluster.apply(controller.configuration())
    stood_in = {"one": (Gpu(0, "GPU-1", "NVIDIA A100 80GB PCIe"),)}
    before = {name: reported(cluster, name) for name in (inventory.PRESENT, inventory.OFFERED)}
    assert collector.lack(cluster, ("one", "two"), stood_in).reasons == ("deployinfo: nothing of GPU-1",)
    (worker,) = kind_cluster.shared_by(["one"], stood_in)
    for _ in range(2):
        collector.add_gpus(cluster, worker)
        assert {name: [*found, "GPU-1"] for name, found in before.items()} == {
            name: reported(cluster, name) for name in before
        }
    assert not collector.lack(cluster, ("one", "two"), stood_in)


def reported(cluster: Kube, name: str) -> list[str]:
    """Return the identifiers of the devices that a ConfigMap of the inventory lists."""
    found = cluster.get(manifests.CONFIG_MAP, name, inventory.NAMESPACE)
    assert found is not None
    return [device["deviceUUID"] for device in inventory.devices(found)]


def test_every_pattern_is_accepted(cluster: Kube, controller: Controller) -> None:
    cluster.apply([*controller.definitions(), *setup.namespaces(controller.target)])
    for pattern in [pattern for pattern in known.patterns() if places.folder(pattern).is_dir()]:
        scenario = Scenario(pattern, lambda: ("one", "two"), references)
        registered = [item for items in scenario.resources().values() for item in items]
        items = [*scenario.configuration(), *registered, scenario.data_flow()]
        cluster.apply(items)
        assert not cluster.lack(items)
        cluster.delete(*_identity(scenario.data_flow()))


def _identity(item: manifests.Object) -> tuple[manifests.Kind, str, str]:
    return manifests.kind_of(item), manifests.name_of(item), manifests.namespace_of(item)
