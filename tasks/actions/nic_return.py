"""Gives back what a cluster has borrowed, as it was, and proves it by comparing with the ledger.

Where a device is and what it is called by then does not matter: it is found by its PCI address, in a node, a pod, on
the host under another name, or after a reboot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks import progress
from tasks.actions import nic_ledger, nic_presence, nic_refusals, nic_steps, nic_udev
from tasks.engines import nics as engine
from tasks.engines import pci
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tasks.actions.nic_ledger import Ledger, Record
    from tasks.engines.nics import Link, World

# Giving back is repeated while udev still renames what came back.
_ROUNDS = 3


def give_back(cluster: str) -> None:
    """Give back what a cluster has borrowed; costs nothing where it has nothing.

    Args:
        cluster: Name of the cluster.

    Raises:
        Problem: Something could not be given back as it was; the ledger stays.
    """
    ledger = nic_ledger.load(cluster)
    if ledger is None:
        return
    for record in ledger.physical_functions():
        nic_presence.refuse_other_card(record)
        _refuse_new_lifeline(record, cluster)
    progress.step("giving back the network cards")
    left = _restored(ledger)
    if not left:
        nic_udev.lift(ledger)
        left = _differences(ledger)
    if left:
        raise Problem(f"cluster {cluster}: lent network cards are not as they were", details="\n".join(left),
                      hint="./doit nics_restore")  # fmt: skip
    nic_ledger.drop(cluster)
    progress.line(f"Given back as they were: {', '.join(record.name for record in ledger.physical_functions())}")


def _refuse_new_lifeline(record: Record, cluster: str) -> None:
    """Refuse to touch a card that the host lives on by now, itself or through a function of it, unless it is as it was.

    A reboot gives every card back to the host, which may have configured it since.
    """
    world = engine.survey()
    lifelines = engine.lifelines()
    function = nic_presence.present(record.bdf)
    own = [link for link in world.host.links if link.bdf in (function.bdf, *function.virtual_functions)]
    held = [(link.name, reason) for link in own if (reason := nic_refusals.hold(link, world.host, lifelines))]
    left = nic_ledger.differences(record, nic_ledger.capture(function, _at_home(record, world))) if held else []
    if left:
        raise Problem(
            f"{held[0][0]} is left as it is: {held[0][1]}",
            details="\n".join(left),
            hint=f"if it is right like this: sudo rm {nic_ledger.path(cluster)}",
        )


def _restored(ledger: Ledger) -> list[str]:
    """Give back in rounds until nothing differs; return what still does."""
    left: list[str] = []
    for _ in range(_ROUNDS):
        refused = _bring_home(ledger)
        _restore_counts(ledger)
        refused += _restore_fields(ledger)
        engine.settle()
        left = refused or _differences(ledger)
        if not left:
            break
    return left


def _bring_home(ledger: Ledger) -> list[str]:
    """Move everything that is not on the host there, cards first; return a line for each that cannot be moved."""
    world = engine.survey(everywhere=True)
    cards = [card.bdf for card in ledger.physical_functions()]
    own = [bdf for card in cards for bdf in (card, *nic_presence.present(card).virtual_functions)]
    away = [place for place in map(world.place, own) if place and not place[0].host]
    return [
        line
        for namespace, link in away
        for line in _attempt(world, nic_steps.move(link, namespace, world.host), link.bdf)
    ]


def _attempt(world: World, steps: list[nic_steps.Step], device: str) -> list[str]:
    """Carry out steps for one device; return the line that says why not, so that the others are served all the same."""
    try:
        engine.change(world, steps)
    except Problem as problem:
        return [f"{device}: {problem.message}"]
    return []


def _restore_counts(ledger: Ledger) -> None:
    """Give each card the count of virtual functions that it had, and each of those its driver."""
    world = engine.survey()
    for card in ledger.physical_functions():
        steps = nic_steps.set_count(card.bdf, nic_presence.present(card.bdf).num_vfs or 0, card.num_vfs or 0)
        engine.change(world, steps)
    virtual = [record for card in ledger.physical_functions() for record in ledger.virtual_functions(card.bdf)]
    for record in virtual:
        engine.change(world, nic_steps.bind(record.bdf, nic_presence.present(record.bdf).driver, record.driver))
    awaited = [record.bdf for record in virtual if record.name]
    if awaited:
        nic_presence.wait_for_interfaces(awaited, {})


def _restore_fields(ledger: Ledger) -> list[str]:
    """Give every device its fields; return a line for each that cannot have them, after all others were served."""
    records = [record for record in ledger.devices.values() if record.name]
    # First every name that is not its own is given up, so that two devices which swapped names can swap back.
    world = engine.survey()
    refused = [
        line
        for record, link in _present(records, world)
        for line in _attempt(world, nic_steps.make_way(record, link, world.host.inode), record.bdf)
    ]
    engine.settle()
    world = engine.survey()
    return refused + [
        line for record, link in _present(records, world) for line in _restore_device(record, link, world)
    ]


def _restore_device(record: Record, link: Link, world: World) -> list[str]:
    steps = nic_steps.give_back_fields(record, link, world.host.inode)
    return _holders(record, world) or _attempt(world, steps, record.bdf)


def _present(records: Iterable[Record], world: World) -> list[tuple[Record, Link]]:
    found = ((record, _at_home(record, world)) for record in records)
    return [(record, link) for record, link in found if link]


def _at_home(record: Record, world: World) -> Link | None:
    """Return the interface of a recorded device, where it is on the host."""
    links = {link.bdf: link for link in world.host.links if link.bdf}
    function = pci.read(record.bdf)
    if function is None or record.bdf not in links:
        return None
    macs = [links[bdf].mac if bdf in links else "" for bdf in function.virtual_functions]
    return nic_ledger.without_reports(links[record.bdf], record, macs)


def _holders(record: Record, world: World) -> list[str]:
    """Return a line for each name of a device that another interface of the host has."""
    named = [(name, world.host.named(name)) for name in (record.name, *record.altnames)]
    return [
        f"{record.bdf}: its name {name} is that of {link.name}{f' ({link.bdf})' if link.bdf else ''}"
        for name, link in named
        if link is not None and link.bdf != record.bdf
    ]


def _differences(ledger: Ledger) -> list[str]:
    world = engine.survey()
    found = [(record, pci.read(record.bdf)) for record in ledger.devices.values()]
    lost = [f"{record.bdf} {record.name}: is not there" for record, function in found if function is None]
    return lost + [
        line
        for record, function in found
        if function is not None
        for line in nic_ledger.differences(record, nic_ledger.capture(function, _at_home(record, world)))
    ]
