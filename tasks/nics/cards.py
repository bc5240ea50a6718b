"""The network cards that the parameters ask for: lent, looked at, given back.

nics:<worker>   nic_lending   (nic_refusals, nic_ledger, nic_udev, nic_steps)
nics_restore    nic_return
nics_status     nic_status
"""

from __future__ import annotations

import json
from dataclasses import asdict

from tasks import progress
from tasks.engines.files import ledgers
from tasks.nics import ledger as nics_ledger
from tasks.nics import lending, pods, restoring, udev
from tasks.nics import status as nics_status
from tasks.nics import wish as nics_wish
from tasks.problems import Problem
from tasks.settings import nics as settings


def lend(task: str) -> None:
    """Lend a worker its card with its virtual functions.

    Args:
        task: The worker's sub-task.

    Raises:
        Problem: It must not or cannot be lent.
    """
    asked = nics_wish.wishes()
    wish = asked.pop(task)
    nics_wish.node_processes(wish.cluster)  # what is refused by that is refused before the lock is made
    with ledgers.alone(settings.LEDGERS):
        lending.lend_to(wish, tuple(asked.values()), nics_wish.node_processes(wish.cluster))


def is_lent(task: str) -> bool:
    """Return whether a worker has its card, address and virtual functions, none of them astray on the host."""
    wish = nics_wish.wishes()[task]
    processes = {} if nothing_lent(wish.cluster) else nics_wish.node_processes(wish.cluster)
    return lending.is_lent_to(wish, processes)


def restore(cluster: str = "") -> None:
    """Give back what a cluster has borrowed, as it was; costs nothing where it has nothing.

    Args:
        cluster: Name of the cluster; CLUSTER_NAME where empty.

    Raises:
        Problem: Something could not be given back as it was.
    """
    name = cluster or _cluster()
    if nothing_lent(name):
        return
    lender = nics_ledger.foreign(name)
    if lender:
        progress.line(f"Left to {lender}: the network cards that its cluster {name} has borrowed.")
    else:
        with ledgers.alone(settings.LEDGERS):
            restoring.give_back(name)


def let_go(cluster: str) -> None:
    """Give back what a cluster has borrowed, before it is deleted: what differs once all is back is only said.

    Args:
        cluster: Name of the cluster.

    Raises:
        Problem: A device could not be brought back to the host.
    """
    try:
        restore(cluster)
    except restoring.NotAsItWas as difference:
        progress.line(str(difference))


def nothing_lent(cluster: str = "") -> bool:
    """Return whether a cluster (CLUSTER_NAME where empty) has borrowed nothing."""
    return not ledgers.exists(nics_ledger.path(cluster or _cluster()))


def await_allocatable() -> None:
    """Wait until the nodes offer what they were lent to pods; not where no device plugin runs.

    Raises:
        Problem: The device plugin does not see the virtual functions.
    """
    ledger = nics_ledger.load(_cluster())
    loans = ledger.loans if ledger and not ledgers.is_foreign(ledger.checkout) else {}
    pods.await_allocatable({node: len(loan.names) - 1 for node, loan in loans.items()})


def status(*, as_json: bool = False) -> None:
    """Show where each card and virtual function is.

    Args:
        as_json: Show a list of objects instead of the table.
    """
    asked = tuple(nics_wish.wishes().values())
    try:
        processes = nics_wish.node_processes(asked[0].cluster)
    except Problem:
        processes = {}  # without Docker there are no nodes, but the cards can be looked at all the same
    found = nics_status.rows(asked, processes)
    if as_json:
        progress.line(json.dumps([asdict(row) for row in found], indent=2))
    elif found:
        progress.line(nics_status.table(found))
    else:
        progress.line(f"Nothing is lent, and this machine has no {' or '.join(wish.interface for wish in asked)}")
    for line in udev.complaints():
        progress.line(line)


def _cluster() -> str:
    from tasks.settings import parameters

    return parameters.current().cluster_name
