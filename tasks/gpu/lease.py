"""The server's GPU, lent to the first worker and given back. The doors of the tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks import lack as lacks
from tasks import progress
from tasks.engines.files import ledgers
from tasks.engines.host import kernel_modules
from tasks.gpu import handover
from tasks.gpu import ledger as gpu_ledger
from tasks.gpu.handover import Lease
from tasks.gpu.machine import Machine
from tasks.settings import gpu, parameters

if TYPE_CHECKING:
    from tasks.lack import Lack


def lack() -> Lack:
    """Return what keeps the node from having had the GPU since this boot.

    Raises:
        Problem: No engine answers, or the ledger cannot be understood.
    """
    return lack_of(_lease())


def lack_of(lease: Lease) -> Lack:
    """Return what keeps the node of a lease from having had the GPU since this boot.

    Args:
        lease: The cluster, and the machine with its node.

    Raises:
        Problem: No engine answers, or the ledger cannot be understood.
    """
    ledger = gpu_ledger.load(lease.cluster)
    container = lease.machine.container(lease.node)
    has_it = (
        ledger is not None
        and not ledgers.is_foreign(ledger.checkout)
        and container is not None
        and container.running
        and (ledger.boot, ledger.container) == (lease.machine.boot(), container.id)
        and kernel_modules.is_loaded(gpu.MODULE)
    )
    return lacks.unless(has_it, f"{lease.node}: has no GPU yet")


def lend() -> None:
    """Take the GPU from the host's driver and have the node's driver run it.

    Raises:
        Problem: Another cluster has it, a process uses it, a module does not go, or the node cannot use it.
    """
    lend_to(_lease())


def lend_to(lease: Lease) -> None:
    """Lend the GPU to the node of a lease.

    Raises:
        Problem: As `lend`.
    """
    handover.running_node(lease)  # refused before the lock is made
    with ledgers.alone(gpu.LEDGERS):
        handover.lend(lease)


def give_back(cluster: str = "") -> None:
    """Put the host's driver back as the ledger tells; nothing where the cluster has not borrowed the GPU.

    Args:
        cluster: Name of the cluster; empty means that of the parameters.

    Raises:
        Problem: A process uses the GPU, or the host's driver does not come back.
    """
    give_back_from(_lease(cluster))


def give_back_from(lease: Lease) -> None:
    """Put the host's driver back after a lease.

    Raises:
        Problem: As `give_back`.
    """
    if not ledgers.exists(gpu_ledger.path(lease.cluster)):
        return
    with ledgers.alone(gpu.LEDGERS):
        ledger = gpu_ledger.load(lease.cluster)
        if ledger is not None and ledgers.is_foreign(ledger.checkout):
            progress.line(f"Left to {ledger.checkout}: the GPU that its cluster {lease.cluster} has borrowed.")
        elif ledger is not None:
            handover.give_back(lease, ledger)


def is_lent_to(node: str) -> bool:
    """Return whether a node of this checkout has borrowed the GPU."""
    cluster = node.removesuffix(f"-{gpu.NODE_SUFFIX}")
    ledger = gpu_ledger.load(cluster) if node == handover.node(cluster) else None
    return ledger is not None and not ledgers.is_foreign(ledger.checkout)


def still_lent(cluster: str = "") -> Lack:
    """Return that a cluster has borrowed the GPU, which is not back yet.

    Args:
        cluster: Name of the cluster; CLUSTER_NAME where empty.
    """
    name = cluster or parameters.current().cluster_name
    return lacks.unless(not ledgers.exists(gpu_ledger.path(name)), f"cluster {name}: has the GPU")


def _lease(cluster: str = "") -> Lease:
    values = parameters.current()
    return Lease(cluster or values.cluster_name, consent=values.gpu_consent, machine=Machine())
