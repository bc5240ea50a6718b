"""tasks.images.choices: the nodes' runtime, the node with the GPU driver, and the controller's images."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tasks.engines.host import facts
from tasks.images import choices
from tasks.settings import controller, parameters, paths
from tasks.settings import images as table
from tests.unit.gpu import h200
from tests.unit.images.node_chain import LAST, arguments, inputs, tag

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.engine import Engine


def installer() -> Path:
    return paths.DRIVER / parameters.current().nvidia_driver_file


@pytest.fixture
def server(clone: Path, choose: Callable[..., None], mirror: Callable[[str], None]) -> Path:
    """The root folder of a machine with a GPU, whose checkout has the driver's installer."""
    choose()
    mirror("mirror.example")
    for name, text in (("vendor", "0x10de"), ("class", "0x030200")):
        file = clone / "machine/sys/bus/pci/devices/0000:ca:00.0" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    installer().parent.mkdir(parents=True)
    installer().touch()
    return clone / "machine"


@pytest.mark.parametrize(
    ("changes", "lent"),
    [
        ({"GPU": "auto", "NODE_RUNTIME": "crio"}, True),
        ({"GPU": "auto"}, False),
        ({"GPU": "no", "NODE_RUNTIME": "crio"}, False),
        ({"GPU": "yes", "NODE_RUNTIME": "crio"}, True),
    ],
    ids=["auto", "containerd", "no", "yes"],
)
def test_the_first_worker_has_the_driver_where_a_gpu_is_lent(
    server: Path, choose: Callable[..., None], changes: dict[str, str], *, lent: bool
) -> None:
    choose(**changes)
    machine = facts.Host(server)
    assert choices.is_gpu_lent(parameters.current(), machine) is lent
    name = table.GPU_IMAGE if lent else table.NODE_IMAGE
    assert choices.node_image("worker", parameters.current(), machine) == tag(name)
    assert choices.node_image("worker2", parameters.current(), machine) == tag(table.NODE_IMAGE)


def test_auto_lends_no_gpu_without_card_or_driver(server: Path, choose: Callable[..., None]) -> None:
    choose(GPU="auto", NODE_RUNTIME="crio")
    assert choices.is_gpu_lent(parameters.current(), facts.Host(server))
    installer().unlink()
    assert not choices.is_gpu_lent(parameters.current(), facts.Host(server))
    installer().touch()
    shutil.rmtree(server / "sys/bus/pci/devices/0000:ca:00.0")
    assert not choices.is_gpu_lent(parameters.current(), facts.Host(server))


@pytest.mark.parametrize("runtime", ["crio", "containerd"])
def test_the_first_worker_has_the_image_without_a_driver_where_the_gpu_is_shared(
    server: Path, choose: Callable[..., None], runtime: str, engine: Engine
) -> None:
    choose(GPU="auto", NODE_RUNTIME=runtime)
    machine = h200.host(server, {"/proc/modules": h200.IN_USE})
    assert not choices.is_gpu_lent(parameters.current(), machine)
    assert choices.node_image("worker", parameters.current(), machine) == tag(table.SHARED_GPU_IMAGE)
    assert choices.node_image("worker2", parameters.current(), machine) == tag(table.NODE_IMAGE)
    choose(GPU="share", NODE_RUNTIME=runtime)
    assert choices.gpu_image() == {"task_dep": [f"image:{table.SHARED_GPU_IMAGE}"]}


@pytest.mark.usefixtures("clone")
def test_the_image_with_the_driver_is_built_where_a_gpu_is_lent(choose: Callable[..., None]) -> None:
    choose(GPU="yes", NODE_RUNTIME="crio")
    assert choices.gpu_image() == {"task_dep": [f"image:{table.GPU_IMAGE}"]}
    choose(GPU="no", NODE_RUNTIME="crio")
    assert choices.gpu_image() == {"task_dep": []}
    choose(GPU="auto", NODE_RUNTIME="crio")
    assert choices.gpu_image() == {"task_dep": []}, "this checkout has no driver"


@pytest.mark.usefixtures("chain")
def test_the_runtime_chooses_the_parent_of_the_last_image(choose: Callable[..., None]) -> None:
    assert choices.runtime_image() == {"task_dep": ["image:kind-ubuntu-node-containerd"]}
    before = inputs(LAST)
    choose(NODE_RUNTIME="crio")
    assert choices.runtime_image() == {"task_dep": ["image:kind-ubuntu-node-crio"]}
    assert inputs(LAST) != before


@pytest.mark.usefixtures("mirror")
def test_the_archive_is_unpacked_where_an_image_takes_a_part_of_it(choose: Callable[..., None]) -> None:
    asked = {"HARDWARE": "fpga", "DPDK_FROM": "release", "DPDK_URL": "https://mirror.example/dpdk", "DPDK_SHA256": ""}
    where = {"DPDK_FROM": "release", "DPDK_URL": "https://mirror.example/dpdk"}
    choose(CONTROLLER_HARDWARE="fpga", **where)
    base = {"BASE_IMAGE": "kind-ubuntu-node-containerd:22.04.5"}
    assert arguments(LAST) == {**base, **asked}
    assert choices.archive_source() == {"task_dep": ["controller_source"]}
    choose(CONTROLLER_HARDWARE="gpu", **where)
    assert arguments(LAST) == base
    assert choices.archive_source() == {"task_dep": []}


@pytest.mark.parametrize(
    ("hardware", "extra"),
    [("", set()), ("gpu", {"gpufunction"}), ("gpu,fpga", {"gpufunction", "fpgafunction", "pcieconnection"})],
)
def test_only_images_of_what_is_deployed_are_needed(
    choose: Callable[..., None], hardware: str, extra: set[str]
) -> None:
    choose(CONTROLLER_HARDWARE=hardware)
    names = {task.partition(":")[2] for task in choices.controller_images()["task_dep"]}
    base = {part.image for part in controller.COMPONENTS if not part.needs}
    assert base >= {"deviceinfo", "ethernetconnection", "cpufunction", "whitebox-k8s-flowctrl", "wbfunction"}
    assert names == base | extra
