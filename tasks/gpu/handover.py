"""Hands the server's GPU over to a node's driver, and back to the host's as it was.

A GPU is driven by one set of kernel modules. The node brings its own driver, so everything that uses the host's modules
has to stop first, and then the modules are unloaded.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks import progress
from tasks.engines.files import ledgers
from tasks.engines.kube import cluster_owner
from tasks.gpu import driver
from tasks.gpu import ledger as gpu_ledger
from tasks.gpu.ledger import Ledger
from tasks.problems import Problem
from tasks.settings import gpu

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.engines.docker.containers import ContainerFacts
    from tasks.engines.host.processes import Process
    from tasks.gpu.machine import Machine

# What the user can do about a process that uses the GPU.
CONSENT = "end it, or GPU_CONSENT=1 with the same command to have it ended"
_SMI = ("nvidia-smi", "--query-gpu=pci.bus_id,name,driver_version", "--format=csv,noheader")
# A row of its list; the same output may have warnings before and after the list.
_GPU = re.compile(r"^[0-9A-F]{8}:[0-9A-F]{2}:[0-9A-F]{2}\.[0-7], [^,\n]+, [^,\s]+$", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True)
class Lease:
    """The GPU on its way to the node of a cluster, or back.

    Attributes:
        cluster: Name of the cluster.
        consent: Whether processes that use the GPU may be ended.
        machine: The machine.
    """

    cluster: str
    consent: bool
    machine: Machine

    @property
    def node(self) -> str:
        """The name of the node that gets the GPU."""
        return node(self.cluster)


def node(cluster: str) -> str:
    """Return the name of the node that gets the GPU of a cluster."""
    return f"{cluster}-{gpu.NODE_SUFFIX}"


def lend(lease: Lease) -> None:
    """Take the GPU from the host's driver and start the node's driver on it; the caller holds the lock.

    Args:
        lease: Who gets it.

    Raises:
        Problem: Another cluster has it, a process uses it, a module cannot be unloaded, or the node cannot use it.
    """
    container = running_node(lease)
    _refuse_second_loan(lease)
    _require_unloading(lease.machine)
    driver.require(lease.machine, lease.node)
    strangers = _strangers(lease, container)
    _refuse(lease, strangers)
    ledger = _with_helpers(lease, _known(lease) or _capture(lease))
    gpu_ledger.save(dataclasses.replace(ledger, container="", checkout=ledgers.here()))
    _stop_in(lease, container)
    _free(lease, strangers)
    progress.step(f"starting the driver in {lease.node}")
    driver.load_helpers(lease.machine, ledger.helpers)
    driver.start(lease.machine, lease.node, len(ledger.devices))
    _require_listed(lease.machine.run_in(lease.node, _SMI), ledger.devices, lease.node)
    gpu_ledger.save(dataclasses.replace(ledger, container=container.id))


def give_back(lease: Lease, ledger: Ledger) -> None:
    """Restore the host's driver as recorded in the ledger; the caller holds the lock.

    Args:
        lease: Who has it.
        ledger: What the host had.

    Raises:
        Problem: A process uses the GPU, or the host's driver does not come back.
    """
    # A reboot has given the GPU back already.
    if ledger.boot == lease.machine.boot():
        _take_from(lease, _borrower(lease, ledger))
        _restore(lease, ledger)
    gpu_ledger.drop(ledger.cluster)
    progress.line("The GPU is the host's again.")


def _take_from(lease: Lease, container: ContainerFacts | None) -> None:
    """Unload the driver that a node has loaded."""
    strangers = _strangers(lease, container)
    _refuse(lease, strangers)
    if container is not None and container.running:
        _stop_in(lease, container)
    _free(lease, strangers)


def _restore(lease: Lease, ledger: Ledger) -> None:
    progress.step("starting the host's driver")
    lease.machine.modules.load(*(module.name for module in reversed(ledger.modules)))
    if ledger.services:
        lease.machine.run("systemctl", "start", *reversed(ledger.services))
    _prove(lease, ledger)
    for module in lease.machine.modules.release(*reversed(ledger.helpers)):
        progress.line(f"kernel module {module}: in use by now, so it stays loaded")


def _borrower(lease: Lease, ledger: Ledger) -> ContainerFacts | None:
    """Return the node that has the GPU, or None if there is none or its name now belongs to another container."""
    try:
        found = lease.machine.container(lease.node)
        if found is not None and found.running:
            lease.machine.require_here(found)
    except Problem:
        return None  # without an engine no node runs, and a node of another machine does not have this GPU
    # While the GPU is on its way, the ledger has no container yet.
    known = found is not None and (found.id == ledger.container or cluster_owner.is_made_here(found.mounts))
    return found if known else None


def _refuse_second_loan(lease: Lease) -> None:
    own = gpu_ledger.load(lease.cluster)
    if own is not None and ledgers.is_foreign(own.checkout):
        raise Problem(
            f"the GPU is lent to cluster {lease.cluster} of {own.checkout}",
            hint=f"cd {own.checkout} and ./doit gpu_return",
        )
    boot = lease.machine.boot()
    for ledger in gpu_ledger.others(lease.cluster):
        if ledger.boot == boot:
            again = f"CLUSTER_NAME={ledger.cluster} ./doit"
            raise Problem(
                f"the GPU is lent to cluster {ledger.cluster}", hint=f"{again} delete_cluster, or {again} gpu_return"
            )


def _require_unloading(machine: Machine) -> None:
    if not machine.modules.can_unload:
        raise Problem(
            "the GPU cannot be lent: this kernel cannot unload the host's driver",
            hint="GPU=share with the same command",
        )


def _known(lease: Lease) -> Ledger | None:
    """Return the ledger of an earlier run if it is of this boot."""
    return gpu_ledger.load_current(lease.cluster, lease.machine.boot())


def running_node(lease: Lease) -> ContainerFacts:
    """Return the node that gets the GPU.

    Raises:
        Problem: It does not run, or runs on another machine.
    """
    container = lease.machine.container(lease.node)
    if container is None or not container.running:
        raise Problem(f"{lease.node}: the node does not run", hint="./doit create_cluster")
    lease.machine.require_here(container)
    return container


def _capture(lease: Lease) -> Ledger:
    devices = lease.machine.facts().devices(gpu.NVIDIA, gpu.DISPLAY)
    if not devices:
        raise Problem("no NVIDIA GPU in this server", hint="./doit doctor --for gpu")
    return Ledger(
        cluster=lease.cluster,
        boot=lease.machine.boot(),
        container="",
        devices=tuple(devices),
        modules=lease.machine.modules.unload_order(gpu.MODULE),
        services=_active_services(lease.machine),
        checkout=ledgers.here(),
    )


def _with_helpers(lease: Lease, ledger: Ledger) -> Ledger:
    """Return a ledger that also names the modules of the host that are to be loaded for the node's driver."""
    added = driver.helpers(lease.machine, lease.node)
    return dataclasses.replace(ledger, helpers=tuple(dict.fromkeys((*ledger.helpers, *added))))


