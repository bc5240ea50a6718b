"""What the workers offer to the controller: CPU, memory and GPUs, with the archive's names for models."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from tasks.engines.docker import containers
from tasks.engines.host.facts import Host
from tasks.engines.kube import manifests
from tasks.gpu import lease, sharing, stand_in
from tasks.problems import Problem
from tasks.settings import controller, emulation, paths

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object
    from tasks.settings.parameters.model import Parameters

NAMESPACE = "default"
PRESENT = "infrastructureinfo"
OFFERED = "deployinfo"
_CONTROL_PLANE_LABEL = "node-role.kubernetes.io/control-plane"
_CPU = "cpu"
_GPU_QUERY = ("nvidia-smi", "--query-gpu=index,uuid,name", "--format=csv,noheader")
# A row of its list; warnings are on the same output, before and after the list.
_GPU_ROW = re.compile(r"^(\d+), (GPU-[\w-]+), (\S.*?)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Gpu:
    """A GPU as its driver names it."""

    index: int
    uuid: str
    model: str


@dataclass(frozen=True)
class Worker:
    """A worker and its devices.

    Attributes:
        name: Name of the node.
        cpu: Model of its CPU; empty if the kernel does not name it.
        sockets: CPU sockets.
        gpus: GPUs that its driver sees, or that are stood in for.
    """

    name: str
    cpu: str
    sockets: int
    gpus: tuple[Gpu, ...] = ()


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


@cache
def workers(cluster: Kube) -> tuple[str, ...]:
    """Return the names of the nodes that run functions.

    Args:
        cluster: The API; it is asked only once.
    """
    labels = {manifests.name_of(node): node["metadata"].get("labels", {}) for node in cluster.list(manifests.NODE)}
    return tuple(sorted(name for name, found in labels.items() if _CONTROL_PLANE_LABEL not in found))


def stand_ins(chosen: Parameters) -> dict[str, tuple[Gpu, ...]]:
    """Return the GPUs that EMULATE stands in for, by the name of their worker.

    Args:
        chosen: The parameters of the run.
    """
    if not stand_in.is_chosen(chosen):
        return {}
    return {stand_in.node(chosen): (Gpu(0, stand_in.identifier(chosen), emulation.GPU_MODEL),)}


def of(names: Iterable[str], stood_in: Mapping[str, tuple[Gpu, ...]]) -> list[Worker]:
    """Return workers with their devices; the nodes of kind share the CPU and memory of this machine.

    Args:
        names: Names of the workers.
        stood_in: GPUs that are stood in for, by the name of their worker.
    """
    cpuinfo = Host().text("/proc/cpuinfo")
    model, count = cpu_model(cpuinfo), sockets(cpuinfo)
    return [Worker(name, model, count, stood_in.get(name) or _gpus(name)) for name in names]


def cpu_model(cpuinfo: str) -> str:
    """Return the model of the CPU, as the kernel names it.

    Args:
        cpuinfo: Text of /proc/cpuinfo.
    """
    found = re.search(r"^model name\s*:\s*(.*\S)", cpuinfo, re.MULTILINE)
    return found[1] if found else ""


def sockets(cpuinfo: str) -> int:
    """Return the number of CPU sockets, at least 1: a virtual machine may not report any.

    Args:
        cpuinfo: Text of /proc/cpuinfo.
    """
    return max(1, len(set(re.findall(r"^physical id\s*:\s*(\d+)", cpuinfo, re.MULTILINE))))


def parsed_gpus(answer: str) -> tuple[Gpu, ...]:
    """Return the GPUs that nvidia-smi lists as index, uuid and name."""
    return tuple(Gpu(int(index), uuid, model) for index, uuid, model in _GPU_ROW.findall(answer))


def models() -> Models:
    """Return what the archive says about models; nothing if it has no such files.

    Raises:
        Problem: A file does not have the expected form.
    """
    folder = paths.CONTROLLER / controller.JSON
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


def _gpus(node: str) -> tuple[Gpu, ...]:
    if not lease.is_lent_to(node):
        # A shared GPU that does not answer is a matter of gpu_lease, and no obstacle to the rest.
        return parsed_gpus(containers.exec_in(node, _GPU_QUERY, check=False)) if sharing.is_seen_by(node) else ()
    try:
        return parsed_gpus(containers.exec_in(node, _GPU_QUERY))
    except Problem as problem:
        problem.hint = "./doit gpu_lease, which starts the node's driver again"
        raise


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
