"""Lends a card with its virtual functions to a node.

Each phase looks at the machine first and changes only what differs. So a run after a crash continues where the other
one stopped. A device is identified by its PCI address; its name is for the user.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tasks import progress
from tasks.engines.files import ledgers
from tasks.engines.host import pci
from tasks.nics import condition, presence, refusals, udev
from tasks.nics import ledger as nics_ledger
from tasks.nics import records as nics_records
from tasks.nics import steps as nics_steps
from tasks.nics import wish as nics_wish
from tasks.nics.ledger import Loan
from tasks.nics.loans import Lending
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.engines.host.namespaces import Link, Namespace, World
    from tasks.nics.ledger import Record
    from tasks.nics.machine import Machine
    from tasks.nics.wish import Wish

RESTORE = "./doit nics_restore"


def lend_to(wish: Wish, others: Sequence[Wish], machine: Machine) -> None:
    """Lend a card.

    Args:
        wish: What is asked for.
        others: What is asked for the other workers: they must not name the same card.
        machine: The machine, with a process of each node.

    Raises:
        Problem: It must not be lent, and nothing was changed; or a step failed, and the ledger has the way back.
    """
    nics_ledger.refuse_foreign(wish.cluster)
    world = machine.survey(everywhere=True)
    ledger = nics_ledger.load(wish.cluster) or nics_ledger.fresh(wish.cluster)
    lending = Lending(wish, world, ledger, machine)
    card = find_card(lending)
    function = require_lendable(lending, card, others)
    lending = _record_loan(lending, card, function)
    lending = _make_functions(lending, function.bdf)
    lending = _record_names(lending, function.bdf)
    _move_in(lending)
    _dress(lending)


def find_card(lending: Lending) -> tuple[Namespace, Link]:
    """Return where the physical function is, and its interface.

    A lent one is found through the ledger, another one by its name: first on the host and in the node, then elsewhere.

    Raises:
        Problem: It is not found, or another one is lent.
    """
    wish, world = lending.wish, lending.world
    ours = (world.host, lending.node)
    loan = lending.ledger.loans.get(wish.node)
    if loan is not None:
        return _lent_card(wish, world, lending.ledger.devices[loan.physical_function])
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


def require_lendable(lending: Lending, card: tuple[Namespace, Link], others: Sequence[Wish]) -> pci.Function:
    """Return the card's function, if there is no reason to refuse it.

    Args:
        lending: What is asked for, and what is known about the machine.
        card: Where the card's interface is, and the interface.
        others: What is asked for the other workers.

    Raises:
        Problem: It must not be lent.
    """
    wish, (place, link) = lending.wish, card
    function = _require_free(lending, link, others)
    if not place.host and place.node != wish.node:
        where = presence.where(place, lending.machine.pods)
        raise Problem(
            f"{wish.parameter('interface')}: {wish.interface} is {where}, not on the host",
            hint=RESTORE,
        )
    if function.num_vfs != wish.num_vfs:
        refuse_held(lending, function)
    return function


def objection(wish: Wish, others: Sequence[Wish], machine: Machine) -> str:
    """Return why a card that is on the host will not be lent, or an empty string; no node has to be there.

    Args:
        wish: What is asked for.
        others: What is asked for the other workers.
        machine: The machine.
    """
    world = machine.survey()
    link = world.host.named(wish.interface)
    if link is None:
        return ""
    lending = Lending(wish, world, nics_ledger.load(wish.cluster) or nics_ledger.fresh(wish.cluster), machine)
    try:
        nics_ledger.refuse_foreign(wish.cluster)
        function = _require_free(lending, link, others)
        own = {function.bdf, *function.virtual_functions}
        refusals.refuse_routes(wish, [one for one in world.host.links if one.bdf in own], machine.routes())
    except Problem as refused:
        return refused.message
    return ""


def _require_free(lending: Lending, link: Link, others: Sequence[Wish]) -> pci.Function:
    """Return a card's function, if nobody on the host or in another cluster needs it.

    Raises:
        Problem: Somebody does, or it cannot have the virtual functions.
    """
    wish, host = lending.wish, lending.world.host
    function = pci.read(link.bdf) if link.bdf else None
    refusals.refuse_unable(wish, function)
    assert function is not None  # noqa: S101 - refused above
    refusals.refuse_lifelines(wish, function, host, lending.machine.lifelines())
    cards = {other.parameter("interface"): _card_of(other, lending) for other in others}
    refusals.refuse_shared(wish, function.bdf, cards, nics_ledger.all_ledgers())
    refusals.refuse_foreign_matches(wish, function, host)
    return function


def _card_of(wish: Wish, lending: Lending) -> str:
    """Return the PCI address of the card that another worker's parameter names, or an empty string."""
    recorded = (
        record for record in lending.ledger.devices.values() if wish.interface in (record.name, *record.altnames)
    )
    lent = next((record.bdf for record in recorded), "")
    found = lending.world.host.named(wish.interface)
    return lent or (found.bdf if found else "")


def refuse_held(lending: Lending, function: pci.Function) -> None:
    """Stop if a virtual function is in use: a change of their number removes them all.

    Raises:
        Problem: One is in use.
    """
    for bdf in function.virtual_functions:
        held = _use(bdf, lending)
        if held:
            raise Problem(
                f"SRIOV_NUM_VFS: {function.num_vfs} cannot become {lending.wish.num_vfs} while {held}",
                hint="delete what uses it: a dataflow, a container or a virtual machine",
            )