def _active_services(machine: Machine) -> tuple[str, ...]:
    if not machine.has_program("systemctl"):
        return ()
    return tuple(unit for unit in gpu.HOST_SERVICES if _is_active(machine, unit))


def _is_active(machine: Machine, unit: str) -> bool:
    return machine.run("systemctl", "is-active", "--quiet", unit, check=False).returncode == 0


def _strangers(lease: Lease, container: ContainerFacts | None) -> tuple[Process, ...]:
    """Return the processes that use the GPU, except those of the node and of services that will be stopped."""
    own = container.id if container else "no container"
    return tuple(
        process
        for process in _users(lease.machine)
        if own not in process.group and process.unit not in gpu.HOST_SERVICES
    )


def _users(machine: Machine) -> tuple[Process, ...]:
    """Return the processes that use the GPU, for computing or as a display."""
    host = machine.facts()
    displays = [file for address in host.devices(gpu.NVIDIA, gpu.DISPLAY) for file in host.displays(address)]
    return machine.processes.users_of(*gpu.DEVICE_FILES, *displays)


def objections(lease: Lease) -> list[str]:
    """Return the processes of the host for which the GPU is not lent, one phrase each; none with consent.

    Args:
        lease: The cluster, and the machine.
    """
    return [] if lease.consent else _phrases(_strangers(lease, None))


def _refuse(lease: Lease, strangers: Sequence[Process]) -> None:
    if strangers and not lease.consent:
        raise Problem("\n".join(_phrases(strangers)), hint=CONSENT)


def _phrases(strangers: Sequence[Process]) -> list[str]:
    return [f"process {process.pid} ({process.command}) uses the GPU" for process in strangers]


def _stop_in(lease: Lease, container: ContainerFacts) -> None:
    """Stop the driver's services in a node, and end other users of the GPU there, such as the pods of a dataflow."""
    lease.machine.run_in(container.name, ["systemctl", "stop", *gpu.NODE_SERVICES], check=False)
    inside = [process for process in _users(lease.machine) if container.id in process.group]
    lease.machine.processes.end(inside, deadline=lease.machine.patience)


def _free(lease: Lease, strangers: Sequence[Process]) -> None:
    """Stop what uses the loaded driver, then unload it."""
    services = _active_services(lease.machine)
    if services:
        progress.step(f"stopping {', '.join(services)}")
        lease.machine.run("systemctl", "stop", *services)
    lease.machine.processes.end(strangers, deadline=lease.machine.patience)
    progress.step("unloading the NVIDIA modules")
    lease.machine.modules.unload(gpu.MODULE)


def _require_listed(listing: str, devices: Sequence[str], where: str) -> None:
    """Stop if nvidia-smi does not list as many GPUs as the ledger."""
    found = _GPU.findall(listing)
    if len(found) != len(devices):
        raise Problem(f"{where}: nvidia-smi lists {len(found)} GPUs, {len(devices)} were lent", details=listing)
    progress.line(f"GPU in {where}: {'; '.join(found)}")


def _prove(lease: Lease, ledger: Ledger) -> None:
    """Stop if the host's driver differs from the ledger."""
    loaded = {module.name: module.version for module in lease.machine.modules.unload_order(gpu.MODULE)}
    different = [
        f"kernel module {module.name}: version {loaded.get(module.name, 'none')}, it was {module.version}"
        for module in ledger.modules
        if loaded.get(module.name) != module.version
    ]
    different += [f"{unit}: does not run, but did" for unit in ledger.services if not _is_active(lease.machine, unit)]
    if different:
        raise Problem("\n".join(different), hint="sudo journalctl -k -g -i nvrm, then ./doit gpu_return")
    if ledger.modules and lease.machine.has_program(_SMI[0]):
        _require_listed(lease.machine.run(*_SMI).stdout, ledger.devices, "the host")
