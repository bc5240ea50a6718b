"""A card on its way to a node: the one value that the steps of lending pass on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tasks.problems import Problem

if TYPE_CHECKING:
    from tasks.engines.host.namespaces import Namespace, World
    from tasks.nics.ledger import Ledger
    from tasks.nics.machine import Machine
    from tasks.nics.wish import Wish


@dataclass(frozen=True)
class Lending:
    """A card on its way to a node; each step returns its new state.

    Attributes:
        wish: What is asked for.
        world: Every namespace, as last seen.
        ledger: What the cluster has borrowed so far.
        machine: The machine, with a process of each node.
    """

    wish: Wish
    world: World
    ledger: Ledger
    machine: Machine

    @property
    def node(self) -> Namespace:
        """The namespace of the node.

        Raises:
            Problem: Its container does not run.
        """
        node = self.world.node(self.wish.node)
        if node is None:
            raise Problem(f"{self.wish.node}: its container does not run", hint="./doit create_cluster")
        return node

    def seen(self, world: World) -> Lending:
        """Return it after another look at the machine."""
        return replace(self, world=world)

    def noted(self, ledger: Ledger) -> Lending:
        """Return it with another ledger."""
        return replace(self, ledger=ledger)
