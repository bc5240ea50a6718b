"""tasks.controller.source: how the source's manifests are adapted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tasks.controller import source
from tasks.engines.files import atomic
from tasks.engines.kube import manifests
from tasks.problems import Problem
from tasks.settings import controller, paths

if TYPE_CHECKING:
    from pathlib import Path

REFERENCES = {"cpufunction": "registry/images/cpufunction:abc"}


def workload(*images: str) -> dict[str, Any]:
    containers = [{"name": f"c{index}", "image": image} for index, image in enumerate(images)]
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "x"},
        "spec": {"template": {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": containers}}},
    }


def images_of(item: dict[str, Any]) -> list[str]:
    return [container["image"] for container in item["spec"]["template"]["spec"]["containers"]]


@pytest.mark.parametrize(
    "image",
    ["localhost/cpufunction:1.1.0", "localhost/cpufunction:1.0.0", "ghcr.io/a/b/cpufunction@sha256:0", "cpufunction"],
)
def test_images_are_replaced_whatever_their_registry_and_tag(image: str) -> None:
    assert images_of(source.adapted(workload(image), REFERENCES)) == ["registry/images/cpufunction:abc"]


def test_an_image_that_only_begins_alike_is_left_alone() -> None:
    assert images_of(source.adapted(workload("localhost/cpufunction-debug:1"), REFERENCES)) == [
        "localhost/cpufunction-debug:1"
    ]


def test_the_proxy_whose_image_was_removed_upstream_is_dropped() -> None:
    item = workload("gcr.io/kubebuilder/kube-rbac-proxy:v0.14.1", "controller:latest")
    item["spec"]["template"]["spec"]["containers"][0]["name"] = "kube-rbac-proxy"
    assert images_of(source.adapted(item, REFERENCES)) == ["controller:latest"]


def test_adapting_leaves_the_source_and_objects_without_pods_alone() -> None:
    item, role = workload("cpufunction"), {"kind": "ClusterRole", "rules": []}
    source.adapted(item, REFERENCES, reads="digest")
    assert item == workload("cpufunction")
    assert source.adapted(role, REFERENCES) == role


def test_what_a_workload_reads_at_its_start_marks_its_pods() -> None:
    template = source.adapted(workload("cpufunction"), REFERENCES, reads="digest")["spec"]["template"]
    assert template["metadata"]["annotations"] == {"openkasugai.dev/configuration": "digest"}


def test_manifests_without_their_own_image_are_named() -> None:
    with pytest.raises(Problem, match=r"runs the image wbfunction, but \['cpufunction'\]"):
        source.require_image("wbfunction", [workload("localhost/cpufunction:1")])


def test_a_manager_may_still_carry_the_placeholder_of_its_image() -> None:
    source.require_image("wbfunction", [workload("controller:latest")])


def test_demo_data_that_the_original_removes_again_is_not_applied(checkout: Path) -> None:
    del checkout
    kept = ("functionkindmap.json", "connectionkindmap.json", "predetermined-region.json")
    for file in (*kept, "gpufunc-config-high-infer.json", "cpufunc-config-decode.json"):
        atomic.write(paths.CONTROLLER / controller.JSON / file, "{}")
    maps = source.configuration_maps()
    assert {key for each in maps for key in each["data"]} == set(kept)
    assert manifests.name_of(maps[2]) == "predetermined-region-info"
