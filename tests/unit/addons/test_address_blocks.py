"""tasks.addons.address_blocks: which addresses each worker gives the pods on it."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_network
from typing import Any

import pytest

from tasks.addons import address_blocks
from tests.unit.conftest import lab

WORKERS = ("kind-worker", "kind-worker2")
CHOICES: list[dict[str, str]] = [
    {},
    {"NV_IPAM_PER_NODE_BLOCK_SIZE": "20"},
    {"NV_IPAM_GATEWAY": "192.168.20.40"},
    {"NV_IPAM_EXCLUDE_START_2": "192.168.20.15", "NV_IPAM_EXCLUDE_END_2": "192.168.20.20"},
]


def given(block: dict[str, Any]) -> set[IPv4Address]:
    """Return the addresses of a block that pods get."""
    first, last = (IPv4Address(block[name]) for name in ("range_start", "range_end"))
    span = {first + offset for offset in range(int(last) - int(first) + 1)}
    return {address for address in span if not any(address in ip_network(each) for each in block["exclude"])}


def test_the_defaults_are_the_manuals_blocks() -> None:
    blocks = address_blocks.whereabouts(lab(CLUSTER_NAME="kind"), WORKERS)
    assert list(blocks) == ["kind-worker", "kind-worker2"]
    assert given(blocks["kind-worker"]) == {IPv4Address(f"192.168.20.{number}") for number in range(10, 31)}
    assert given(blocks["kind-worker2"]) == {IPv4Address(f"192.168.20.{number}") for number in range(31, 51)}


def test_each_worker_of_an_existing_cluster_has_a_block_of_its_own() -> None:
    blocks = address_blocks.whereabouts(lab(NV_IPAM_PER_NODE_BLOCK_SIZE="12"), ("a", "b", "c"))
    first, second, third = (given(block) for block in blocks.values())
    assert first and second and third  # noqa: PT018
    assert len(first | second | third) == len(first) + len(second) + len(third)


@pytest.mark.parametrize("values", CHOICES)
def test_no_address_is_given_twice_or_belongs_to_a_card_the_gateway_or_an_exclusion(values: dict[str, str]) -> None:
    chosen = lab(**values)
    one, other = (given(block) for block in address_blocks.whereabouts(chosen, WORKERS).values())
    assert one
    assert other
    assert not one & other
    taken = {chosen.nv_ipam_gateway, chosen.sriov_pf_ipaddr_1.ip, chosen.sriov_pf_ipaddr_2.ip}
    assert not (one | other) & taken
    for start, end in (
        (chosen.nv_ipam_exclude_start_1, chosen.nv_ipam_exclude_end_1),
        (chosen.nv_ipam_exclude_start_2, chosen.nv_ipam_exclude_end_2),
    ):
        assert not [address for address in one | other if start <= address <= end]


def test_all_of_a_block_is_in_the_subnet_and_each_node_has_a_pool_of_its_own() -> None:
    blocks = address_blocks.whereabouts(lab(), WORKERS)
    assert {block["range"] for block in blocks.values()} == {"192.168.20.0/24"}
    assert {node: block["network_name"] for node, block in blocks.items()} == {node: node for node in blocks}
