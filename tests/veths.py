"""A veth in a card's place: what moves into a node and out again, by the tool's own steps."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tasks.engines.host import namespaces
from tasks.engines.programs import shell
from tasks.nics import steps

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def veth(name: str, peer: str) -> Iterator[str]:
    """Have a pair of interfaces on the host; it goes with its peer, wherever the first one is."""
    shell.run(["ip", "link", "add", name, "type", "veth", "peer", "name", peer])
    try:
        yield name
    finally:
        shell.run(["ip", "link", "del", peer], check=False)


def move_in(name: str, node: str, process: int) -> None:
    """Move an interface of the host into a node.

    Args:
        name: The interface.
        node: Name of the node.
        process: The node's main process.
    """
    world = namespaces.survey({node: process})
    inside, link = world.node(node), world.host.named(name)
    assert inside is not None
    assert link is not None
    namespaces.change(world, steps.move(link, world.host, inside))


def move_out(name: str, node: str, process: int) -> None:
    """Move it back to the host, where it has to arrive; the arguments are those of `move_in`."""
    world = namespaces.survey({node: process})
    assert world.host.named(name) is None
    inside = world.node(node)
    assert inside is not None
    link = inside.named(name)
    assert link is not None
    namespaces.change(world, steps.move(link, inside, world.host))
    assert namespaces.survey().host.named(name) is not None
