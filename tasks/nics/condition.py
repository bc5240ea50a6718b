"""Whether a node still has what was lent to it: what it lacks, and which lent devices are astray."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks import lack as lacks
from tasks.engines.files import ledgers
from tasks.engines.host import pci
from tasks.nics import presence, udev

if TYPE_CHECKING:
    from tasks.engines.host.namespaces import Link, Namespace, World
    from tasks.lack import Lack
    from tasks.nics.ledger import Ledger, Loan, Record
    from tasks.nics.machine import Machine
    from tasks.nics.wish import Wish


def lack(wish: Wish, ledger: Ledger | None, machine: Machine) -> Lack:
    """Return what a node lacks of what is asked for it.

    This looks into the namespaces of the host and the nodes, and into all others only if a device is in none of these.

    Args:
        wish: What is asked for.
        ledger: What its cluster has borrowed, or None.
        machine: The machine, with the nodes that run.
    """
    said = _lack(wish, ledger, machine)
    return lacks.unless(not said, f"{wish.node}: {said}")


def _lack(wish: Wish, ledger: Ledger | None, machine: Machine) -> str:
    """Return in words what a node lacks; empty if it lacks nothing."""
    loan = ledger.loans.get(wish.node) if ledger else None
    if ledger is None or loan is None or not loan.names:
        return f"has no {wish.interface} yet"
    if ledgers.is_foreign(ledger.checkout):
        return f"its ledger belongs to {ledger.checkout}"
    changed = _change(wish, loan, ledger.devices[loan.physical_function])
    if changed:
        return changed
    world = machine.survey()
    node = world.node(wish.node)
    if node is None or node.inode != loan.namespace:
        return "restarted since it got its card"
    if any(world.place(bdf) is None for bdf in loan.names):
        world = machine.survey(everywhere=True)  # it is in a pod, or lost
    astray = [name for bdf, name in loan.names.items() if is_astray(bdf, world, node, machine)]
    return _dislocation(wish, astray, world.place(loan.physical_function)) or (
        "" if udev.is_in_force(ledger, machine.rules) else "the udev rule of its card is gone"
    )


def _change(wish: Wish, loan: Loan, record: Record) -> str:
    """Return in words how the wish differs from the loan."""
    function = pci.read(loan.physical_function)
    count = function.num_vfs if function else None
    if wish.interface not in (record.name, *record.altnames):
        return f"card: {record.name} -> {wish.interface}"
    if {loan.num_vfs, count} != {wish.num_vfs}:
        return f"virtual functions: {count} -> {wish.num_vfs}"
    return ""


def _dislocation(wish: Wish, astray: list[str], card: tuple[Namespace, Link] | None) -> str:
    """Return in words which lent devices are astray, or what the card in the node lacks."""
    if astray or card is None:
        return f"not in it: {', '.join(astray) or wish.interface}"
    return "" if is_dressed(wish, card[1]) else f"{wish.interface} is not up with {wish.address}"


def is_astray(bdf: str, world: World, node: Namespace, machine: Machine) -> bool:
    """Return whether a lent function has to be brought back: it is on the host, in another node, left over, or lost."""
    place, function = world.place(bdf), pci.read(bdf)
    if place is None:
        return function is None or not function.is_passed_through
    namespace = place[0]
    if namespace.host or namespace.node:
        return namespace.inode != node.inode
    return presence.is_abandoned(*place, machine)


def is_dressed(wish: Wish, link: Link) -> bool:
    """Return whether a card is up with the address that is asked for."""
    return link.up and wish.address in inet_addresses(link)


def inet_addresses(link: Link) -> list[str]:
    """Return the IPv4 addresses of an interface, each with its prefix."""
    return [f"{info['local']}/{info['prefixlen']}" for info in link.addresses if info["family"] == "inet"]
