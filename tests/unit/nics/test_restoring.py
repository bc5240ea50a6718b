"""Giving back: what is moved, and what is left as it is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tasks.engines.host import namespaces as host_namespaces
from tasks.nics import restoring
from tasks.nics.ledger import Ledger
from tasks.problems import Problem
from tests.unit.connectx5 import card
from tests.unit.connectx5.card import LEFT
from tests.unit.nics.world import Machine, in_node, lent, link, record

if TYPE_CHECKING:
    from pathlib import Path


def test_device_that_cannot_be_moved_keeps_no_other_away(sysfs: Path) -> None:
    machine = Machine(found=card.world(in_node), stuck="ens9f0v2")
    left = restoring.bring_home(restoring.Return(lent(), machine))
    assert left == ["0000:17:00.4: ip link set dev ens9f0v2: RTNETLINK answers: Device or resource busy"]
    moved = [step["ip"][3] for step in machine.orders if "netns" in step["ip"]]
    assert moved == ["ens9f0np0", *(f"ens9f0v{number}" for number in range(8) if number != 2)]


def test_name_that_another_card_has_is_told_with_its_holder() -> None:
    host = replace(
        card.world().host,
        links=(link("ens9f0np0", name="dev4", altnames=()), host_namespaces.Link("ens9f0np0", bdf="0000:31:00.0")),
    )
    assert restoring.holders(record("ens9f0np0"), host_namespaces.World((host,))) == [
        "0000:17:00.0: its name ens9f0np0 is taken by ens9f0np0 (0000:31:00.0)"
    ]


def test_card_that_became_a_lifeline_is_left_as_it_is(sysfs: Path) -> None:
    ledger = Ledger("kind", "boot", {LEFT: record("ens9f0np0")})
    held = {"ens9f0np0": "the default route goes through it"}
    back = restoring.Return(ledger, Machine(found=card.world(), held=held))
    restoring.refuse_new_lifeline(record("ens9f0np0"), back)
    with pytest.raises(Problem, match="ens9f0np0 is left as it is: the default route") as caught:
        restoring.refuse_new_lifeline(record("ens9f0np0", mtu=9000), back)
    assert "mtu was 9000, is 1500" in caught.value.details
