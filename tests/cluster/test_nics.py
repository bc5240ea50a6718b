"""Real node containers and pods, with a veth as the card: it moves like one, although it dies with its namespace."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tasks.engines.docker import client, containers, networks
from tasks.engines.host import namespaces
from tasks.engines.kube import manifests
from tasks.nics import counters, ledger, presence, wish
from tasks.nics.ledger import Loan, Record
from tests import veths
from tests.cluster.lab import NAME, chosen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cluster.lab import Lab

NODE = f"{NAME}-worker"
VETH, PEER = "okcluster0", "okcluster1"


@pytest.fixture
def veth() -> Iterator[str]:
    with veths.veth(VETH, PEER) as name:
        yield name


def test_device_moves_into_a_node_and_back(verified: Lab, veth: str) -> None:
    assert verified
    process = containers.main_process(NODE)
    veths.move_in(veth, NODE, process)
    assert veth in containers.exec_in(NODE, ["ip", "-brief", "link"])
    veths.move_out(veth, NODE, process)


def test_namespace_of_a_pod_is_told_by_its_name(verified: Lab) -> None:
    nodes = {NODE: containers.main_process(NODE)}
    pods = [pod for pod in verified.api.list(manifests.POD) if not pod["spec"].get("hostNetwork")]
    running = [pod["metadata"] for pod in pods if pod["status"]["phase"] == "Running"]
    names = {pod["uid"]: f"{pod['namespace']}/{pod['name']}" for pod in running}
    places = {presence.where(space, lambda: names) for space in namespaces.survey(nodes, everywhere=True).namespaces}
    assert running
    assert {f"in pod {name}" for name in names.values()} <= places
    assert {f"in {NODE}", "on the host"} <= places


def test_emulated_cards_are_there_again_after_a_restart_and_go_when_asked_to(verified: Lab) -> None:
    emulating = {"EMULATE": "sriov"}
    verified.run("nics", **emulating)
    rows = json.loads(verified.run("nics_status", "--json", **emulating))
    asked = wish.wishes(chosen()).values()
    assert [(row["device"], row["name"], row["place"]) for row in rows] == [
        ("emulated", one.interface, f"in {one.node}") for one in asked
    ]
    addresses = internal_addresses(verified)
    client.client().api.restart(NODE, timeout=3)
    verified.run("create_cluster")
    assert "up to date" in verified.run("nics", **emulating)
    assert internal_addresses(verified) == addresses
    _, second = asked
    before = counters.of_cards(asked)
    knock = f"timeout 5 bash -c '</dev/tcp/{second.ip}/9' 2>&1"
    assert "refused" in containers.exec_in(NODE, ["sh", "-c", knock], check=False)
    after = counters.of_cards(asked)
    assert all(after[node].sent > before[node].sent for node in before)
    assert "has emulated network cards" in verified.fail("nics", EMULATE="")
    assert f"{NAME}-sriov" in verified.run("nics_restore")
    assert networks.find(f"{NAME}-sriov") is None
    assert not any(one.interface in containers.exec_in(one.node, ["ip", "-brief", "link"]) for one in asked)


def internal_addresses(lab: Lab) -> dict[str, Any]:
    """Return the addresses of each node, as its kubelet reports them."""
    return {node["metadata"]["name"]: node["status"]["addresses"] for node in lab.api.list(manifests.NODE)}


def test_nothing_is_lent_on_a_machine_without_cards(verified: Lab) -> None:
    verified.run("nics_restore")
    assert "Nothing is lent" in verified.run("nics_status", EMULATE="")
    assert "up to date" in verified.run("nics_restore")


def test_cluster_is_kept_until_its_cards_are_back(verified: Lab) -> None:
    """A missing card cannot be given back (this machine has none), so its node must not be deleted either."""
    card = Record(
        bdf="0000:fe:1f.7", identity="15b3:1019", permanent_mac="", namespace="host", name="ens9f0np0", altnames=(),
        mac="", mtu=1500, up=True, driver="mlx5_core", num_vfs=0, physical_function="", addresses=(), routes=(),
        vf_settings=(),
    )  # fmt: skip
    lent = replace(ledger.fresh(NAME), checkout=str(verified.checkout.root))
    ledger.save(lent.with_loan(NODE, Loan(card.bdf, 8, 1), (card,)))
    try:
        nodes = verified.node_ids()
        assert "0000:fe:1f.7: the ledger knows ens9f0np0" in verified.fail("delete_cluster")
        assert verified.node_ids() == nodes
    finally:
        ledger.drop(NAME)


def test_card_that_is_not_there_is_refused_by_name(verified: Lab) -> None:
    assert "SRIOV_PF_IF_1" in verified.fail("nics:kind-worker", EMULATE="")
