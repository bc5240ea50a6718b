"""Lends a card with its virtual functions to a node, and notices whether it still is.

The world is looked at before every phase and only what differs is changed, so that a run after a crash at any point
goes on where the other one stopped. A device is known by its PCI address; its name is what a user reads.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tasks import progress, reasons
from tasks.engines.files import ledgers
from tasks.engines.host import namespaces as engine
from tasks.engines.host import pci
from tasks.nics import ledger as nics_ledger
from tasks.nics import presence, refusals, udev
from tasks.nics import records as nics_records
from tasks.nics import steps as nics_steps
from tasks.nics import wish as nics_wish
from tasks.nics.ledger import Loan
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tasks.engines.host.namespaces import Link, Namespace, World
    from tasks.nics.ledger import Ledger, Record
    from tasks.nics.wish import Wish

RESTORE = "./doit nics_restore"


def lend_to(wish: Wish, others: Sequence[Wish], processes: Mapping[str, int]) -> None:
    """Lend a card.

    Args:
        wish: What is asked for.
        others: What is asked for the other workers: they must not name the same card.
        processes: A process of each node, by the node's name.

    Raises:
        Problem: It must not be lent, and nothing was touched; or a step failed, and the ledger knows the way back.
    """
    nics_ledger.refuse_foreign(wish.cluster)
    world = engine.survey(processes, everywhere=True)
    node = _node_of(wish, world)
    ledger = nics_ledger.load(wish.cluster)
    card = _find_card(wish, world, ledger)
    function = _checked(wish, card, others, world, ledger)
    ledger = _written(wish, card, function, node, world, ledger or nics_ledger.fresh(wish.cluster))
    world = _with_functions(wish, function.bdf, world, processes)
    ledger = _named(wish, function.bdf, world, ledger)
    _move_in(wish, ledger, world)
    _dress(wish, ledger, processes)


def is_lent_to(wish: Wish, processes: Mapping[str, int]) -> bool:
    """Return whether a node has what is asked for it; looks into the host's and the nodes' namespaces only."""
    lack = _lack(wish, processes)
    return reasons.unless(not lack, f"{wish.node}: {lack}")


def _lack(wish: Wish, processes: Mapping[str, int]) -> str:
    """Return what a node lacks of what is asked for it, in words; empty where it lacks nothing."""
    ledger = nics_ledger.load(wish.cluster)
    loan = ledger.loans.get(wish.node) if ledger else None
    if ledger is None or loan is None or not loan.names:
        return f"has no {wish.interface} yet"
    if ledgers.is_foreign(ledger.checkout):
        return f"its ledger is of {ledger.checkout}"
    changed = _changed(wish, loan, ledger.devices[loan.physical_function])
    if changed:
        return changed
    world = engine.survey(processes)
    node = world.node(wish.node)
    if node is None or node.inode != loan.namespace:
        return "restarted since it got its card"
    if any(world.place(bdf) is None for bdf in loan.names):
        world = engine.survey(processes, everywhere=True)  # it is in a pod, or lost
    return _astray(wish, loan, world, node) or ("" if udev.in_force(ledger) else "the udev rule of its card is gone")


def _changed(wish: Wish, loan: Loan, record: Record) -> str:
    function = pci.read(loan.physical_function)
    count = function.num_vfs if function else None
    if wish.interface not in (record.name, *record.altnames):
        return f"card: {record.name} -> {wish.interface}"
    if {loan.num_vfs, count} != {wish.num_vfs}:
        return f"virtual functions: {count} -> {wish.num_vfs}"
    return ""


def _astray(wish: Wish, loan: Loan, world: World, node: Namespace) -> str:
    """Return what of a loan is neither in its node nor with a pod."""
    card = world.place(loan.physical_function)
    astray = [name for bdf, name in loan.names.items() if _is_astray(bdf, world, node)]
    if astray or card is None:
        return f"not in it: {', '.join(astray) or wish.interface}"
    return "" if _is_dressed(wish, card[1]) else f"{wish.interface} is not up with {wish.address}"


def _is_astray(bdf: str, world: World, node: Namespace) -> bool:
    """Return whether a lent function has to be brought back: it is on the host, in another node, left over, or lost."""
    place, function = world.place(bdf), pci.read(bdf)
    if place is None:
        return function is None or not function.passed_through
    namespace = place[0]
    if namespace.host or namespace.node:
        return namespace.inode != node.inode
    return presence.is_abandoned(*place)


def _is_dressed(wish: Wish, link: Link) -> bool:
    return link.up and wish.address in _inet_addresses(link)


def _inet_addresses(link: Link) -> list[str]:
    return [f"{info['local']}/{info['prefixlen']}" for info in link.addresses if info["family"] == "inet"]


def _node_of(wish: Wish, world: World) -> Namespace:
    node = world.node(wish.node)
    if node is None:
        raise Problem(f"{wish.node}: its container does not run", hint="./doit create_cluster")
    return node


def _find_card(wish: Wish, world: World, ledger: Ledger | None) -> tuple[Namespace, Link]:
    """Return where the physical function is: as the ledger knows it, else by its name, in its place before others."""
    loan = ledger.loans.get(wish.node) if ledger else None
    if ledger is not None and loan is not None:
        return _lent_card(wish, world, ledger.devices[loan.physical_function])
    ours = (world.host, _node_of(wish, world))
    for namespace in (*ours, *world.namespaces):
        link = namespace.named(wish.interface)
        if link is not None and (link.bdf or namespace in ours):
            return namespace, link
    able = [link.name for link in world.host.links if _is_able(link)]
    offer = f"cards with SR-IOV here: {', '.join(able)}" if able else "this machine has no card with SR-IOV"
    raise Problem(f"{wish.parameter('interface')}: {wish.interface} is not there; {offer}",
                  hint="ip -brief link; then set it in .env")  # fmt: skip


def _is_able(link: Link) -> bool:
    function = pci.read(link.bdf) if link.bdf else None
    return function is not None and function.total_vfs > 0


def _lent_card(wish: Wish, world: World, record: Record) -> tuple[Namespace, Link]:
    if wish.interface not in (record.name, *record.altnames):
        raise Problem(
            f"{wish.parameter('interface')}: is {wish.interface}, but {wish.node} has {record.name}", hint=RESTORE
        )
    presence.refuse_other_card(record)
    place = world.place(record.bdf)
    if place is None:
        raise Problem(f"{record.name} ({record.bdf}): its interface is in no namespace that can be seen",
                      hint="sudo dmesg | tail; then ./doit nics_status")  # fmt: skip
    return place


def _checked(
    wish: Wish, card: tuple[Namespace, Link], others: Sequence[Wish], world: World, ledger: Ledger | None
) -> pci.Function:
    """Return the card's function after every reason to refuse it was looked for."""
    place, link = card
    function = pci.read(link.bdf) if link.bdf else None
    refusals.refuse_unable(wish, function)
    assert function is not None  # noqa: S101 - refused above
    refusals.refuse_lifelines(wish, function, world.host, engine.lifelines())
    cards = {other.parameter("interface"): _card_of(other, world, ledger) for other in others}
    refusals.refuse_shared(wish, function.bdf, cards, nics_ledger.all_ledgers())
    if not place.host and place.node != wish.node:
        raise Problem(
            f"{wish.parameter('interface')}: {wish.interface} is {presence.where(place)}, not on the host",
            hint=RESTORE,
        )
    refusals.refuse_foreign_matches(wish, function, world.host)
    if function.num_vfs != wish.num_vfs:
        _refuse_held(wish, function, world)
    return function


