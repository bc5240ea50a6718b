"""What a node lacks of its loan."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tasks import lack as lacks
from tasks.engines.host import namespaces as host_namespaces
from tasks.engines.host import pci
from tasks.engines.host.namespaces import Namespace, World
from tasks.lack import NOTHING
from tasks.nics import condition
from tests.unit.connectx5 import card
from tests.unit.connectx5.card import HOST, LEFT, POD
from tests.unit.nics.world import WISH, Machine, in_node, lent

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.nics.ledger import Ledger
    from tasks.nics.wish import Wish


def inside(world: host_namespaces.World) -> host_namespaces.World:
    """Return a world in which the card in the node is up and has its address."""
    address = {"family": "inet", "local": "192.168.20.2", "prefixlen": 24}
    spaces = [
        replace(
            space, links=tuple(replace(one, addresses=(address,)) if one.bdf == LEFT else one for one in space.links)
        )
        for space in world.namespaces
    ]
    return host_namespaces.World(tuple(spaces))


@pytest.mark.parametrize(
    "case",
    [
        (lent(), inside(card.world(in_node)), WISH, ""),
        (lent(), inside(card.world(lambda f: POD if f["ifname"] == "ens9f0v2" else in_node(f))), WISH, "ens9f0v2"),
        (lent(), inside(card.world(lambda f: HOST if f["ifname"] == "ens9f0v2" else in_node(f))), WISH, "ens9f0v2"),
        (lent(), card.world(in_node), WISH, "is not up with 192.168.20.2/24"),
        (lent(namespace=1), card.world(in_node), WISH, "restarted since it got its card"),
        (lent(names={}), card.world(in_node), WISH, "has no ens9f0np0 yet"),
        (lent(), card.world(in_node), replace(WISH, num_vfs=4), "virtual functions: 8 -> 4"),
        (lent(), card.world(in_node), replace(WISH, interface="ens9f1np1"), "card: ens9f0np0 -> ens9f1np1"),
        (None, card.world(), WISH, "has no ens9f0np0 yet"),
    ],
    ids=["nothing", "in a pod", "astray", "no address", "restarted", "not moved yet", "count", "card", "no ledger"],
)
def test_what_a_node_lacks_is_said(sysfs: Path, case: tuple[Ledger | None, World, Wish, str]) -> None:
    ledger, world, wish, lacking = case
    said = condition.lack(wish, ledger, Machine(found=world))
    if world.namespaces[2].links:
        assert said == NOTHING, "what a pod holds is not astray"
    else:
        assert bool(said) is bool(lacking)
        assert lacking in "".join(said.reasons)


def test_ledger_of_another_checkout_lacks_all(other: Path) -> None:
    said = condition.lack(WISH, replace(lent(), checkout=str(other)), Machine())
    assert said == lacks.of(f"kind-worker: its ledger belongs to {other}")


def left_over(found: dict[str, Any]) -> int:
    return POD if found["ifname"] == "ens9f0v2" else in_node(found)


ENDED = Namespace(POD, "/proc/100/root/run/netns/cni-1")


@pytest.mark.parametrize(
    ("holders", "astray"),
    [({}, True), ({"0000:17:00.4": "a/calcapp"}, False), (None, False)],
    ids=["no pod", "its pod", "no cluster answers"],
)
def test_function_in_a_namespace_without_process_is_brought_back_unless_a_pod_has_it(
    sysfs: Path, holders: dict[str, str] | None, *, astray: bool
) -> None:
    host, node, there = card.world(left_over).namespaces
    world = World((host, node, replace(ENDED, links=there.links)))
    assert condition.is_astray("0000:17:00.4", world, node, Machine(holders=holders)) is astray


def test_function_in_no_namespace_is_lost_unless_a_virtual_machine_has_it(sysfs: Path) -> None:
    world = host_namespaces.World(card.world(left_over).namespaces[:2])
    node = world.namespaces[1]
    assert condition.is_astray("0000:17:00.4", world, node, Machine())
    driver = pci.folder("0000:17:00.4", sysfs) / "driver"
    driver.unlink()
    driver.symlink_to("../../../../bus/pci/drivers/vfio-pci")
    assert not condition.is_astray("0000:17:00.4", world, node, Machine())


def test_function_in_another_node_is_brought_back(sysfs: Path) -> None:
    host, node, there = card.world(left_over).namespaces
    world = host_namespaces.World(
        (host, node, host_namespaces.Namespace(POD, "/proc/9/ns/net", node="kind-worker2", links=there.links))
    )
    assert condition.is_astray("0000:17:00.4", world, node, Machine())
