"""Entry points of the tasks that lend the network cards that the parameters name, show them and give them back.

With EMULATE=sriov, an emulated card takes the place of each. A worker never has both.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from tasks import lack as lacks
from tasks import progress
from tasks.engines.files import ledgers
from tasks.engines.kube import cluster_owner
from tasks.nics import condition, emulated, exclusion, lending, pods, restoring, udev
from tasks.nics import ledger as nics_ledger
from tasks.nics import status as nics_status
from tasks.nics import wish as nics_wish
from tasks.nics.machine import Machine
from tasks.problems import Problem
from tasks.settings import nics as settings
from tasks.settings import parameters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.lack import Lack
    from tasks.nics.status import Row
    from tasks.nics.wish import Wish
    from tasks.settings.parameters.model import Parameters


def lend(task: str) -> None:
    """Lend a worker its card with its virtual functions.

    Args:
        task: The worker's sub-task.

    Raises:
        Problem: It must not or cannot be lent.
    """
    chosen = parameters.current()
    asked = nics_wish.wishes(chosen)
    exclusion.require(chosen)
    wish = asked.pop(task)
    if emulated.asked_for(chosen):
        emulated.make(wish, emulated.network_of(chosen))
        return
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
    chosen = parameters.current()
    wish = nics_wish.wishes(chosen)[task]
    if emulated.asked_for(chosen):
        return exclusion.lack(chosen) + emulated.lack(wish, emulated.network_of(chosen))
    processes = nics_wish.node_processes(wish.cluster) if borrowed(wish.cluster) else {}
    found = condition.lack(wish, nics_ledger.load(wish.cluster), Machine(processes, cluster=wish.cluster))
    return found + exclusion.lack(chosen) if found else found


def lack_as_root(task: str) -> Lack:
    """Return what a worker lacks that only root can give it: an emulated card takes no more than the engine.

    Args:
        task: The worker's sub-task.

    Raises:
        Problem: As `lack`.
    """
    return lacks.NOTHING if emulated.asked_for(parameters.current()) else lack(task)


def objection(task: str, chosen: Parameters) -> str:
    """Return why a worker's card will not be lent, or an empty string; needs root unless it is emulated.

    Args:
        task: The worker's sub-task.
        chosen: The parameters of the run.
    """
    if emulated.asked_for(chosen):
        return emulated.obstacle(emulated.network_of(chosen))
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


def lack_of_return_as_root() -> Lack:
    """Return whether the cluster still has borrowed cards that only root can give back."""
    return borrowed(parameters.current().cluster_name)


def restore(cluster: str, machine: Machine | None = None) -> None:
    """Give back what a cluster has borrowed, as it was, or take its emulated cards away; do nothing if it has none.

    Args:
        cluster: Name of the cluster.
        machine: The machine that gets it back; None for this one.

    Raises:
        Problem: Something could not be given back as it was.
    """
    if not borrowed(cluster):
        emulated.take_away(cluster)  # no cluster has cards of both kinds
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
    """Return whether a cluster still has borrowed or emulated cards.

    Args:
        cluster: Name of the cluster.
    """
    there = emulated.is_there(cluster)
    return borrowed(cluster) + lacks.unless(not there, f"cluster {cluster}: has emulated network cards")


def borrowed(cluster: str) -> Lack:
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

    chosen = parameters.current()
    cluster = kube_api.cluster(chosen.cluster_name)
    pods.await_allocatable(_functions(chosen), cluster, looks_again=emulated.asked_for(chosen))


def _functions(chosen: Parameters) -> dict[str, int]:
    """Return how many virtual functions each node has, by its name."""
    if emulated.asked_for(chosen):
        return {wish.node: wish.num_vfs for wish in nics_wish.wishes(chosen).values()}
    ledger = nics_ledger.load(chosen.cluster_name)
    loans = ledger.loans if ledger and not ledgers.is_foreign(ledger.checkout) else {}
    return {node: len(loan.names) - 1 for node, loan in loans.items()}


def status(*, as_json: bool = False) -> None:
    """Show where each card and virtual function is.

    Args:
        as_json: Show a list of objects instead of the table.
    """
    chosen = parameters.current()
    asked = tuple(nics_wish.wishes(chosen).values())
    found = [*nics_status.emulated_rows(asked), *_real(asked, chosen)]
    if as_json:
        progress.line(json.dumps([asdict(row) for row in found], indent=2))
    else:
        progress.line(nics_status.table(found) if found else _nothing(asked, chosen))
    for line in udev.complaints(settings.UDEV_RULES):
        progress.line(line)


def _real(asked: Sequence[Wish], chosen: Parameters) -> list[Row]:
    """Return a row for each function of a real card; to look for one needs root, so it is not done for nothing."""
    if emulated.asked_for(chosen) and not borrowed(chosen.cluster_name):
        return []
    try:
        processes = nics_wish.node_processes(chosen.cluster_name)
    except Problem:
        processes = {}  # without Docker there are no nodes, but the cards can still be shown
    return nics_status.rows(asked, Machine(processes, cluster=chosen.cluster_name))


def _nothing(asked: Sequence[Wish], chosen: Parameters) -> str:
    names = [wish.interface for wish in asked]
    if emulated.asked_for(chosen):
        return f"Nothing is lent, and {' and '.join(names)} are not emulated yet (EMULATE=sriov): ./doit nics"
    return f"Nothing is lent, and this machine has no {' or '.join(names)}"
