"""Lends the server's GPU to the first worker, and gives it back as it was.

A GPU is driven by one set of kernel modules. The node brings its own driver, so the host's modules have to go first,
and whatever keeps them in use before that.
"""

from __future__ import annotations

import dataclasses
import re
import shutil
from typing import TYPE_CHECKING

from tasks import progress
from tasks.engines.docker import containers, local_containers
from tasks.engines.files import ledgers
from tasks.engines.host import kernel_modules, processes
from tasks.engines.kube import cluster_owner
from tasks.engines.programs import root
from tasks.gpu import ledger as gpu_ledger
from tasks.gpu.ledger import Ledger
from tasks.problems import Problem
from tasks.settings import gpu, parameters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.engines.docker.containers import ContainerFacts
    from tasks.engines.host.facts import Host
    from tasks.engines.host.processes import Process

_SMI = ("nvidia-smi", "--query-gpu=pci.bus_id,name,driver_version", "--format=csv,noheader")
# A row of it; warnings are on the same output, before and after the list.
_GPU = re.compile(r"^[0-9A-F]{8}:[0-9A-F]{2}:[0-9A-F]{2}\.[0-7], [^,\n]+, [^,\s]+$", re.MULTILINE | re.IGNORECASE)


def is_current() -> bool:
    """Return whether the node that runs has had the GPU since this boot."""
    ledger = gpu_ledger.load(parameters.current().cluster_name)
    container = containers.find(node())
    return (
        ledger is not None
        and not ledgers.is_foreign(ledger.checkout)
        and container is not None
        and container.running
        and (ledger.boot, ledger.container) == (ledgers.boot(), container.id)
        and kernel_modules.is_loaded(gpu.MODULE)
    )


def node() -> str:
    """Return the name of the node that gets the GPU."""
    return f"{parameters.current().cluster_name}-{gpu.NODE_SUFFIX}"


def lend() -> None:
    """Take the GPU from the host's driver and have the node's driver run it.

    Raises:
        Problem: Another cluster has it, a process uses it, a module does not go, or the node cannot use it.
    """
    _running_node()  # refused before the lock is made
    with ledgers.alone(gpu.LEDGERS):
        _lend(parameters.current().cluster_name)


def _lend(cluster: str) -> None:
    container = _running_node()
    _refuse_second_loan(cluster)
    _require_driver()
    strangers = _strangers(container)
    _refuse(strangers)
    ledger = _known(cluster) or _capture(cluster)
    gpu_ledger.save(dataclasses.replace(ledger, container="", checkout=ledgers.here()))
    _stop_in(container)
    _free(strangers)
    progress.step(f"starting the driver in {node()}")
    containers.exec_in(node(), ["modprobe", "--all", "--dirname", gpu.NODE_MODULES, *gpu.NODE_LOADS])
    containers.exec_in(node(), ["systemctl", "start", *gpu.NODE_SERVICES])
    _check(containers.exec_in(node(), _SMI), ledger.devices, node())
    gpu_ledger.save(dataclasses.replace(ledger, container=container.id))


def give_back(cluster: str = "") -> None:
    """Put the host's driver back as the ledger tells; nothing where the cluster has not borrowed the GPU.

    Args:
        cluster: Name of the cluster; empty means that of the parameters.

    Raises:
        Problem: A process uses the GPU, or the host's driver does not come back.
    """
    name = cluster or parameters.current().cluster_name
    if not ledgers.exists(gpu_ledger.path(name)):
        return
    with ledgers.alone(gpu.LEDGERS):
        ledger = gpu_ledger.load(name)
        if ledger is not None and ledgers.is_foreign(ledger.checkout):
            progress.line(f"Left to {ledger.checkout}: the GPU that its cluster {name} has borrowed.")
        elif ledger is not None:
            _give_back(ledger)


def _give_back(ledger: Ledger) -> None:
    # A reboot has given the GPU back already.
    if ledger.boot == ledgers.boot():
        _take_from(_borrower(ledger))
        _restore(ledger)
    gpu_ledger.drop(ledger.cluster)
    progress.line("The GPU is the host's again.")


def is_lent() -> bool:
    """Return whether the cluster of this checkout has borrowed the GPU."""
    ledger = gpu_ledger.load(parameters.current().cluster_name)
    return ledger is not None and not ledgers.is_foreign(ledger.checkout)


def nothing_lent() -> bool:
    """Return whether the cluster has not borrowed the GPU."""
    return not ledgers.exists(gpu_ledger.path(parameters.current().cluster_name))


def _take_from(container: ContainerFacts | None) -> None:
    """Unload the driver that a node has loaded."""
    strangers = _strangers(container)
    _refuse(strangers)
    if container is not None and container.running:
        _stop_in(container)
    _free(strangers)


def _restore(ledger: Ledger) -> None:
    progress.step("starting the host's driver")
    kernel_modules.load(*(module.name for module in reversed(ledger.modules)))
    if ledger.services:
        root.run("systemctl", "start", *reversed(ledger.services))
    _prove(ledger)


def _borrower(ledger: Ledger) -> ContainerFacts | None:
    """Return the node that has the GPU; a container of others that bears its name by now is not it."""
    try:
        found = containers.find(f"{ledger.cluster}-{gpu.NODE_SUFFIX}")
        if found is not None and found.running:
            local_containers.require(found)
    except Problem:
        return None  # without an engine no node runs, and one of another machine has not got this GPU
    # While the GPU is on its way the ledger has no container yet.
    known = found is not None and (found.id == ledger.container or cluster_owner.made(found.mounts))
    return found if known else None


