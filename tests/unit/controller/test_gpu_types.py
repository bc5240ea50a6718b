"""tasks.controller.gpu_types: a GPU that the archive does not list, in what the controller and functions are told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import pytest

from tasks.controller import gpu_types, inventory, source
from tasks.controller.deployment import Controller
from tasks.engines.files import atomic
from tasks.engines.kube import manifests
from tasks.problems import Problem
from tasks.settings import controller, paths
from tasks.target.devices import Gpu, Worker
from tests.targets import Given

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.engines.kube.api import Kube

REAL = paths.ROOT.parent / "shared/openkasugai-controller-data"
SOURCES = [root for root in (paths.SAMPLE, REAL) if root.is_dir()]
H200 = Gpu(0, "GPU-1", "NVIDIA H200")
A100 = Gpu(0, "GPU-2", "NVIDIA A100 80GB PCIe")


@pytest.fixture(params=SOURCES, ids=lambda root: root.name)
def archive(request: pytest.FixtureRequest, checkout: Path) -> Path:
    """The source of a controller, as if it had been unpacked."""
    del checkout
    paths.BUILD.mkdir()
    paths.CONTROLLER.symlink_to(request.param)
    return paths.CONTROLLER


def kinds(maps: list[dict[str, Any]]) -> list[dict[str, str]]:
    (found,) = [item for item in maps if manifests.name_of(item) == "functionkindmap"]
    return list(json.loads(found["data"]["functionkindmap.json"]))


class Cluster:
    """A cluster of one worker; its inventory is what it is told."""

    maps: tuple[dict[str, Any], ...] = ()

    def list(self, _kind: manifests.Kind) -> list[dict[str, Any]]:
        return [{"metadata": {"name": "kind-worker"}}]

    def get(self, _kind: manifests.Kind, name: str, _namespace: str) -> dict[str, Any] | None:
        return next((item for item in self.maps if manifests.name_of(item) == name), None)


def configuration(*gpus: Gpu, by_host: bool = True) -> list[dict[str, Any]]:
    cluster = cast("Kube", Cluster())
    target = Given(cluster, ("kind-worker",), {"kind-worker": gpus})
    made = Controller((), by_host, lambda _: {}, lambda _: [], target)
    return made.configuration()


@pytest.mark.usefixtures("archive")
@pytest.mark.parametrize("by_host", [True, False])
def test_functions_on_a_gpu_that_the_archive_does_not_list_get_the_kind_of_a_gpus_functions(by_host: bool) -> None:
    before = kinds(source.configuration_maps())
    added = {"deviceType": "nvidia-h200", "functionCRKind": "GPUFunction"}
    assert kinds(configuration(H200, by_host=by_host)) == [*before, added]


@pytest.mark.usefixtures("archive")
def test_what_the_archive_lists_is_told_as_it_is() -> None:
    (found,) = [item for item in configuration(A100) if manifests.name_of(item) == "functionkindmap"]
    assert found["data"] == source.configuration_maps()[0]["data"]


@pytest.mark.usefixtures("archive")
def test_the_type_is_the_same_in_the_inventory_and_for_functions() -> None:
    cluster = Cluster()
    workers = [Worker("kind-worker", "", 1, (H200,)), Worker("kind-worker2", "", 1)]
    assert gpu_types.offered(cast("Kube", cluster)) == ()
    cluster.maps = tuple(inventory.config_maps(workers, inventory.models()))
    assert gpu_types.of(workers, inventory.models()) == gpu_types.offered(cast("Kube", cluster)) == ("nvidia-h200",)


def info(*regions: str) -> dict[str, Any]:
    items = [{"name": f"item-{each}", "regionType": each, "configName": "c"} for each in regions]
    return manifests.config_map("funcinfo", "x", {"deployableItems": json.dumps(items), "spec": "[]"})


@pytest.mark.usefixtures("archive")
def test_a_function_that_runs_on_a_gpu_of_the_archive_runs_on_the_other_one_too() -> None:
    made = gpu_types.with_types(info("cpu", "a100"), ["nvidia-h200"])
    assert made["data"]["spec"] == "[]"
    assert json.loads(made["data"]["deployableItems"]) == [
        {"name": "item-cpu", "regionType": "cpu", "configName": "c"},
        {"name": "item-a100", "regionType": "a100", "configName": "c"},
        {"name": "nvidia-h200", "regionType": "nvidia-h200", "configName": "c"},
    ]
    assert gpu_types.with_types(made, ["nvidia-h200"]) == made


@pytest.mark.usefixtures("archive")
@pytest.mark.parametrize("item", [info("cpu"), info("alveou250-0100001c-2lanes-0nics"), {"data": {"x.json": "{}"}}, {}])
def test_one_that_runs_on_no_gpu_is_left_alone(item: dict[str, Any]) -> None:
    assert gpu_types.with_types(item, ["nvidia-h200"]) == item


@pytest.mark.parametrize("text", ["{", '[{"name": "item1"}]', "[1]"])
def test_a_list_of_another_form_is_named(text: str) -> None:
    item = manifests.config_map("funcinfo", "x", {"deployableItems": text})
    with pytest.raises(Problem, match="ConfigMap x/funcinfo: deployableItems: expected a list with regionType"):
        gpu_types.regions(item)


@pytest.mark.usefixtures("checkout")
def test_a_list_of_kinds_of_another_form_is_named() -> None:
    atomic.write(paths.CONTROLLER / controller.JSON / gpu_types.KIND_MAP, '[{"deviceType": "a100"}]')
    with pytest.raises(Problem, match=r"functionkindmap\.json: expected a list with deviceType and functionCRKind"):
        source.configuration_maps(["nvidia-h200"])
