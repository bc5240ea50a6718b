"""tasks.controller.deployment on a real API server: what the sample and the real controller consist of is accepted."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from tasks.archive import facts as archive_source
from tasks.archive import source as the_archive_source
from tasks.controller import deployment
from tasks.engines.kube import access as kube_api
from tasks.engines.kube import api as the_kube_api
from tasks.engines.kube import manifests
from tasks.images import archive_images
from tasks.scenarios import files, setup
from tasks.settings import controller as source
from tasks.settings import parameters, paths
from tasks.settings.patterns import PATTERNS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tasks.engines.kube.api import Kube

REAL = paths.ROOT.parent / "shared/openkasugai-controller-data"
SOURCES = [root for root in (paths.SRC / "sample-controller", REAL) if root.is_dir()]
IMAGES = (*source.CONTROLLER_IMAGES, *source.FUNCTION_IMAGES)


@pytest.fixture(params=SOURCES, ids=lambda root: root.name)
def cluster(
    request: pytest.FixtureRequest, api: Kube, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Kube]:
    """The API server with two workers, for a source that was not rendered before."""
    monkeypatch.setattr(kube_api, "cluster", lambda: api)
    monkeypatch.setattr(archive_source, "SOURCE", request.param)
    monkeypatch.setattr(the_archive_source, "digest", lambda: "digest")
    monkeypatch.setattr(paths, "RENDERED", tmp_path)
    references = {image.name: f"registry/images/{image.name}:abc" for image in IMAGES}
    monkeypatch.setattr(archive_images, "references", lambda *_: references.copy())
    monkeypatch.setattr(
        parameters,
        "current",
        lambda: SimpleNamespace(controller_deadline=0.1, controller_hardware=(), inventory="host", cluster_name="none"),
    )
    workers = [{"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}} for name in ("one", "two")]
    api.apply(workers)
    for cached in (deployment._source, deployment._workers):
        cached.cache_clear()
    yield api
    for cached in (deployment._source, deployment._workers):
        cached.cache_clear()


@pytest.fixture
def without_definitions(cluster: Kube) -> None:
    """The server lacks the controller's definitions, whoever applied them before."""
    definitions = [_identity(item) for item in deployment.definitions()]
    for identity in definitions:
        cluster.delete(*identity)
    for identity in definitions:
        cluster.wait_gone(*identity, deadline=30)


@pytest.mark.usefixtures("without_definitions")
def test_every_step_is_applied_and_only_once(cluster: Kube) -> None:
    for step in deployment.STEPS.values():
        items = step()
        assert cluster.apply(items).unchanged < len(items)
        assert cluster.apply(items) == the_kube_api.Applied((), len(items))
    assert len(deployment.definitions()) == 20


def test_workloads_run_our_images_alone(cluster: Kube) -> None:
    for role, kind in (("manager", manifests.DEPLOYMENT), ("daemon", manifests.DAEMON_SET)):
        items = deployment.managers() if role == "manager" else deployment.daemons()
        workloads = [item for item in items if manifests.kind_of(item) == kind]
        images = {image for item in workloads for image in archive_source.image_references(item)}
        assert images == {f"registry/images/{part.image}:abc" for part in source.deployed(role)}
        assert all(manifests.namespace_of(item) for item in workloads)


def test_every_pattern_is_accepted(cluster: Kube) -> None:
    cluster.apply([*deployment.definitions(), *setup.namespaces()])
    for pattern in [pattern for pattern in PATTERNS if files.folder(pattern).is_dir()]:
        registered = [item for items in files.resources(pattern).values() for item in items]
        items = [*files.configuration(pattern), *registered, files.data_flow(pattern)]
        cluster.apply(items)
        assert cluster.is_current(items)
        cluster.delete(*_identity(files.data_flow(pattern)))


def _identity(item: manifests.Object) -> tuple[manifests.Kind, str, str]:
    return manifests.kind_of(item), manifests.name_of(item), manifests.namespace_of(item)