def _card_of(wish: Wish, world: World, ledger: Ledger | None) -> str:
    """Return the PCI address of the card that another worker's parameter names, or an empty string."""
    recorded = (
        record
        for record in (ledger.devices.values() if ledger else ())
        if wish.interface in (record.name, *record.altnames)
    )
    lent = next((record.bdf for record in recorded), "")
    found = world.host.named(wish.interface)
    return lent or (found.bdf if found else "")


def _refuse_held(wish: Wish, function: pci.Function, world: World) -> None:
    """Refuse another count of virtual functions while one is in use: changing it ends them all."""
    for bdf in function.virtual_functions:
        held = _use(wish, bdf, world)
        if held:
            raise Problem(
                f"SRIOV_NUM_VFS: {function.num_vfs} cannot become {wish.num_vfs} while {held}",
                hint="delete what uses it: a dataflow, a container or a virtual machine",
            )


def _use(wish: Wish, bdf: str, world: World) -> str:
    """Return in words what uses a virtual function, or an empty string where nothing does."""
    place, function = world.place(bdf), pci.read(bdf)
    if place and place[0] not in (world.host, world.node(wish.node)):
        return f"{place[1].name} ({bdf}) is {presence.where(place[0])}"
    # The kernel waits without end for a function that a virtual machine has.
    return f"{bdf} has the driver {function.driver}" if function and function.passed_through else ""