def _use(bdf: str, lending: Lending) -> str:
    """Return in words what uses a virtual function, or an empty string if nothing does."""
    place, function = lending.world.place(bdf), pci.read(bdf)
    if place and place[0] not in (lending.world.host, lending.node):
        return f"{place[1].name} ({bdf}) is {presence.where(place[0], lending.machine.pods)}"
    # The kernel waits forever for a function that a virtual machine has.
    return f"{bdf} has the driver {function.driver}" if function and function.is_passed_through else ""


def _record_loan(lending: Lending, card: tuple[Namespace, Link], function: pci.Function) -> Lending:
    """Write the loan to disk before anything is changed, then keep other programs away from the devices."""
    wish, node, ledger = lending.wish, lending.node, lending.ledger
    earlier = ledger.loans.get(wish.node)
    kept = earlier.names if earlier and earlier.num_vfs == wish.num_vfs == function.num_vfs else {}
    if earlier and earlier.namespace != node.inode:
        restarted = wish.node if ledger.boot == ledgers.boot() else "the machine"
        progress.line(f"{restarted} restarted since {wish.node} got {wish.interface}: moving its devices in again")
    records = () if earlier else nics_records.of(lending, card, function)
    current = replace(ledger, boot=ledgers.boot(), checkout=ledgers.here())
    written = current.with_loan(wish.node, Loan(function.bdf, wish.num_vfs, node.inode, kept), records)
    if written != ledger:
        nics_ledger.save(written)
    udev.enforce(written, lending.machine.rules)
    return lending.noted(written)


def _make_functions(lending: Lending, bdf: str) -> Lending:
    """Create a card's virtual functions, and wait until each has an interface."""
    function, wish = presence.present(bdf), lending.wish
    if function.num_vfs != wish.num_vfs:
        progress.step(f"{wish.interface}: making {wish.num_vfs} virtual functions")
        lending.machine.change(lending.world, nics_steps.set_count(bdf, function.num_vfs or 0, wish.num_vfs))
    return lending.seen(presence.wait_for_interfaces(presence.present(bdf).virtual_functions, lending.machine))


def _record_names(lending: Lending, bdf: str) -> Lending:
    """Record the names of what will be moved: the card and the functions that the expression matches."""
    function, wish, ledger = presence.present(bdf), lending.wish, lending.ledger
    refusals.refuse_foreign_matches(wish, function, lending.world.host)
    loan = ledger.loans[wish.node]
    if loan.names:
        return lending
    links = [place[1] for place in map(lending.world.place, function.virtual_functions) if place]
    chosen = {link.bdf: link.name for link in links if nics_wish.matches(wish.pattern, link.names)}
    if not chosen:
        raise Problem(f"{wish.parameter('pattern')}: {wish.pattern} matches none of the virtual functions of "
                      f"{wish.interface}: {', '.join(link.name for link in links)}")  # fmt: skip
    card = {bdf: ledger.devices[bdf].name}
    named = ledger.with_loan(wish.node, replace(loan, names={**card, **chosen}))
    nics_ledger.save(named)
    return lending.noted(named)


def _move_in(lending: Lending) -> None:
    """Move what is astray into the node; what a pod holds stays with the pod."""
    wish, world, node, machine = lending.wish, lending.world, lending.node, lending.machine
    steps = []
    for bdf, name in lending.ledger.loans[wish.node].names.items():
        place = world.place(bdf)
        if place and condition.is_astray(bdf, world, node, machine):
            _refuse_taken(node, bdf, name)
            steps += nics_steps.move(place[1], place[0], node)
        elif place and place[0].inode != node.inode:
            progress.line(f"{name} ({bdf}) stays {presence.where(place[0], machine.pods)}")
    if steps:
        progress.step(f"moving {wish.interface} and its virtual functions into {wish.node}")
        machine.change(world, steps)


def _refuse_taken(node: Namespace, bdf: str, name: str) -> None:
    holder = node.named(name)
    if holder is not None and holder.bdf != bdf:
        raise Problem(f"{node.node}: has an interface {name} already, so {bdf} cannot be moved in", hint=RESTORE)


def _dress(lending: Lending) -> None:
    """Inside the node, give each interface its name, make the wanted address the card's only one, and bring it up."""
    wish, machine, arrived = lending.wish, lending.machine, lending.seen(lending.machine.survey())
    world, node = arrived.world, arrived.node
    loan = lending.ledger.loans[wish.node]
    machine.change(world, [step for link in node.links if link.bdf in loan.names
                           for step in nics_steps.take_name(link, node.inode, loan.names[link.bdf])])  # fmt: skip
    place = world.place(loan.physical_function)
    if place is None or place[0].inode != node.inode:
        raise Problem(f"{wish.interface}: did not arrive in {wish.node}", hint="run the same command again")
    if not condition.is_dressed(wish, place[1]):
        surplus = [address for address in condition.inet_addresses(place[1]) if address != wish.address]
        name = loan.names[loan.physical_function]
        machine.change(world, [
            *(nics_steps.ip(node.inode, "address", "del", address, "dev", name) for address in surplus),
            nics_steps.ip(node.inode, "address", "replace", wish.address, "broadcast", "+", "dev", name),
            nics_steps.ip(node.inode, "link", "set", "dev", name, "up"),
        ])  # fmt: skip
