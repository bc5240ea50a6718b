"""Lending a recorded dual-port ConnectX-5: where the card is found, and what on the machine forbids it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tasks.engines.host import namespaces as host_namespaces
from tasks.engines.host import pci
from tasks.engines.host.namespaces import World
from tasks.nics import ledger as nics_ledger
from tasks.nics import lending as nics_lending
from tasks.nics.ledger import Ledger, Loan
from tasks.problems import Problem
from tests.unit.connectx5 import card
from tests.unit.connectx5.card import HOST, LEFT, NODE, POD
from tests.unit.nics.world import OTHER, WISH, Machine, extra, function, lending, lent, record

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.engines.host.namespaces import Namespace


def test_function_of_a_virtual_machine_forbids_another_count(sysfs: Path) -> None:
    driver = pci.folder("0000:17:00.3", sysfs) / "driver"
    driver.unlink()
    driver.symlink_to("../../../../bus/pci/drivers/vfio-pci")
    with pytest.raises(Problem, match=r"8 cannot become 4 while 0000:17:00.3 has the driver vfio-pci"):
        nics_lending.refuse_held(lending(replace(WISH, num_vfs=4)), function(LEFT))


def test_function_that_a_pod_holds_forbids_another_count(sysfs: Path) -> None:
    world = card.world(lambda found: POD if found["ifname"] == "ens9f0v2" else HOST)
    named = {"a-b-c": "cpufunc-sample/calcapp-sriov-1"}
    with pytest.raises(Problem, match=r"ens9f0v2 \(0000:17:00.4\) is in pod cpufunc-sample/calcapp-sriov-1"):
        nics_lending.refuse_held(lending(replace(WISH, num_vfs=4), world, named=named), function(LEFT))


def test_where_the_card_is_not_the_offer_is_named(sysfs: Path) -> None:
    with pytest.raises(Problem, match="enp1s0 is not there; cards with SR-IOV here: ens9f0np0, ens9f1np1"):
        nics_lending.find_card(lending(replace(WISH, interface="enp1s0")))


def test_card_that_something_else_moved_in_is_found() -> None:
    world = card.world(lambda found: NODE if found["ifname"] == "ens9f0np0" else HOST)
    place, found = nics_lending.find_card(lending(WISH, world))
    assert (place.node, found.bdf) == ("kind-worker", LEFT)


def test_card_in_a_namespace_of_others_is_refused_with_its_place(sysfs: Path, ledgers: Path) -> None:
    world = card.world(lambda found: POD if found["ifname"] == "ens9f0np0" else HOST)
    asked = lending(WISH, world, named={"a-b-c": "cpufunc-sample/calcapp-sriov-1"})
    found = nics_lending.find_card(asked)
    with pytest.raises(Problem, match="ens9f0np0 is in pod cpufunc-sample/calcapp-sriov-1, not on the host"):
        nics_lending.require_lendable(asked, found, ())


def test_another_interface_while_one_is_lent_is_refused() -> None:
    ledger = Ledger("kind", "boot", {LEFT: record("ens9f0np0")}, {"kind-worker": Loan(LEFT, 8, NODE)})
    with pytest.raises(Problem, match=r"SRIOV_PF_IF_1: is ens9f1np1, but kind-worker has ens9f0np0"):
        nics_lending.find_card(lending(replace(WISH, interface="ens9f1np1"), ledger=ledger))


def test_lent_card_is_found_under_any_name(sysfs: Path) -> None:
    ledger = Ledger("kind", "boot", {LEFT: record("ens9f0np0")}, {"kind-worker": Loan(LEFT, 8, NODE)})
    host = card.world().host
    renamed = tuple(replace(found, name="dev12") if found.bdf == LEFT else found for found in host.links)
    world = host_namespaces.World((replace(host, links=renamed), *card.world().namespaces[1:]))
    assert nics_lending.find_card(lending(WISH, world, ledger))[1].name == "dev12"


def test_node_that_does_not_run() -> None:
    with pytest.raises(Problem, match="kind-worker2: its container does not run"):
        _ = lending(OTHER).node


def test_nothing_is_lent_under_a_name_whose_ledger_is_another_checkouts(ledgers: Path, other: Path) -> None:
    nics_ledger.save(replace(lent(), checkout=str(other)))
    with pytest.raises(Problem, match=rf"CLUSTER_NAME: cluster kind of {other} has network cards") as caught:
        nics_lending.lend_to(WISH, (), Machine())
    assert caught.value.hint == f"another CLUSTER_NAME; or cd {other} and ./doit nics_restore"


@pytest.mark.usefixtures("sysfs", "ledgers")
@pytest.mark.parametrize(
    ("host", "facts", "reason"),
    [
        (card.world().host, {}, ""),
        (card.world().host, {"held": {"ens9f0np0": "the default route goes through it"}}, "the default route"),
        (extra("ens9f0np0.100", under="ens9f0np0"), {}, "ens9f0np0.100 is built upon it"),
        (extra("ens9f0np09", bdf="0000:31:00.0"), {}, "also matches what does not belong to ens9f0np0"),
        (replace(card.world().host, links=()), {}, ""),
    ],
    ids=["free", "lifeline", "VLAN", "foreign match", "not on the host"],
)
def test_what_will_be_refused_is_known_before_there_is_a_node(
    host: Namespace, facts: dict[str, Any], reason: str
) -> None:
    found = nics_lending.objection(WISH, (OTHER,), Machine(found=World((host,)), **facts))
    assert reason in found
    assert bool(found) == bool(reason)
