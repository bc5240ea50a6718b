"""Gives back what a cluster has borrowed, as it was, and proves it by comparing with the ledger.

A device is found by its PCI address, wherever it is and whatever its name: in a node, in a pod, on the host under
another name, or after a reboot.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tasks import progress
from tasks.engines.host import pci
from tasks.engines.host.namespaces import World
from tasks.engines.programs import waiting
from tasks.nics import ledger as nics_ledger
from tasks.nics import presence, refusals, udev
from tasks.nics import steps as nics_steps
from tasks.nics.machine import Machine
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tasks.engines.host.namespaces import Link
    from tasks.nics.ledger import Ledger, Record

# Giving back is repeated while udev still renames what came back.
_ROUNDS = 3
# Longer than the kernel's duplicate address detection for IPv6: one probe of one second, by default.
_TENTATIVE_SECONDS = 5.0


class NotAsItWas(Problem):
    """Every device is on the host again, but one differs from the ledger, which stays."""


@dataclass(frozen=True)
class Return:
    """What a cluster has borrowed, on its way back.

    Attributes:
        ledger: What it has borrowed.
        machine: The machine that gets it back.
    """

    ledger: Ledger
    machine: Machine


def give_back(cluster: str, machine: Machine | None = None) -> None:
    """Give back what a cluster has borrowed; do nothing if it has borrowed nothing.

    Args:
        cluster: Name of the cluster.
        machine: The machine that gets it back; None for this one.

    Raises:
        NotAsItWas: Every device is on the host, but one differs from the ledger, which stays.
        Problem: A device could not be brought back; the ledger stays.
    """
    ledger = nics_ledger.load(cluster)
    if ledger is None:
        return
    back = Return(ledger, machine or Machine())
    for record in ledger.physical_functions():
        presence.refuse_other_card(record)
    for record in ledger.physical_functions():
        refuse_new_lifeline(record, back)
    progress.step("giving back the network cards")
    left = _restore(back)
    away = _away(back) if left else []
    if not away:
        udev.lift(ledger, back.machine.rules)
    left = left or _differences(back)
    if left:
        raise _not_given_back(ledger, left, away)
    nics_ledger.drop(cluster)
    progress.line(f"Given back as they were: {', '.join(record.name for record in ledger.physical_functions())}")


def _not_given_back(ledger: Ledger, left: Sequence[str], away: Sequence[str]) -> Problem:
    if away:
        return Problem(f"cluster {ledger.cluster}: lent network cards are not back: {', '.join(away)}",
                       details="\n".join(left), hint="./doit nics_restore")  # fmt: skip
    nics_ledger.save(replace(ledger, home=True))
    return NotAsItWas(
        f"cluster {ledger.cluster}: lent network cards are on the host again, but not as they were",
        details="\n".join(left),
        hint="./doit nics_restore once the cause is gone; or, to keep them as they are: "
        f"sudo rm {nics_ledger.path(ledger.cluster)}",
    )


def refuse_new_lifeline(record: Record, back: Return) -> None:
    """Stop if the host now depends on a card or one of its functions, and the card differs from its record.

    A reboot gives every card back to the host, which may have configured it since then.
    """
    world = back.machine.survey()
    lifelines = back.machine.lifelines()
    function = presence.present(record.bdf)
    own = [link for link in world.host.links if link.bdf in (function.bdf, *function.virtual_functions)]
    held = [(link.name, reason) for link in own if (reason := refusals.hold(link, world.host, lifelines))]
    left = _differing(record, function, world, back.machine.routes()) if held else []
    if left:
        refusal = Problem if _away(back) else NotAsItWas
        raise refusal(
            f"{held[0][0]} is left as it is: {held[0][1]}",
            details="\n".join(left),
            hint=f"to keep it as it is: sudo rm {nics_ledger.path(back.ledger.cluster)}",
        )


def _restore(back: Return) -> list[str]:
    """Give back in rounds until nothing differs; return what still differs."""
    left: list[str] = []
    for _ in range(_ROUNDS):
        refused = bring_home(back)
        refused += _restore_counts(back)
        refused += _restore_fields(back)
        refused += _restore_routes(back)
        back.machine.settle()
        # Only differences count; refused steps explain them.
        differing = _differences(back)
        left = [*dict.fromkeys(refused), *differing] if differing else []
        if not left:
            break
    return left


def _own(ledger: Ledger) -> list[str]:
    """Return the PCI addresses of the cards and their functions, except functions that were not on the host."""
    cards = [card.bdf for card in ledger.physical_functions()]
    found = [bdf for card in cards for bdf in (card, *presence.present(card).virtual_functions)]
    return [bdf for bdf in found if not _was_elsewhere(ledger, bdf)]


def _was_elsewhere(ledger: Ledger, bdf: str) -> bool:
    record = ledger.devices.get(bdf)
    return record is not None and record.namespace == nics_ledger.ELSEWHERE


def _away(back: Return) -> list[str]:
    """Return the PCI addresses of devices that have or had an interface and are not on the host."""
    there = {link.bdf for link in back.machine.survey().host.links}
    named = [record.bdf for record in _recorded(back.ledger) if record.name]
    awaited = dict.fromkeys([*named, *(bdf for bdf in _own(back.ledger) if not _has_no_interface(bdf))])
    return [bdf for bdf in awaited if bdf not in there]


def _has_no_interface(bdf: str) -> bool:
    function = pci.read(bdf)
    return function is None or not function.driver or function.is_passed_through


def _recorded(ledger: Ledger) -> list[Record]:
    """Return the records of what was on the host."""
    return [record for record in ledger.devices.values() if not _was_elsewhere(ledger, record.bdf)]


def bring_home(back: Return) -> list[str]:
    """Move every device that is elsewhere to the host, cards first; return a line for each that cannot be moved."""
    world = back.machine.survey(everywhere=True)
    nodes = {loan.namespace for loan in back.ledger.loans.values()}
    cards = [card.bdf for card in back.ledger.physical_functions()]
    own = [bdf for card in cards for bdf in (card, *presence.present(card).virtual_functions)]
    places = [place for place in map(world.place, own) if place and not place[0].host]
    away = [place for place in places if place[0].inode in nodes or not _was_elsewhere(back.ledger, place[1].bdf)]
    return [
        line
        for namespace, link in away
        for line in _attempt(back.machine, world, nics_steps.move(link, namespace, world.host), link.bdf)
    ]


def _attempt(machine: Machine, world: World, steps: list[nics_steps.Step], device: str) -> list[str]:
    """Carry out steps for one device; return a line if they fail, so that the other devices are still handled."""
    try:
        machine.change(world, steps)
    except Problem as problem:
        return [f"{device}: {problem.message}"]
    return []


def _restore_counts(back: Return) -> list[str]:
    """Give each card the number of virtual functions that it had, and each of these its driver.

    Returns:
        A line for each device for which this fails.
    """
    world = back.machine.survey()
    refused = []
    for card in back.ledger.physical_functions():
        steps = nics_steps.set_count(card.bdf, presence.present(card.bdf).num_vfs or 0, card.num_vfs or 0)
        refused += _attempt(back.machine, world, steps, card.bdf)
    virtual = [(record, pci.read(record.bdf)) for record in _recorded(back.ledger) if record.physical_function]
    for record, function in virtual:
        steps = nics_steps.bind(record.bdf, function.driver, record.driver) if function else []
        refused += _attempt(back.machine, world, steps, record.bdf)
    named = [record.bdf for record, function in virtual if function and record.name]
    return refused + _missing_interfaces(named, back)


def _missing_interfaces(functions: Sequence[str], back: Return) -> list[str]:
    """Wait for the interfaces of virtual functions; return a line that names those that do not appear."""
    try:
        presence.wait_for_interfaces(functions, back.machine)
    except Problem as problem:
        return [problem.message]
    return []


def _restore_fields(back: Return) -> list[str]:
    """Restore the fields of every device; return a line for each for which this fails, after all others are done."""
    records = [record for record in _recorded(back.ledger) if record.name]
    # First, every device gives up names that are not its own, so that two devices can swap their names back.
    world = back.machine.survey()
    refused = [
        line
        for record, link in _present(records, world)
        for line in _attempt(back.machine, world, nics_steps.make_way(record, link, world.host.inode), record.bdf)
    ]
    back.machine.settle()
    world = back.machine.survey()
    return refused + [
        line for record, link in _present(records, world) for line in _restore_device(record, link, world, back)
    ]


def _restore_device(record: Record, link: Link, world: World, back: Return) -> list[str]:
    steps = nics_steps.give_back_fields(record, link, world.host.inode)
    return holders(record, world) or _attempt(back.machine, world, steps, record.bdf)


def _restore_routes(back: Return) -> list[str]:
    """Restore all routes once all devices are up, as some routes use several; return a line for each that fails."""
    records = [record for record in _recorded(back.ledger) if record.routes]
    _await_addresses(records, back)
    return [line for record in records for line in _restore_routes_of(record, back)]


def _restore_routes_of(record: Record, back: Return) -> list[str]:
    host = back.machine.own_namespace()
    world = World((host,))

    def lacking() -> list[nics_steps.Step]:
        return nics_steps.give_back_routes(record, back.machine.routes(), host.inode)

    if not _attempt(back.machine, world, lacking(), record.bdf):
        return []
    # A refused route must not prevent the others.
    return [line for step in lacking() for line in _attempt(back.machine, world, [step], record.bdf)]


def _await_addresses(records: Sequence[Record], back: Return) -> None:
    """Wait until no source address of an IPv6 route is tentative: the kernel would refuse the route."""
    sources = {route.get("prefsrc") for record in records for route in record.routes if route.get("family") == "inet6"}

    def tentative() -> list[str]:
        infos = (info for link in back.machine.survey().host.links for info in link.addresses)
        return [info["local"] for info in infos if info.get("tentative") and info.get("local") in sources]

    if sources - {None}:
        # Without a carrier it stays tentative; then the kernel says why it refuses the route.
        with contextlib.suppress(Problem):
            waiting.until("end of the duplicate address detection", tentative, lambda found: not found,
                          deadline=_TENTATIVE_SECONDS)  # fmt: skip


def _present(records: Iterable[Record], world: World) -> list[tuple[Record, Link]]:
    found = ((record, _at_home(record, world)) for record in records)
    return [(record, link) for record, link in found if link]


def _at_home(record: Record, world: World) -> Link | None:
    """Return the interface of a recorded device, if it is on the host."""
    links = {link.bdf: link for link in world.host.links if link.bdf}
    function = pci.read(record.bdf)
    if function is None or record.bdf not in links:
        return None
    macs = [links[bdf].mac if bdf in links else "" for bdf in function.virtual_functions]
    return nics_ledger.without_reports(links[record.bdf], record, macs)


def holders(record: Record, world: World) -> list[str]:
    """Return a line for each name of a device that another interface of the host has."""
    named = [(name, world.host.named(name)) for name in (record.name, *record.altnames)]
    return [
        f"{record.bdf}: its name {name} is taken by {link.name}{f' ({link.bdf})' if link.bdf else ''}"
        for name, link in named
        if link is not None and link.bdf != record.bdf
    ]


def _differences(back: Return) -> list[str]:
    world = back.machine.survey()
    routes = back.machine.routes()
    found = [(record, pci.read(record.bdf)) for record in _recorded(back.ledger)]
    lost = [f"{record.bdf} {record.name}: is not there" for record, function in found if function is None]
    return lost + [
        line
        for record, function in found
        if function is not None
        for line in _differing(record, function, world, routes)
    ]


def _differing(record: Record, function: pci.Function, world: World, routes: Sequence[Mapping[str, Any]]) -> list[str]:
    return nics_ledger.differences(record, nics_ledger.capture(function, _at_home(record, world), routes))
