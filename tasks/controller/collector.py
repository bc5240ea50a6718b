"""InfoCollector, which tells the controller what a worker offers. It is compiled here and runs in each worker.

The original compiles it in the nodes. Its lists of models know three CPUs and two GPUs, and a model that they lack
makes the controller crash. So it gets lists that include the models of the worker.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING, Any

from tasks import lack as lacks
from tasks import progress
from tasks.archive import facts as archive_source
from tasks.controller import inventory
from tasks.engines.docker import containers
from tasks.engines.files import trees as files_trees
from tasks.engines.files.lock import alone, part_of
from tasks.engines.go import cgo
from tasks.engines.kube import manifests
from tasks.gpu import stand_in
from tasks.images import compilers
from tasks.problems import Problem
from tasks.settings import controller, paths
from tasks.settings.artifacts import Program
from tasks.target import kind_cluster

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from tasks.controller.inventory import Models
    from tasks.engines.kube.api import Kube
    from tasks.lack import Lack
    from tasks.settings.parameters.model import Parameters
    from tasks.target.devices import Gpu, Worker

_PROGRAM = "InfoCollector"
_PLACE = "/opt/openkasugai/infocollector"
_INPUTS = "infrainfo"
_BITSTREAMS = "bitstream_id-config-table.json"
# The files that it reads from the archive's JSON, besides the lists of models.
_JSON = ("premadefilelist.json", "function-unique-info.json", "filter-resize-childbs.json", "functionnamemap.json")


def lack(cluster: Kube, workers: Iterable[str], stood_in: Mapping[str, tuple[Gpu, ...]]) -> Lack:
    """Return the workers for which InfoCollector has not reported what they offer, and GPUs that nothing stands for.

    Args:
        cluster: The API.
        workers: Names of the workers.
        stood_in: GPUs that are stood in for, by the name of their worker.
    """
    missing = set(workers) - set(_capacities(cluster))
    absent = {gpu.uuid for gpus in stood_in.values() for gpu in gpus} - {
        device["deviceUUID"] for device in _devices(cluster, inventory.OFFERED)
    }
    return lacks.unless(not missing, f"{inventory.OFFERED}: nothing of {', '.join(sorted(missing))}") + lacks.unless(
        not absent, f"{inventory.OFFERED}: nothing of {', '.join(sorted(absent))}"
    )


def lack_of_gpus(cluster: Kube, workers: Iterable[Worker]) -> Lack:
    """Return the GPUs that InfoCollector has not reported yet, and those that the workers no longer have.

    Args:
        cluster: The API.
        workers: The workers with their devices.
    """
    wanted = {gpu.uuid for worker in workers for gpu in worker.gpus}
    listed = {device["deviceUUID"] for device in _devices(cluster, inventory.OFFERED) if inventory.is_gpu(device)}
    absent = [f"{inventory.OFFERED}: nothing of {uuid}" for uuid in sorted(wanted - listed)]
    return lacks.of(*absent, *(f"{inventory.OFFERED}: still lists {uuid}" for uuid in sorted(listed - wanted)))


def collect(cluster: Kube, workers: Iterable[str], chosen: Parameters) -> None:
    """Run InfoCollector in each worker.

    Args:
        cluster: The API.
        workers: Names of the workers.
        chosen: The parameters of the run.

    Raises:
        Problem: It does not compile, it fails, or it finds no capacity.
    """
    programs = _ensure_programs(chosen)
    stood_in = kind_cluster.stand_ins(chosen)
    for worker in kind_cluster.shared_by(workers, stood_in):
        progress.step(f"{_PROGRAM} in {worker.name}")
        _install(worker, programs)
        command = f"cd {_PLACE} && mkdir -p log && LD_LIBRARY_PATH={_PLACE}/lib ./bin/{_PROGRAM}"
        kubeconfig = archive_source.facts().kubeconfig
        containers.exec_in(worker.name, ["env", f"KUBECONFIG={kubeconfig}", "bash", "-c", command])
        found = _capacities(cluster).get(worker.name, 0)
        if not found:
            raise Problem(f"{_PROGRAM}: found no capacity in {worker.name}", hint="INVENTORY=host")
        progress.line(f"{_PROGRAM}: {worker.name} offers the capacity {found}")
        if worker.name in stood_in:
            add_gpus(cluster, worker)


def _ensure_programs(chosen: Parameters) -> Path:
    """Return the folder with the program and its libraries, compiled once for each source.

    Raises:
        Problem: The archive lacks its source, or it does not compile.
    """
    parts = {"": controller.COLLECTOR, controller.DRIVERS: controller.DRIVERS_SOURCE}
    parts[controller.FPGA_DATABASE] = controller.FPGA_DATABASE_SOURCE
    for folder in parts.values():
        if not (paths.source() / folder).is_dir():
            raise Problem(
                f"{controller.TOP}/{folder}: not there, but INVENTORY=collector needs it", hint="INVENTORY=host"
            )
    made_of = [files_trees.digest(paths.source() / folder) for folder in parts.values()]
    digest = hashlib.sha256(" ".join([*made_of, compilers.compiler_digest(chosen)]).encode()).hexdigest()
    target = paths.BUILD / "collector" / digest[:12]
    with alone(target):
        if not target.is_dir():
            workspace = part_of(target)
            source, made = workspace / "source", workspace / "made"
            for place, folder in parts.items():
                shutil.copytree(paths.source() / folder, source / place, dirs_exist_ok=True)
            compilers.compile_with_c(cgo.CSource(source, (Program(".", _PROGRAM),)), made, chosen)
            made.rename(target)
            shutil.rmtree(workspace)
    return target


def _install(worker: Worker, programs: Path) -> None:
    source = paths.source()
    files = {f"{_INPUTS}/{name}": text.encode() for name, text in lists_of(worker, inventory.models()).items()}
    files |= {f"{_INPUTS}/{name}": (source / controller.JSON / name).read_bytes() for name in _JSON}
    files["config.ini"] = (source / controller.COLLECTOR / "config.ini").read_bytes()
    files[_BITSTREAMS] = (source / controller.FPGA_DATABASE_SOURCE / "test" / _BITSTREAMS).read_bytes()
    files |= {file.relative_to(programs).as_posix(): file.read_bytes() for file in programs.glob("*/*")}
    for name, content in files.items():
        path = f"{_PLACE}/{name}"
        if not containers.holds(worker.name, path, content):
            rights = containers.Rights(0o755 if name.startswith("bin/") else 0o644)
            containers.copy_into(worker.name, path, content, rights)


def lists_of(worker: Worker, known: Models) -> dict[str, str]:
    """Return the lists of models for a worker, by file name: the archive's models and those of the worker.

    Args:
        worker: The worker.
        known: What the archive says about models.
    """
    gpus = {gpu.model: known.type_of_gpu(gpu.model) for gpu in worker.gpus}
    types = {**known.types, worker.cpu: "cpu", **gpus}
    own = {worker.cpu: known.offer(worker.cpu, "cpu"), **{name: known.offer(name, kind) for name, kind in gpus.items()}}
    regions = {**known.regions, **own}
    return {
        controller.DEVICE_TYPES: json.dumps(
            [{"inputDeviceType": model, "outputDeviceType": kind} for model, kind in types.items()]
        ),
        controller.REGIONS: json.dumps(
            [{"subDeviceSpecRef": model, "functionTargets": offered} for model, offered in regions.items()]
        ),
    }


def add_gpus(cluster: Kube, worker: Worker) -> None:
    """Add to the inventory the GPUs of a worker that InfoCollector cannot see, because they are stood in for.

    Args:
        cluster: The API.
        worker: The worker.
    """
    own = {gpu.uuid for gpu in worker.gpus}
    for wanted in inventory.config_maps([worker], inventory.models()):
        name = manifests.name_of(wanted)
        added = [each for each in inventory.devices(wanted) if each["deviceUUID"] in own]
        there = [each for each in _devices(cluster, name) if each["deviceUUID"] not in own]
        change = {"data": inventory.config_map(name, [*there, *added])["data"]}
        cluster.patch(manifests.CONFIG_MAP, name, inventory.NAMESPACE, change)
    progress.line(f"{worker.name}: {stand_in.STOOD_IN}")


def _devices(cluster: Kube, name: str) -> list[dict[str, Any]]:
    """Return the devices that a ConfigMap of the cluster's inventory lists."""
    return inventory.devices(cluster.get(manifests.CONFIG_MAP, name, inventory.NAMESPACE) or {})


def _capacities(cluster: Kube) -> dict[str, int]:
    """Return the CPU capacity of each node, as the cluster's inventory states it."""
    return {
        device["nodeName"]: region.get("maxCapacity", 0)
        for device in _devices(cluster, inventory.OFFERED)
        for region in device.get("functionTargets") or []
        if region.get("regionType") == "cpu"
    }
