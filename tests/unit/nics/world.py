"""What the tests of lending share: wishes for the recorded card, records and ledgers of it, and a machine."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tasks.engines.host import pci
from tasks.engines.host.namespaces import Link, Namespace, World
from tasks.nics import ledger as nics_ledger
from tasks.nics import machine
from tasks.nics.ledger import Ledger, Loan, Record
from tasks.nics.loans import Lending
from tasks.nics.wish import Wish
from tasks.problems import Problem
from tasks.settings import nics as settings
from tests.unit.connectx5 import card
from tests.unit.connectx5.card import HOST, LEFT, NODE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tasks.nics.steps import Step

WISH = Wish(settings.BY_TASK["kind-worker"], "kind", "ens9f0np0", "ens9f0.*", "192.168.20.2/24", 8)
OTHER = Wish(settings.BY_TASK["kind-worker2"], "kind", "ens9f1np1", "ens9f1.*", "192.168.20.3/24", 8)
NOWHERE = Path("/nonexistent/udev/rules.d")


@dataclass(frozen=True)
class Machine(machine.Machine):
    """A machine as a test describes it; it keeps the steps that it was given and changes nothing.

    Attributes:
        found: Its namespaces; None if it must not be looked at.
        held: Its lifelines, each with the reason.
        named: Names of pods by their UID.
        holders: Pods by the function that they have; None if no cluster answers.
        stuck: The interface that cannot be moved.
        orders: The steps that it was given.
    """

    rules: Path = NOWHERE
    found: World | None = None
    held: Mapping[str, str] = field(default_factory=dict)
    named: Mapping[str, str] = field(default_factory=dict)
    holders: Mapping[str, str] | None = None
    stuck: str = ""
    orders: list[Step] = field(default_factory=list)

    def survey(self, *, everywhere: bool = False) -> World:
        """Return the namespaces of the host and the node, or all of them with `everywhere`."""
        if self.found is None:
            pytest.fail("it was looked at")
        return self.found if everywhere else World(self.found.namespaces[:2])

    def own_namespace(self) -> Namespace:
        return self.survey().host

    def change(self, world: World, steps: Sequence[Mapping[str, Any]]) -> None:
        if self.stuck and any(self.stuck in step.get("ip", ()) for step in steps):
            raise Problem(f"ip link set dev {self.stuck}: RTNETLINK answers: Device or resource busy")
        self.orders.extend(map(dict, steps))

    def settle(self) -> None:
        pass

    def routes(self) -> tuple[Mapping[str, Any], ...]:
        return ()

    def lifelines(self) -> Mapping[str, str]:
        return self.held

    def pods(self) -> Mapping[str, str]:
        return self.named

    def holder(self, link: Link) -> str:
        if self.holders is None:
            raise Problem("the API does not answer")
        return self.holders.get(link.bdf, "")


def lending(wish: Wish = WISH, world: World | None = None, ledger: Ledger | None = None, **facts: Any) -> Lending:
    """Return a card on its way, on a machine as `facts` describe it."""
    there = world or card.world()
    return Lending(wish, there, ledger or nics_ledger.fresh(wish.cluster), Machine(found=there, **facts))


def function(bdf: str) -> pci.Function:
    found = pci.read(bdf)
    assert found is not None
    return found


def link(name: str, /, **changes: Any) -> Link:
    """Return a recorded interface of the host with some fields changed."""
    found = card.world().host.named(name)
    assert found is not None
    return replace(found, **changes)


def record(name: str, /, **changes: Any) -> Record:
    """Return what the ledger would hold of a recorded interface."""
    there = link(name)
    made = Record(
        bdf=there.bdf, identity="15b3:1019", permanent_mac=there.mac, namespace="host", name=there.name,
        altnames=there.altnames, mac=there.mac, mtu=there.mtu, up=there.up, driver="mlx5_core", num_vfs=8,
        physical_function="", addresses=(), routes=(), vf_settings=there.vf_settings,
    )  # fmt: skip
    return replace(made, **changes)


def lent(**changes: Any) -> Ledger:
    """Return the ledger of the left card, lent with all its functions."""
    names = {link.bdf: link.name for link in card.world().host.links if link.name.startswith("ens9f0")}
    loan = replace(Loan(LEFT, 8, NODE, names), **changes)
    return Ledger("kind", "boot", {LEFT: record("ens9f0np0")}, {"kind-worker": loan})


def in_node(found: dict[str, Any]) -> int:
    """Return the namespace of an interface if the left card is in its node."""
    return NODE if found["ifname"].startswith("ens9f0") else HOST


def extra(name: str, **fields: Any) -> Namespace:
    """Return the host with one more interface."""
    return replace(card.world().host, links=(*card.world().host.links, Link(name, **fields)))


def words(steps: list[Step]) -> list[str]:
    """Return what each step runs or writes, as text."""
    return [" ".join(step["ip"]) if "ip" in step else f"{step['write']} = {step['text']}" for step in steps]
