"""What the workers offer to the controller: CPU, memory and GPUs, with the archive's names for models."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks.engines.kube import manifests
from tasks.problems import Problem
from tasks.settings import controller, paths

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from tasks.engines.kube.manifests import Object
    from tasks.target.devices import Worker

NAMESPACE = "default"
PRESENT = "infrastructureinfo"
OFFERED = "deployinfo"
_CPU = "cpu"


@dataclass(frozen=True)
class Models:
    """What the archive says about models of devices.

    Attributes:
        types: What the controller calls a model.
        regions: What a model offers to functions, in the form of the inventory.
    """

    types: Mapping[str, str]
    regions: Mapping[str, list[dict[str, Any]]]

    def type_of_gpu(self, model: str) -> str:
        """Return what the controller calls a GPU; a model that the archive does not list is recognised by its name."""
        words = re.findall(r"[a-z0-9]+", model.lower())
        listed = [name for name in self.types.values() if name in words]
        return self.types.get(model) or (listed[0] if listed else "-".join(words))

    def offer(self, model: str, region: str, sockets: int = 1) -> list[dict[str, Any]]:
        """Return what a device offers; a model that the archive does not list offers what the listed ones do."""
        limits = {"maxFunctions": controller.FUNCTIONS_PER_SOCKET, "maxCapacity": controller.CAPACITY_PER_SOCKET}
        found = self.regions.get(model) or [{"regionType": region, "regionName": region, **limits}]
        return [{**each, **{limit: each[limit] * sockets for limit in limits if limit in each}} for each in found]


def models() -> Models:
    """Return what the archive says about models; nothing if it has no such files.

    Raises:
        Problem: A file does not have the expected form.
    """
    folder = paths.source() / controller.JSON
    named = rows(folder / controller.DEVICE_TYPES, ("inputDeviceType", "outputDeviceType"))
    offering = rows(folder / controller.REGIONS, ("subDeviceSpecRef", "functionTargets"))
    return Models(
        {row["inputDeviceType"]: row["outputDeviceType"] for row in named},
        {row["subDeviceSpecRef"]: row["functionTargets"] for row in offering},
    )


def config_maps(workers: Iterable[Worker], known: Models) -> list[Object]:
    """Return the ConfigMaps that tell the controller what the workers have, and how much of it functions may use.

    Args:
        workers: The workers and their devices.
        known: What the archive says about models.
    """
    present: list[dict[str, Any]] = []
    offered: list[dict[str, Any]] = []
    for worker in workers:
        cpu, memory = f"{worker.name}-cpu0", f"{worker.name}-mem0"
        present += [_device(worker, cpu, _CPU, 0), _device(worker, memory, "memory", 0)]
        offered.append(_offer(worker, cpu, known.offer(worker.cpu, _CPU, worker.sockets)))
        for gpu in worker.gpus:
            kind = known.type_of_gpu(gpu.model)
            present.append(_device(worker, gpu.uuid, kind, gpu.index))
            offered.append(_offer(worker, gpu.uuid, known.offer(gpu.model, kind)))
    return [config_map(PRESENT, present), config_map(OFFERED, offered)]


def config_map(name: str, devices: list[dict[str, Any]]) -> Object:
    """Return a ConfigMap of the inventory.

    Args:
        name: PRESENT or OFFERED.
        devices: What it lists.
    """
    return manifests.config_map(name, NAMESPACE, {f"{name}.json": json.dumps({"devices": devices}, indent=2)})


def devices(found: Object) -> list[dict[str, Any]]:
    """Return the devices that a ConfigMap of the inventory lists; none if it is empty."""
    texts = found.get("data", {}).values()
    return [device for text in texts for device in json.loads(text).get("devices") or []]


def is_gpu(device: Mapping[str, Any]) -> bool:
    """Return whether a device of the inventory is a GPU, by its identifier."""
    return str(device.get("deviceUUID")).startswith("GPU-")


def rows(file: Path, keys: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the entries of one of the archive's lists; none if there is no such file.

    Args:
        file: The file.
        keys: What each entry has.

    Raises:
        Problem: It does not have the expected form.
    """
    if not file.is_file():
        return []
    shown = f"{controller.JSON}/{file.name}"
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        complete = all(key in row for row in found for key in keys)
    except (ValueError, TypeError) as error:
        raise Problem(f"{shown}: expected a list with {' and '.join(keys)}: {error}") from error
    if not complete:
        raise Problem(f"{shown}: expected a list with {' and '.join(keys)} in each entry")
    return list(found)


def _device(worker: Worker, uuid: str, kind: str, index: int) -> dict[str, Any]:
    return {"nodeName": worker.name, "deviceUUID": uuid, "deviceType": kind, "deviceIndex": index}


def _offer(worker: Worker, uuid: str, regions: list[dict[str, Any]]) -> dict[str, Any]:
    return {"nodeName": worker.name, "deviceUUID": uuid, "functionTargets": regions}
