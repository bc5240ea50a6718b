"""Entry points of the tasks that lend the network cards that the parameters name, show them and give them back."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from tasks import lack as lacks
from tasks import progress
from tasks.engines.files import ledgers
from tasks.engines.kube import cluster_owner
from tasks.nics import condition, lending, pods, restoring, udev
from tasks.nics import ledger as nics_ledger
from tasks.nics import status as nics_status
from tasks.nics import wish as nics_wish
from tasks.nics.machine import Machine
from tasks.problems import Problem
from tasks.settings import nics as settings
from tasks.settings import parameters

if TYPE_CHECKING:
    from tasks.lack import Lack
    from tasks.settings.parameters.model import Parameters


def lend(task: str) -> None:
    """Lend a worker its card with its virtual functions.

    Args:
        task: The worker's sub-task.

    Raises:
        Problem: It must not or cannot be lent.
    """
    asked = nics_wish.wishes(parameters.current())
    wish = asked.pop(task)
    nics_wish.node_processes(wish.cluster)  # if it has to stop, it stops before the lock is created
    with nics_ledger.alone():
        lending.lend_to(
            wish, tuple(asked.values()), Machine(nics_wish.node_processes(wish.cluster), cluster=wish.cluster)
        )


def lack(task: str) -> Lack:
    """Return what a worker lacks of its card, address and virtual functions.

    Args:
        task: The worker's sub-task.

    Raises:
        Problem: No engine answers, or the ledger cannot be understood.
    """
    wish = nics_wish.wishes(parameters.current())[task]
    processes = nics_wish.node_processes(wish.cluster) if still_lent(wish.cluster) else {}
    return condition.lack(wish, nics_ledger.load(wish.cluster), Machine(processes, cluster=wish.cluster))


def objection(task: str, chosen: Parameters) -> str:
    """Return why a worker's card, which is on the host, will not be lent, or an empty string; needs root.

    Args:
        task: The worker's sub-task.
        chosen: The parameters of the run.
    """
    asked = nics_wish.wishes(chosen)
    wish = asked.pop(task)
    return lending.objection(wish, tuple(asked.values()), Machine(cluster=wish.cluster))


def give_back() -> None:
    """Give back what the cluster has borrowed, as it was.

    Raises:
        Problem: Another checkout has lent it, or something could not be given back as it was.
    """
    name = parameters.current().cluster_name
    cluster_owner.require_not_lent_there(name)
    restore(name)


def lack_of_return() -> Lack:
    """Return whether the cluster still has borrowed cards."""
    return still_lent(parameters.current().cluster_name)


def restore(cluster: str, machine: Machine | None = None) -> None:
    """Give back what a cluster has borrowed, as it was; do nothing if it has borrowed nothing.

    Args:
        cluster: Name of the cluster.
        machine: The machine that gets it back; None for this one.

    Raises:
        Problem: Something could not be given back as it was.
    """
    if not still_lent(cluster):
        return
    lender = nics_ledger.foreign(cluster)
    if lender:
        progress.line(f"Left to {lender}: the network cards that its cluster {cluster} has borrowed.")
    else:
        with nics_ledger.alone():
            restoring.give_back(cluster, machine)


def let_go(cluster: str, machine: Machine | None = None) -> None:
    """Give back what a cluster has borrowed before it is deleted; if all is back, differences are only reported.

    Args:
        cluster: Name of the cluster.
        machine: The machine that gets it back; None for this one.

    Raises:
        Problem: A device could not be brought back to the host.
    """
    try:
        restore(cluster, machine)
    except restoring.NotAsItWas as difference:
        progress.line(str(difference))


def still_lent(cluster: str) -> Lack:
    """Return whether a cluster still has borrowed cards.

    Args:
        cluster: Name of the cluster.
    """
    return lacks.unless(not ledgers.exists(nics_ledger.path(cluster)), f"cluster {cluster}: has network cards")


def await_allocatable() -> None:
    """Wait until the nodes offer their virtual functions to pods; return at once if no device plugin runs.

    Raises:
        Problem: The device plugin does not see the virtual functions.
    """
    from tasks.engines.kube import access as kube_api

    cluster = parameters.current().cluster_name
    ledger = nics_ledger.load(cluster)
    loans = ledger.loans if ledger and not ledgers.is_foreign(ledger.checkout) else {}
    pods.await_allocatable({node: len(loan.names) - 1 for node, loan in loans.items()}, kube_api.cluster(cluster))


def status(*, as_json: bool = False) -> None:
    """Show where each card and virtual function is.

    Args:
        as_json: Show a list of objects instead of the table.
    """
    asked = tuple(nics_wish.wishes(parameters.current()).values())
    try:
        processes = nics_wish.node_processes(asked[0].cluster)
    except Problem:
        processes = {}  # without Docker there are no nodes, but the cards can still be shown
    found = nics_status.rows(asked, Machine(processes, cluster=asked[0].cluster))
    if as_json:
        progress.line(json.dumps([asdict(row) for row in found], indent=2))
    elif found:
        progress.line(nics_status.table(found))
    else:
        progress.line(f"Nothing is lent, and this machine has no {' or '.join(wish.interface for wish in asked)}")
    for line in udev.complaints(settings.UDEV_RULES):
        progress.line(line)
