"""Entry points of the tasks that lend the server's GPU to the first worker and give it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks import lack as lacks
from tasks import progress
from tasks.engines.files import ledgers
from tasks.engines.kube import cluster_owner
from tasks.gpu import driver, handover, sharing, stand_in
from tasks.gpu import ledger as gpu_ledger
from tasks.gpu.handover import Lease
from tasks.gpu.machine import Machine
from tasks.lack import Lack
from tasks.settings import gpu, parameters

if TYPE_CHECKING:
    from tasks.settings.parameters.model import Parameters

_DISRUPTED = "the GPU: the host's driver and its services stop"


def lack() -> Lack:
    """Return whether the node lacks the GPU; one that is stood in for is always there.

    Raises:
        Problem: No engine answers, or the ledger cannot be understood.
    """
    chosen = parameters.current()
    if stand_in.is_chosen(chosen):
        return lacks.NOTHING
    if sharing.is_shared(sharing.Choice(chosen)):
        return sharing.lack_of(chosen.cluster_name, Machine())
    return lack_of(_lease(chosen))


def lack_of_root() -> Lack:
    """Return what root is needed for: to lend the GPU, but not to share it or to stand in for it.

    Raises:
        Problem: As `lack`.
    """
    chosen = parameters.current()
    is_lent = not (stand_in.is_chosen(chosen) or sharing.is_shared(sharing.Choice(chosen)))
    return lack_of(_lease(chosen)) if is_lent else lacks.NOTHING


def lack_of(lease: Lease) -> Lack:
    """Return whether the node of a lease lacks the GPU, or a service of its driver does not run there.

    Args:
        lease: The cluster, and the machine with its node.

    Raises:
        Problem: No engine answers, or the ledger cannot be understood.
    """
    if not _has_it(lease):
        return Lack((f"{lease.node}: has no GPU yet",), disrupts=(_DISRUPTED,))
    states = driver.stopped(lease.machine, lease.node)
    return lacks.of(*(f"{lease.node}: {unit} is {state}" for unit, state in states.items()))


def _has_it(lease: Lease) -> bool:
    """Return whether the node of a lease has the GPU now.

    A ledger alone does not say so: the machine has been rebooted since, the lending broke off, or the node is another.
    """
    ledger = gpu_ledger.load_current(lease.cluster, lease.machine.boot())
    if ledger is None or not ledger.container or ledgers.is_foreign(ledger.checkout):
        return False
    container = lease.machine.container(lease.node)
    there = container is not None and container.running and container.id == ledger.container
    return there and lease.machine.modules.is_loaded(gpu.MODULE)


def lend() -> None:
    """Take the GPU from the host's driver and start the node's driver on it; or share it, if that is chosen.

    A GPU that is stood in for is neither lent nor shared.

    Raises:
        Problem: Another cluster has it, a process uses it, a module cannot be unloaded, or the node cannot use it.
    """
    chosen = parameters.current()
    if stand_in.is_chosen(chosen):
        return progress.line(f"{stand_in.node(chosen)}: {stand_in.STOOD_IN}, so none is lent")
    if sharing.is_shared(sharing.Choice(chosen)):
        return sharing.share(chosen.cluster_name, Machine())
    sharing.require_unshared()
    return lend_to(_lease(chosen))


def lend_to(lease: Lease) -> None:
    """Lend the GPU to the node of a lease; where it is there already, only start what does not run.

    Raises:
        Problem: As `lend`.
    """
    handover.running_node(lease)  # stops before the lock is created
    with ledgers.alone(gpu.LEDGERS):
        ledger = gpu_ledger.load(lease.cluster)
        if ledger is not None and _has_it(lease):
            driver.start_services(lease.machine, lease.node, len(ledger.devices))
        else:
            handover.lend(lease)


def give_back() -> None:
    """Restore the host's driver as recorded in the ledger, if the cluster has borrowed the GPU.

    Raises:
        Problem: Another checkout has lent it, a process uses the GPU, or the host's driver does not come back.
    """
    chosen = parameters.current()
    cluster_owner.require_not_lent_there(chosen.cluster_name)
    give_back_from(_lease(chosen))


def lack_of_return() -> Lack:
    """Return whether the cluster still has the GPU."""
    return still_lent(parameters.current().cluster_name)


def let_go(chosen: Parameters) -> None:
    """Restore the host's driver before the cluster is deleted.

    Args:
        chosen: The parameters of the run.

    Raises:
        Problem: A process uses the GPU, or the host's driver does not come back.
    """
    give_back_from(_lease(chosen))


def give_back_from(lease: Lease) -> None:
    """Restore the host's driver after a lease.

    Raises:
        Problem: As `let_go`.
    """
    if not ledgers.exists(gpu_ledger.path(lease.cluster)):
        return
    with ledgers.alone(gpu.LEDGERS):
        ledger = gpu_ledger.load(lease.cluster)
        if ledger is not None and ledgers.is_foreign(ledger.checkout):
            progress.line(f"Left to {ledger.checkout}: the GPU that its cluster {lease.cluster} has borrowed.")
        elif ledger is not None:
            handover.give_back(lease, ledger)


def is_lent_to(node: str, machine: Machine | None = None) -> bool:
    """Return whether a node of this checkout has the GPU now.

    Args:
        node: Name of the node.
        machine: The machine with the node; None for this one.

    Raises:
        Problem: The ledger cannot be understood.
    """
    cluster = node.removesuffix(f"-{gpu.NODE_SUFFIX}")
    return node == handover.node(cluster) and _has_it(Lease(cluster, consent=False, machine=machine or Machine()))


def objections(chosen: Parameters) -> list[str]:
    """Return the processes for which the GPU is not lent without consent, one phrase each; needs root.

    Args:
        chosen: The parameters of the run.
    """
    return handover.objections(_lease(chosen))


def still_lent(cluster: str) -> Lack:
    """Return whether a cluster still has the GPU.

    Args:
        cluster: Name of the cluster.
    """
    return lacks.unless(not ledgers.exists(gpu_ledger.path(cluster)), f"cluster {cluster}: has the GPU")


def _lease(chosen: Parameters) -> Lease:
    return Lease(chosen.cluster_name, consent=chosen.gpu_consent, machine=Machine())
