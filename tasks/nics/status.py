"""Where each card and virtual function is at this moment."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from tasks import progress
from tasks.engines.host import namespaces as engine
from tasks.engines.host import pci
from tasks.nics import ledger as nics_ledger
from tasks.nics import pods as nics_pods
from tasks.nics import presence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tasks.engines.host.namespaces import World
    from tasks.nics.wish import Wish

_ABSENT = "in no namespace that can be seen"


@dataclass(frozen=True)
class Row:
    """One function of a card.

    Attributes:
        device: Its PCI address.
        role: `PF`, or `VF` with its number.
        name: Name of its interface where it is.
        place: In words, where that is.
        lent_to: The node that it is lent to, or an empty string.
        original: Name of its interface before it was lent, where that is known.
    """

    device: str
    role: str
    name: str
    place: str
    lent_to: str
    original: str


def rows(wishes: Sequence[Wish], processes: Mapping[str, int]) -> list[Row]:
    """Return a row for each function of the cards that are lent or asked for.

    Args:
        wishes: What the parameters ask for.
        processes: A process of each node that runs, by the node's name.
    """
    world = engine.survey(processes, everywhere=True)
    cluster = wishes[0].cluster
    return [row for card, node in _cards(wishes, world).items() for row in _of_card(card, node, cluster, world)]


def table(found: Sequence[Row]) -> str:
    """Return the rows as aligned columns."""
    head = Row("DEVICE", "ROLE", "NAME", "PLACE", "LENT TO", "ORIGINAL NAME")
    return progress.table([list(asdict(row).values()) for row in (head, *found)])


def _cards(wishes: Sequence[Wish], world: World) -> dict[str, str]:
    """Return the node that each card is lent to, by the card's PCI address; those that are only asked for, too."""
    ledger = nics_ledger.load(wishes[0].cluster)
    lent = {loan.physical_function: node for node, loan in (ledger.loans.items() if ledger else ())}
    named = (world.host.named(wish.interface) for wish in wishes)
    return lent | {link.bdf: "" for link in named if link and link.bdf and link.bdf not in lent}


def _of_card(card: str, node: str, cluster: str, world: World) -> Iterator[Row]:
    function = pci.read(card)
    ledger = nics_ledger.load(cluster)
    loan = ledger.loans.get(node) if ledger else None
    pods = nics_pods.names() if any(namespace.pod for namespace in world.namespaces) else {}
    own = (card, *(function.virtual_functions if function else ()))
    for number, bdf in enumerate(own):
        place = world.place(bdf)
        record = ledger.devices.get(bdf) if ledger else None
        yield Row(
            device=bdf,
            role=f"VF {number - 1}" if number else "PF",
            name=place[1].name if place else "-",
            place=presence.where(place[0], pods) if place else _ABSENT,
            lent_to=node if loan and bdf in loan.names else "",
            original=record.name if record else "",
        )
