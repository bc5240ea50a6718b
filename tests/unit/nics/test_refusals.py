"""What is never lent, on a recorded dual-port ConnectX-5."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tasks.engines.host import namespaces as host_namespaces
from tasks.nics import refusals
from tasks.nics import wish as nics_wish
from tasks.nics.ledger import Ledger, Loan
from tasks.problems import Problem
from tests.unit.connectx5 import card
from tests.unit.connectx5.card import LEFT, RIGHT
from tests.unit.nics.world import OTHER, WISH, extra, function, link

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("host", "lifelines", "said"),
    [
        (card.world().host, {"ens9f0np0": "the default route goes through it"}, "default route"),
        (card.world().host, {"ens9f0np0": "the SSH connection from 203.0.113.9 goes through it"}, "SSH connection"),
        (extra("ens9f0np0.100", under="ens9f0np0"), {}, "ens9f0np0.100 is built upon it"),
    ],
    ids=["default route", "SSH", "VLAN"],
)
def test_lifelines_are_refused(
    sysfs: Path, host: host_namespaces.Namespace, lifelines: dict[str, str], said: str
) -> None:
    with pytest.raises(Problem, match=said) as caught:
        refusals.refuse_lifelines(WISH, function(LEFT), host, lifelines)
    assert caught.value.message.startswith("SRIOV_PF_IF_1: ens9f0np0 is not lent")


def test_member_of_a_bond_is_refused(sysfs: Path) -> None:
    host = replace(card.world().host, links=(link("ens9f0np0", master="bond0"),))
    with pytest.raises(Problem, match="ens9f0np0 is not lent: it is a member of bond0"):
        refusals.refuse_lifelines(WISH, function(LEFT), host, {})


def test_virtual_function_that_the_host_lives_on_is_refused(sysfs: Path) -> None:
    lifelines = {"ens9f0v3": "the default route goes through it"}
    with pytest.raises(Problem, match="ens9f0np0 is not lent: its virtual function ens9f0v3: the default route"):
        refusals.refuse_lifelines(WISH, function(LEFT), card.world().host, lifelines)


def test_lifeline_elsewhere_is_no_reason(sysfs: Path) -> None:
    lifelines = {"eno8303": "the default route", "ens9f1np1": "the SSH connection"}
    refusals.refuse_lifelines(WISH, function(LEFT), card.world().host, lifelines)


def test_card_without_sriov_is_refused(sysfs: Path) -> None:
    with pytest.raises(Problem, match=r"SRIOV_PF_IF_1: ens9f0np0 has no SR-IOV"):
        refusals.refuse_unable(WISH, function("0000:04:00.0"))


def test_more_functions_than_the_card_can_have_are_refused(sysfs: Path) -> None:
    with pytest.raises(Problem, match=r"SRIOV_NUM_VFS: 9 is more than the 8 that ens9f0np0 \(0000:17:00.0\) can have"):
        refusals.refuse_unable(replace(WISH, num_vfs=9), function(LEFT))


def test_pattern_that_matches_another_card_is_refused_with_the_list(sysfs: Path) -> None:
    host = replace(
        card.world().host, links=(*card.world().host.links, host_namespaces.Link("ens9f10", bdf="0000:31:00.0"))
    )
    message = r"SRIOV_IF_REGEX_2: ens9f1\.\* also matches what does not belong to ens9f1np1: ens9f10$"
    with pytest.raises(Problem, match=message):
        refusals.refuse_foreign_matches(OTHER, function(RIGHT), host)


def test_patterns_of_the_manual_match_their_own_functions_only(sysfs: Path) -> None:
    for wish, bdf in ((WISH, LEFT), (OTHER, RIGHT)):
        refusals.refuse_foreign_matches(wish, function(bdf), card.world().host)
        matching = [found for found in card.world().host.links if nics_wish.matches(wish.pattern, found.names)]
        assert len(matching) == 9


def test_representor_that_matches_is_not_taken_for_another_card(sysfs: Path) -> None:
    refusals.refuse_foreign_matches(WISH, function(LEFT), extra("ens9f0npf0vf0", representor=True))


def test_card_of_another_worker_is_refused(sysfs: Path) -> None:
    with pytest.raises(Problem, match=r"is the card of SRIOV_PF_IF_2 too"):
        refusals.refuse_shared(WISH, LEFT, {"SRIOV_PF_IF_2": LEFT}, ())


def test_card_of_another_cluster_is_refused_with_the_way_out() -> None:
    theirs = Ledger("other", "boot", {}, {"other-worker": Loan(LEFT, 8, 1)})
    with pytest.raises(Problem, match=r"is lent to other-worker of cluster other") as caught:
        refusals.refuse_shared(WISH, LEFT, {}, [theirs])
    assert caught.value.hint == "CLUSTER_NAME=other ./doit nics_restore"
    refusals.refuse_shared(WISH, LEFT, {}, [Ledger("kind", "boot", {}, {"kind-worker": Loan(LEFT, 8, 1)})])
