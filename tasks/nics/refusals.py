"""What is never lent, each with one line that says why; decided before anything is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.nics import routes as nics_routes
from tasks.nics import wish as nics_wish
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tasks.engines.host.namespaces import Link, Namespace
    from tasks.engines.host.pci import Function
    from tasks.nics.ledger import Ledger
    from tasks.nics.wish import Wish


def refuse_lifelines(wish: Wish, function: Function, host: Namespace, lifelines: Mapping[str, str]) -> None:
    """Stop if the interface of a card, or of one of its virtual functions, must not leave the host.

    Args:
        wish: What is asked for.
        function: The card.
        host: The host's namespace.
        lifelines: Interfaces that the default route or a TCP connection goes through, each with the reason.

    Raises:
        Problem: It is one of those, a member of a bridge or bond, or other interfaces are built on it.
    """
    for link in host.links:
        reason = hold(link, host, lifelines) if link.bdf in (function.bdf, *function.virtual_functions) else ""
        if reason:
            part = "" if link.bdf == function.bdf else f"its virtual function {link.name}: "
            raise Problem(f"{wish.parameter('interface')}: {wish.interface} is not lent: {part}{reason}")


def hold(link: Link, host: Namespace, lifelines: Mapping[str, str]) -> str:
    """Return why an interface has to stay on the host, or an empty string."""
    if link.master:
        return f"it is a member of {link.master}"
    upper = [other.name for other in host.links if other.under in link.names]
    if upper:
        return f"{', '.join(upper)} is built upon it and would be lost"
    return lifelines.get(link.name, "")


def refuse_routes(wish: Wish, links: Iterable[Link], routes: Sequence[Mapping[str, Any]]) -> None:
    """Stop if a card has a route that could not be restored.

    Args:
        wish: What is asked for.
        links: Interfaces of the card and of its virtual functions on the host.
        routes: The host's routes.

    Raises:
        Problem: It has one.
    """
    for link in links:
        for line in nics_routes.obstacles(link, routes):
            part = "" if link.name == wish.interface else f"{link.name}: "
            raise Problem(
                f"{wish.parameter('interface')}: {wish.interface} is not lent: {part}{line}, which could not be "
                "given back",
                hint="ip route show table all; remove that route, or name another card",
            )


def refuse_unable(wish: Wish, function: Function | None) -> None:
    """Stop if a device cannot have the wanted number of virtual functions.

    Raises:
        Problem: It has no SR-IOV, or can have only fewer.
    """
    where = f"{wish.parameter('interface')}: {wish.interface}"
    if function is None or function.num_vfs is None or not function.total_vfs:
        raise Problem(
            f"{where} has no SR-IOV capability (no sriov_totalvfs)", hint="ls /sys/class/net/*/device/sriov_totalvfs"
        )
    if wish.num_vfs > function.total_vfs:
        raise Problem(f"SRIOV_NUM_VFS: {wish.num_vfs} is more than the {function.total_vfs} that {wish.interface} "
                      f"({function.bdf}) can have (sriov_totalvfs)")  # fmt: skip


def refuse_shared(wish: Wish, bdf: str, others: Mapping[str, str], ledgers: Iterable[Ledger]) -> None:
    """Stop if another worker or another cluster has the card.

    Args:
        wish: What is asked for.
        bdf: Address of its card.
        others: Addresses of the cards that the other workers' parameters name, by the parameter.
        ledgers: The ledgers of all clusters.

    Raises:
        Problem: Somebody else has it.
    """
    where = f"{wish.parameter('interface')}: {wish.interface} ({bdf})"
    for parameter, other in others.items():
        if other == bdf:
            raise Problem(f"{where} is the card of {parameter} too; each worker needs one of its own")
    for ledger in ledgers:
        for node, loan in ledger.loans.items():
            if loan.physical_function == bdf and (ledger.cluster, node) != (wish.cluster, wish.node):
                raise Problem(f"{where} is lent to {node} of cluster {ledger.cluster}",
                              hint=f"CLUSTER_NAME={ledger.cluster} ./doit nics_restore")  # fmt: skip


def refuse_foreign_matches(wish: Wish, function: Function, host: Namespace) -> None:
    """Stop if the expression matches interfaces other than the card and its own virtual functions.

    Raises:
        Problem: It does; the message lists them.
    """
    own = {function.bdf, *function.virtual_functions}
    # A representor belongs to the card and has no PCI address of its own: it is no virtual function to move.
    foreign = [
        link.name
        for link in host.links
        if link.bdf not in own and not link.representor and nics_wish.matches(wish.pattern, link.names)
    ]
    if foreign:
        raise Problem(f"{wish.parameter('pattern')}: {wish.pattern} also matches what does not belong to "
                      f"{wish.interface}: {', '.join(sorted(foreign))}")  # fmt: skip
