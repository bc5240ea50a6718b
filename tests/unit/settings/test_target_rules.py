"""tasks.settings.parameters.target_rules: rules about workers follow the number of those of the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.settings.parameters import target_rules
from tests.unit.settings.conftest import refusal, valid
from tests.unit.target.somewhere import parameters_of

if TYPE_CHECKING:
    from pathlib import Path

_BLOCK = "NV_IPAM_PER_NODE_BLOCK_SIZE"
_MANY = ",".join("abcdefghi")


def test_one_worker_has_no_second_card(root: Path) -> None:
    one = parameters_of(TARGET_WORKERS="a", SRIOV_PF_IPADDR_2="192.168.20.2/24")
    assert target_rules.workers(valid(root, **one)) == 1
    two = {**one, "TARGET_WORKERS": "a,b"}
    assert any("SRIOV_PF_IPADDR_1 too" in line for line in refusal(root, **two))


def test_blocks_of_addresses_have_to_suffice_for_the_workers(root: Path) -> None:
    many = parameters_of(TARGET_WORKERS=_MANY, ADDONS="nvidia-k8s-ipam,multus")
    assert any(f"{_BLOCK}: 9 blocks of 30 do not fit" in line for line in refusal(root, **many))


@pytest.mark.parametrize("more", [{}, {"SRIOV": "given"}])
def test_blocks_do_not_matter_where_none_is_cut(root: Path, more: dict[str, str]) -> None:
    assert target_rules.blocks(valid(root, **parameters_of(TARGET_WORKERS=_MANY, ADDONS="", **more))) == 0


def test_without_named_workers_there_are_as_many_as_places(root: Path) -> None:
    assert target_rules.workers(valid(root, **parameters_of())) == 2
