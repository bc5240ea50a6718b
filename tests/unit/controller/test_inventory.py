"""controller.inventory and collector: what workers offer, for CPUs and GPUs that the archive knows and for others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tasks.archive import source
from tasks.controller import collector, inventory
from tasks.controller.inventory import Models
from tasks.problems import Problem
from tasks.settings import controller
from tasks.target import devices as target_devices
from tasks.target import kind_cluster
from tasks.target.devices import Gpu, Worker
from tests.unit.conftest import lab

if TYPE_CHECKING:
    from pathlib import Path

NOTHING = Models({}, {})
XEON = "Intel(R) Xeon(R) Gold 6346 CPU @ 3.10GHz"
A100 = "NVIDIA A100 80GB PCIe"
KNOWN = Models(
    {XEON: "cpu", A100: "a100"},
    {
        XEON: [{"regionName": "cpu", "regionType": "cpu", "maxFunctions": 10, "maxCapacity": 20}],
        A100: [{"regionName": "a100", "regionType": "a100", "maxFunctions": 30, "maxCapacity": 40}],
    },
)


def devices(maps: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    found = next(item for item in maps if item["metadata"]["name"] == name)
    return list(json.loads(found["data"][f"{name}.json"])["devices"])


@pytest.mark.parametrize(
    ("cpuinfo", "expected"),
    [
        ("processor: 0\nphysical id\t: 0\nprocessor: 1\nphysical id\t: 0\n", 1),
        ("physical id\t: 0\nphysical id\t: 1\n", 2),
        ("processor: 0\nmodel name: unknown\n", 1),
    ],
)
def test_sockets_are_counted_and_never_none(cpuinfo: str, expected: int) -> None:
    assert target_devices.sockets(cpuinfo) == expected


def test_the_cpu_has_the_name_that_the_kernel_gives_it() -> None:
    assert target_devices.cpu_model(f"processor\t: 0\nmodel name\t: {XEON}\n") == XEON
    assert target_devices.cpu_model("processor: 0\n") == ""


@pytest.mark.parametrize("model", ["a CPU that nobody knows", ""])
def test_an_unknown_cpu_offers_capacity_so_that_the_controller_does_not_crash(model: str) -> None:
    maps = inventory.config_maps([Worker("a", model, 2), Worker("b", model, 2)], KNOWN)
    present = devices(maps, "infrastructureinfo")
    assert [device["deviceUUID"] for device in present] == ["a-cpu0", "a-mem0", "b-cpu0", "b-mem0"]
    assert devices(maps, "deployinfo")[1] == {
        "nodeName": "b",
        "deviceUUID": "b-cpu0",
        "functionTargets": [{"regionType": "cpu", "regionName": "cpu", "maxFunctions": 220, "maxCapacity": 240}],
    }


def test_a_listed_cpu_offers_what_the_list_says_for_each_socket() -> None:
    offered = devices(inventory.config_maps([Worker("a", XEON, 2)], KNOWN), "deployinfo")
    (region,) = offered[0]["functionTargets"]
    assert (region["maxFunctions"], region["maxCapacity"]) == (20, 40)


@pytest.mark.parametrize(
    ("model", "kind", "capacity"),
    [(A100, "a100", 40), ("NVIDIA A100-SXM4-40GB", "a100", 120), ("NVIDIA L40S", "nvidia-l40s", 120)],
)
def test_a_gpu_is_offered_under_the_name_that_the_controller_has_for_it(model: str, kind: str, capacity: int) -> None:
    maps = inventory.config_maps([Worker("a", XEON, 1, (Gpu(0, "GPU-1", model),))], KNOWN)
    assert devices(maps, "infrastructureinfo")[2] == {
        "nodeName": "a", "deviceUUID": "GPU-1", "deviceType": kind, "deviceIndex": 0
    }  # fmt: skip
    (region,) = devices(maps, "deployinfo")[1]["functionTargets"]
    assert (region["regionType"], region["maxCapacity"]) == (kind, capacity)


def test_the_drivers_list_of_gpus_is_read() -> None:
    assert target_devices.parsed_gpus(f"0, GPU-1, {A100}\n1, GPU-2, {A100}\n") == (
        Gpu(0, "GPU-1", A100),
        Gpu(1, "GPU-2", A100),
    )
    assert target_devices.parsed_gpus("\n") == ()
    told = f"WARNING: one, two, three\n0, GPU-1, {A100}\n\nWARNING: infoROM is corrupted at gpu 0000:CA:00.0\n"
    assert target_devices.parsed_gpus(told) == (Gpu(0, "GPU-1", A100),)


def test_models_come_from_the_archive_and_a_list_of_another_form_is_named(tree: Path) -> None:
    source.prepare()
    known = inventory.models()
    assert known.types == {A100: "a100"}
    assert [region["regionType"] for region in known.offer(A100, "")] == ["a100"]
    folder = tree / "build/controller" / controller.JSON
    (folder / controller.DEVICE_TYPES).unlink()
    (folder / controller.REGIONS).unlink()
    assert inventory.models() == NOTHING
    (folder / controller.DEVICE_TYPES).write_text(json.dumps([{"inputDeviceType": XEON, "outputDeviceType": "cpu"}]))
    assert inventory.models().types == {XEON: "cpu"}
    for text in ("{", '[{"inputDeviceType": "x"}]'):
        (folder / controller.DEVICE_TYPES).write_text(text)
        with pytest.raises(Problem, match=r"devicetypemap\.json: expected a list with inputDeviceType and outputDev"):
            inventory.models()


def test_a_gpu_that_is_stood_in_for_is_on_the_first_worker_and_keeps_its_uuid() -> None:
    chosen = lab(CLUSTER_NAME="kind", EMULATE="gpu", CONTROLLER_HARDWARE="gpu")
    (found,) = kind_cluster.shared_by(["kind-worker"], kind_cluster.stand_ins(chosen))
    assert found.gpus == (Gpu(0, "GPU-4848d238-2a0a-50ab-8e72-819f8849e8d1", A100),)
    (other,) = kind_cluster.shared_by(["kind-worker2"], kind_cluster.stand_ins(chosen))
    assert other.gpus == ()
    (device,) = kind_cluster.stand_ins(lab(CLUSTER_NAME="b", EMULATE="gpu", CONTROLLER_HARDWARE="gpu"))["b-worker"]
    assert device.uuid != found.gpus[0].uuid
    assert kind_cluster.stand_ins(lab(EMULATE="sriov")) == {}


def test_the_controller_is_told_of_it_from_the_start() -> None:
    chosen = lab(CLUSTER_NAME="kind", EMULATE="gpu", CONTROLLER_HARDWARE="gpu")
    workers = kind_cluster.shared_by(["kind-worker", "kind-worker2"], kind_cluster.stand_ins(chosen))
    maps = inventory.config_maps(workers, KNOWN)
    (uuid,) = [each["deviceUUID"] for each in devices(maps, "infrastructureinfo") if each["deviceType"] == "a100"]
    assert uuid in [each["deviceUUID"] for each in devices(maps, "deployinfo")]


def test_the_collector_gets_lists_that_know_the_worker() -> None:
    lists = collector.lists_of(Worker("a", "own CPU", 2, (Gpu(0, "GPU-1", "NVIDIA L40S"),)), KNOWN)
    types = {row["inputDeviceType"]: row["outputDeviceType"] for row in json.loads(lists["devicetypemap.json"])}
    assert types == {**KNOWN.types, "own CPU": "cpu", "NVIDIA L40S": "nvidia-l40s"}
    regions = {row["subDeviceSpecRef"]: row["functionTargets"] for row in json.loads(lists["region-unique-info.json"])}
    # The collector counts the sockets itself.
    assert regions["own CPU"][0]["maxCapacity"] == 120
