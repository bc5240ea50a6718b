"""Records of a card and its virtual functions before they are lent, wherever they are at that time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tasks import progress
from tasks.engines.host import pci
from tasks.nics import ledger, refusals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tasks.engines.host.namespaces import Link, Namespace
    from tasks.nics.ledger import Record
    from tasks.nics.loans import Lending


def of(lending: Lending, card: tuple[Namespace, Link], function: pci.Function) -> tuple[Record, ...]:
    """Return the records of a card and of the virtual functions that it already has.

    Args:
        lending: What is asked for, and what is known about the machine.
        card: Where the card's interface is, and the interface.
        function: The card.

    Raises:
        Problem: One has a route that could not be given back.
    """
    place, link = card
    routes = lending.machine.routes()
    found = [(pci.read(bdf), lending.world.place(bdf)) for bdf in function.virtual_functions]
    at_home = [where[1] for where in (card, *(where for _, where in found if where)) if where[0].host]
    refusals.refuse_routes(lending.wish, at_home, routes)
    virtual = [_record(one, where, routes, place) for one, where in found if one]
    if place.host:
        return ledger.capture(function, link, routes), *virtual
    # Another tool moved it in: its state on the host is unknown, except for what a move does not change.
    progress.line(f"{link.name} is in {place.node} already, moved by something else: it will go back without addresses")
    return tuple(_bare(record) for record in (ledger.capture(function, link), *virtual))


def _record(
    function: pci.Function, where: tuple[Namespace, Link] | None, routes: Sequence[Mapping[str, Any]], card: Namespace
) -> Record:
    """Return the record of a virtual function; if its card is on the host, one in a container will stay there."""
    if where is None or where[0].host:
        return ledger.capture(function, where[1] if where else None, routes)
    return ledger.capture(function, where[1], (), ledger.ELSEWHERE if card.host else ledger.HOST)


def _bare(record: Record) -> Record:
    return replace(record, up=False, addresses=(), routes=())