def _written(  # noqa: PLR0913, PLR0917 - the facts of one line in the ledger
    wish: Wish, card: tuple[Namespace, Link], function: pci.Function, node: Namespace, world: World, ledger: Ledger
) -> Ledger:
    """Return the ledger with this loan, on the disk before anything is touched; then others are kept away."""
    earlier = ledger.loans.get(wish.node)
    kept = earlier.names if earlier and earlier.num_vfs == wish.num_vfs == function.num_vfs else {}
    if earlier and earlier.namespace != node.inode:
        restarted = wish.node if ledger.boot == ledgers.boot() else "the machine"
        progress.line(f"{restarted} restarted since {wish.node} got {wish.interface}: moving its devices in again")
    records = () if earlier else nics_records.of(wish, card, function, world)
    current = replace(ledger, boot=ledgers.boot(), checkout=ledgers.here())
    written = current.with_loan(wish.node, Loan(function.bdf, wish.num_vfs, node.inode, kept), records)
    if written != ledger:
        nics_ledger.save(written)
    udev.enforce(written)
    return written


def _with_functions(wish: Wish, bdf: str, world: World, processes: Mapping[str, int]) -> World:
    """Return the world in which a card has its virtual functions, each with an interface."""
    function = presence.present(bdf)
    if function.num_vfs != wish.num_vfs:
        progress.step(f"{wish.interface}: making {wish.num_vfs} virtual functions")
        engine.change(world, nics_steps.set_count(bdf, function.num_vfs or 0, wish.num_vfs))
    return presence.wait_for_interfaces(presence.present(bdf).virtual_functions, processes)


def _named(wish: Wish, bdf: str, world: World, ledger: Ledger) -> Ledger:
    """Return the ledger with the names of what will be moved: the card and those functions the expression matches."""
    function = presence.present(bdf)
    refusals.refuse_foreign_matches(wish, function, world.host)
    loan = ledger.loans[wish.node]
    if not loan.names:
        links = [place[1] for place in map(world.place, function.virtual_functions) if place]
        chosen = {link.bdf: link.name for link in links if nics_wish.matches(wish, link)}
        if not chosen:
            raise Problem(f"{wish.parameter('pattern')}: {wish.pattern} matches none of the virtual functions of "
                          f"{wish.interface}: {', '.join(link.name for link in links)}")  # fmt: skip
        card = {bdf: ledger.devices[bdf].name}
        loan = replace(loan, names={**card, **chosen})
        ledger = ledger.with_loan(wish.node, loan)
        nics_ledger.save(ledger)
    return ledger


def _move_in(wish: Wish, ledger: Ledger, world: World) -> None:
    """Move what is astray into the node; what a pod holds stays there."""
    node = _node_of(wish, world)
    steps = []
    for bdf, name in ledger.loans[wish.node].names.items():
        place = world.place(bdf)
        if place and _is_astray(bdf, world, node):
            _refuse_taken(node, bdf, name)
            steps += nics_steps.move(place[1], place[0], node)
        elif place and place[0].inode != node.inode:
            progress.line(f"{name} ({bdf}) stays {presence.where(place[0])}")
    if steps:
        progress.step(f"moving {wish.interface} and its virtual functions into {wish.node}")
        engine.change(world, steps)


def _refuse_taken(node: Namespace, bdf: str, name: str) -> None:
    holder = node.named(name)
    if holder is not None and holder.bdf != bdf:
        raise Problem(f"{node.node}: has an interface {name} already, so {bdf} cannot be moved in", hint=RESTORE)


def _dress(wish: Wish, ledger: Ledger, processes: Mapping[str, int]) -> None:
    """Inside the node, give everything its name, and the card its address, this one only, and switch it on."""
    world = engine.survey(processes)
    node = _node_of(wish, world)
    loan = ledger.loans[wish.node]
    engine.change(world, [step for link in node.links if link.bdf in loan.names
                          for step in nics_steps.take_name(link, node.inode, loan.names[link.bdf])])  # fmt: skip
    place = world.place(loan.physical_function)
    if place is None or place[0].inode != node.inode:
        raise Problem(f"{wish.interface}: did not arrive in {wish.node}", hint="run the same command again")
    if not _is_dressed(wish, place[1]):
        surplus = [address for address in _inet_addresses(place[1]) if address != wish.address]
        name = loan.names[loan.physical_function]
        engine.change(world, [
            *(nics_steps.ip(node.inode, "address", "del", address, "dev", name) for address in surplus),
            nics_steps.ip(node.inode, "address", "replace", wish.address, "broadcast", "+", "dev", name),
            nics_steps.ip(node.inode, "link", "set", "dev", name, "up"),
        ])  # fmt: skip