def _refuse_second_loan(cluster: str) -> None:
    own = gpu_ledger.load(cluster)
    if own is not None and ledgers.is_foreign(own.checkout):
        raise Problem(
            f"the GPU is lent to cluster {cluster} of {own.checkout}", hint=f"cd {own.checkout} and ./doit gpu_return"
        )
    for ledger in gpu_ledger.others(cluster):
        again = f"CLUSTER_NAME={ledger.cluster} ./doit"
        raise Problem(
            f"the GPU is lent to cluster {ledger.cluster}", hint=f"{again} delete_cluster, or {again} gpu_return"
        )


def _require_driver() -> None:
    kernel = _machine().kernel
    if not containers.exec_in(node(), ["ls", f"{gpu.NODE_MODULES}/lib/modules/{kernel}"], check=False).strip():
        raise Problem(
            f"{node()}: its image has no NVIDIA driver for kernel {kernel}",
            hint="./doit image:dci-kind-node-with-acc, then RECREATE=1 ./doit create_cluster",
        )


def _known(cluster: str) -> Ledger | None:
    """Return the ledger of an earlier run; one from before a reboot is of no use, as the host has its driver again."""
    ledger = gpu_ledger.load(cluster)
    return ledger if ledger and ledger.boot == ledgers.boot() else None


def _running_node() -> ContainerFacts:
    container = containers.find(node())
    if container is None or not container.running:
        raise Problem(f"{node()}: the node does not run", hint="./doit create_cluster")
    local_containers.require(container)
    return container


def _capture(cluster: str) -> Ledger:
    devices = _machine().devices(gpu.NVIDIA, gpu.DISPLAY)
    if not devices:
        raise Problem("no NVIDIA GPU in this server", hint="./doit doctor --for gpu")
    return Ledger(
        cluster=cluster,
        boot=ledgers.boot(),
        container="",
        devices=tuple(devices),
        modules=kernel_modules.unload_order(gpu.MODULE),
        services=_active_services(),
        checkout=ledgers.here(),
    )


def _machine() -> Host:
    from tasks.engines.host import facts

    return facts.Host()


def _active_services() -> tuple[str, ...]:
    if shutil.which("systemctl") is None:
        return ()
    return tuple(unit for unit in gpu.HOST_SERVICES if _is_active(unit))


def _is_active(unit: str) -> bool:
    return root.run("systemctl", "is-active", "--quiet", unit, check=False).returncode == 0


def _strangers(container: ContainerFacts | None) -> tuple[Process, ...]:
    """Return the processes that use the GPU, but for those of the node and of services that will be stopped."""
    own = container.id if container else "no container"
    return tuple(process for process in _users() if own not in process.group and process.unit not in gpu.HOST_SERVICES)


def _users() -> tuple[Process, ...]:
    """Return the processes that use the GPU, for computing or as a display."""
    machine = _machine()
    displays = [file for address in machine.devices(gpu.NVIDIA, gpu.DISPLAY) for file in machine.displays(address)]
    return processes.users_of(*gpu.DEVICE_FILES, *displays)


def _refuse(strangers: Sequence[Process]) -> None:
    if strangers and not parameters.current().gpu_consent:
        raise Problem(
            "\n".join(f"process {process.pid} ({process.command}) uses the GPU" for process in strangers),
            hint="end it, or GPU_CONSENT=1 with the same command to have it ended",
        )


def _stop_in(container: ContainerFacts) -> None:
    """Stop the driver's services of a node, and end what else uses the GPU there, such as the pods of a dataflow."""
    containers.exec_in(container.name, ["systemctl", "stop", *gpu.NODE_SERVICES], check=False)
    inside = [process for process in _users() if container.id in process.group]
    processes.end(inside, deadline=gpu.END_DEADLINE)


def _free(strangers: Sequence[Process]) -> None:
    """Stop what uses the loaded driver, then unload it."""
    services = _active_services()
    if services:
        progress.step(f"stopping {', '.join(services)}")
        root.run("systemctl", "stop", *services)
    processes.end(strangers, deadline=gpu.END_DEADLINE)
    progress.step("unloading the NVIDIA modules")
    kernel_modules.unload(gpu.MODULE)


def _check(listing: str, devices: Sequence[str], where: str) -> None:
    """Compare what nvidia-smi lists with the GPUs of the ledger."""
    found = _GPU.findall(listing)
    if len(found) != len(devices):
        raise Problem(f"{where}: nvidia-smi lists {len(found)} GPUs, {len(devices)} were lent", details=listing)
    progress.line(f"GPU in {where}: {'; '.join(found)}")


def _prove(ledger: Ledger) -> None:
    """Compare the host's driver with the ledger."""
    loaded = {module.name: module.version for module in kernel_modules.unload_order(gpu.MODULE)}
    different = [
        f"kernel module {module.name}: version {loaded.get(module.name, 'none')}, it was {module.version}"
        for module in ledger.modules
        if loaded.get(module.name) != module.version
    ]
    different += [f"{unit}: does not run, it did" for unit in ledger.services if not _is_active(unit)]
    if different:
        raise Problem("\n".join(different), hint="sudo journalctl -k -g -i nvrm, then ./doit gpu_return")
    if ledger.modules and shutil.which(_SMI[0]):
        _check(root.run(*_SMI).stdout, ledger.devices, "the host")
