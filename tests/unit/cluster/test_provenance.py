"""tasks.cluster.provenance: what a cluster is made from, and how differences are named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.cluster import provenance
from tasks.engines.docker import containers
from tasks.images import machine, node_images
from tasks.settings import cluster, gpu, images, parameters, paths
from tests.unit.engine import Image, node

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.engine import Engine


@pytest.fixture
def control_plane(build: Path, engine: Engine) -> str:
    """The control plane of cluster a, on an engine without images."""
    (name, *_) = cluster.node_names("a")
    engine.containers[name] = node("a")
    return name


def digest(name: str) -> str:
    return node_images.recipe(images.named(name), parameters.current()).made_of.digest


@pytest.mark.usefixtures("control_plane")
def test_a_cluster_is_made_from_parameters_checkout_images_and_config() -> None:
    wanted = provenance.wanted(parameters.current())
    assert wanted["POD_SUBNET"] == "10.244.0.0/16"
    assert wanted["NODE_RUNTIME"] == "containerd"
    assert wanted["checkout"] == str(paths.ROOT)
    assert wanted["node image"] == digest(images.NODE_IMAGE)
    assert "first worker's image" not in wanted


@pytest.mark.usefixtures("control_plane")
def test_the_first_workers_image_counts_where_the_gpu_is_lent(build: Path, choose: Callable[..., None]) -> None:
    choose(CLUSTER_NAME="a", CACHE_DIR=str(build.parent / "cache"), GPU="yes", NODE_RUNTIME="crio")
    machine.driver(parameters.current()).parent.mkdir(parents=True)
    machine.driver(parameters.current()).touch()
    wanted = provenance.wanted(parameters.current())
    assert wanted["first worker's image"] == digest(images.GPU_IMAGE)
    assert wanted["node image"] == digest(images.NODE_IMAGE)


def test_a_shared_gpu_counts_and_a_cluster_without_it_is_asked_for_consent(
    build: Path, choose: Callable[..., None], control_plane: str, engine: Engine
) -> None:
    choose(CLUSTER_NAME="a", CACHE_DIR=str(build.parent / "cache"))
    without = provenance.wanted(parameters.current())
    choose(CLUSTER_NAME="a", CACHE_DIR=str(build.parent / "cache"), GPU="share")
    mounts = {gpu.SHARED_LIBRARIES: "/usr/lib64", gpu.SHARED_PROGRAMS: "/usr/bin"}
    engine.containers["a-worker"] = node("a", mounts=mounts)
    wanted = provenance.wanted(parameters.current())
    assert wanted["first worker's image"] == digest(images.SHARED_GPU_IMAGE)
    assert provenance.drift(without, wanted) == [
        f"first worker's image nothing -> {digest(images.SHARED_GPU_IMAGE)[:12]}",
        "GPU nothing -> share",
    ]


def test_a_cluster_beside_an_image_that_was_put_back_is_made_from_the_same(build: Path, engine: Engine) -> None:
    tag = images.tag(images.NODE_IMAGE, parameters.current())
    before = provenance.wanted(parameters.current())
    engine.images[tag] = Image(id=f"sha256:{'a' * 64}")
    assert provenance.wanted(parameters.current()) == before


def test_the_record_of_a_cluster_is_read_as_it_was_written(control_plane: str) -> None:
    made_from = {"POD_SUBNET": "10.244.0.0/16"}
    assert provenance.recorded("a") is None
    assert not provenance.is_recorded("a", made_from)
    provenance.ensure_record("a", made_from)
    assert provenance.recorded("a") == made_from
    assert provenance.is_recorded("a", made_from)
    assert not provenance.is_recorded("a", {**made_from, "CNI": "calico"})


def test_a_record_that_is_there_already_is_not_written_again(control_plane: str, engine: Engine) -> None:
    for _ in range(2):
        provenance.ensure_record("a", {})
    assert engine.requests == [f"PUT /containers/{control_plane}/archive"]


def test_a_record_that_cannot_be_read_is_none(control_plane: str) -> None:
    containers.copy_into(control_plane, cluster.RECORD, b"{")
    assert provenance.recorded("a") is None


@pytest.mark.parametrize(
    ("recorded", "drift"),
    [
        ({"CNI": "calico", "kind config": "x"}, []),
        ({"CNI": "flannel", "kind config": "y"}, ["CNI flannel -> calico"]),
        ({"CNI": "calico", "kind config": "y"}, ["kind config y -> x"]),
        ({"kind config": "x"}, ["CNI nothing -> calico"]),
        ({"CNI": f"sha256:{'f' * 64}", "kind config": "x"}, [f"CNI {'f' * 12} -> calico"]),
        ({"CNI": f"/home/{'long' * 20}", "kind config": "x"}, [f"CNI /home/{'long' * 20} -> calico"]),
        ({"CNI": "calico", "kind config": "x", "earlier": "1"}, []),
    ],
    ids=["same", "parameter", "config alone", "new parameter", "digest", "path", "parameter that is gone"],
)
def test_what_differs_is_named_old_and_new(recorded: dict[str, str], drift: list[str]) -> None:
    assert provenance.drift(recorded, {"CNI": "calico", "kind config": "x"}) == drift


@pytest.mark.parametrize(
    ("recorded", "keeps"),
    [
        ({"CNI": "bridge", "kind config": "y", "node image": "a"}, "CNI=bridge"),
        ({"CNI": "calico", "kind config": "y", "node image": "a"}, ""),
        ({"CNI": "bridge", "kind config": "y", "node image": "b"}, ""),
        ({"kind config": "y", "node image": "a"}, ""),
    ],
    ids=["parameter", "config alone", "image too", "parameter that is new"],
)
def test_parameters_that_keep_a_cluster_are_named_if_they_do(recorded: dict[str, str], keeps: str) -> None:
    assert provenance.kept_by(recorded, {"CNI": "calico", "kind config": "x", "node image": "a"}) == keeps
