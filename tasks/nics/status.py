"""Where each card and virtual function is at this moment."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from tasks import progress
from tasks.engines.host import pci
from tasks.nics import emulated, presence
from tasks.nics import ledger as nics_ledger

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tasks.engines.host.namespaces import World
    from tasks.nics.ledger import Ledger
    from tasks.nics.machine import Machine
    from tasks.nics.wish import Wish

_ABSENT = "in no namespace that can be seen"


@dataclass(frozen=True)
class Row:
    """One function of a card.

    Attributes:
        device: Its PCI address; `emulated` for an emulated one, which has none.
        role: `PF`, or `VF` with its number.
        name: Present name of its interface.
        place: Where it is, in words.
        lent_to: The node that it is lent to, or an empty string.
        original: Name of its interface before it was lent, if that is known.
    """

    device: str
    role: str
    name: str
    place: str
    lent_to: str
    original: str


@dataclass(frozen=True)
class _Look:
    """The machine as it is at this moment."""

    world: World
    ledger: Ledger | None
    pods: Mapping[str, str]


def rows(wishes: Sequence[Wish], machine: Machine) -> list[Row]:
    """Return a row for each function of the cards that are lent or asked for.

    Args:
        wishes: What the parameters ask for.
        machine: The machine, with the nodes that run.
    """
    world = machine.survey(everywhere=True)
    ledger = nics_ledger.load(wishes[0].cluster)
    cards = _cards(wishes, world, ledger)
    look = _Look(world, ledger, machine.pods() if any(namespace.pod for namespace in world.namespaces) else {})
    return [row for card, node in cards.items() for row in _rows_of(card, node, look)]


def emulated_rows(wishes: Sequence[Wish]) -> list[Row]:
    """Return a row for each worker's emulated card; none if the cluster has no such cards.

    Args:
        wishes: What the parameters ask for.

    Raises:
        Problem: A node does not answer.
    """
    return [
        Row(
            device="emulated",
            role="PF",
            name=wish.interface,
            place=emulated.place(wish),
            lent_to=wish.node,
            original="",
        )
        for wish in wishes
        if emulated.has_card(wish.node, wish.cluster)
    ]


def table(found: Sequence[Row]) -> str:
    """Return the rows as aligned columns."""
    head = Row("DEVICE", "ROLE", "NAME", "PLACE", "LENT TO", "ORIGINAL NAME")
    return progress.table([list(asdict(row).values()) for row in (head, *found)])


def _cards(wishes: Sequence[Wish], world: World, ledger: Ledger | None) -> dict[str, str]:
    """Return the node that each card is lent to, by PCI address; an empty string for cards that are only asked for."""
    lent = {loan.physical_function: node for node, loan in (ledger.loans.items() if ledger else ())}
    named = (world.host.named(wish.interface) for wish in wishes)
    return lent | {link.bdf: "" for link in named if link and link.bdf and link.bdf not in lent}


def _rows_of(card: str, node: str, look: _Look) -> Iterator[Row]:
    function = pci.read(card)
    ledger = look.ledger
    loan = ledger.loans.get(node) if ledger else None
    own = (card, *(function.virtual_functions if function else ()))
    for number, bdf in enumerate(own):
        place = look.world.place(bdf)
        record = ledger.devices.get(bdf) if ledger else None
        yield Row(
            device=bdf,
            role=f"VF {number - 1}" if number else "PF",
            name=place[1].name if place else "-",
            place=presence.where(place[0], lambda: look.pods) if place else _ABSENT,
            lent_to=node if loan and bdf in loan.names else "",
            original=record.name if record else "",
        )
