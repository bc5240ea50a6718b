"""A cluster is never rebuilt because a parameter changed, unless the user says so. A deleted one leaves nothing."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from docker.errors import NotFound

from tasks.engines.docker import client, networks
from tasks.engines.docker import containers as docker_containers
from tasks.engines.kube import manifests
from tests.cluster.lab import ANSWERS, BASIC, NAME, answers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cluster.lab import Lab

OTHER = "10.245.0.0/16"
AGAIN = {"POD_SUBNET": OTHER, "RECREATE": "1"}


def test_drift_is_named_and_the_cluster_is_left_alone(verified: Lab) -> None:
    containers, pods = verified.node_ids(), verified.pod_uids()
    output = verified.fail("create_cluster", POD_SUBNET=OTHER)
    named = [line for line in output.splitlines() if f"POD_SUBNET 10.244.0.0/16 -> {OTHER}" in line]
    assert len(named) == 1
    assert "Try: RECREATE=1 ./doit create_cluster, or ./doit delete_cluster first" in output
    assert (verified.node_ids(), verified.pod_uids()) == (containers, pods)
    assert answers(verified.run(BASIC)) == ANSWERS


def test_a_cluster_that_lost_a_node_is_made_again_and_it_is_said(verified: Lab) -> None:
    containers = verified.node_ids()
    docker_containers.remove(f"{NAME}-worker2")
    output = verified.run(BASIC)
    assert f"Cluster {NAME} lost {NAME}-worker2" in output
    assert answers(output) == ANSWERS
    assert sorted(verified.node_ids()) == sorted(containers)


@dataclass(frozen=True)
class Rebuilt:
    """The lab after its cluster was made again, with the containers of before and what the run said."""

    lab: Lab
    before: dict[str, str]
    output: str


@pytest.fixture(scope="module")
def rebuilt(lab: Lab) -> Iterator[Rebuilt]:
    """A cluster of another subnet; it is deleted afterwards, because its parameters are not those of other tests."""
    lab.run(BASIC)
    before = lab.node_ids()
    yield Rebuilt(lab, before, lab.run(BASIC, **AGAIN))
    lab.run("delete_cluster")


def test_with_consent_it_is_rebuilt(rebuilt: Rebuilt) -> None:
    lab = rebuilt.lab
    assert answers(rebuilt.output) == ANSWERS
    assert not set(rebuilt.before.values()) & set(lab.node_ids().values())
    assert {node["spec"]["podCIDR"].rpartition(".")[0][:6] for node in lab.api.list(manifests.NODE)} == {"10.245"}
    # Consent applies to one change, not to a rebuild in each run.
    containers = lab.node_ids()
    lab.run(BASIC, **AGAIN)
    assert lab.node_ids() == containers


def volumes(containers: list[str]) -> list[str]:
    """Return the names of the volumes that containers keep their data in."""
    mounts = [mount for each in containers for mount in client.client().api.inspect_container(each)["Mounts"]]
    return [mount["Name"] for mount in mounts if mount["Type"] == "volume"]


def test_delete_cluster_leaves_nothing_of_it_and_may_be_repeated(rebuilt: Rebuilt) -> None:
    lab = rebuilt.lab
    lab.run("nics", EMULATE="sriov", POD_SUBNET=OTHER)
    assert networks.find(f"{NAME}-sriov")
    kept = volumes(lab.node_names)
    assert kept
    assert f"kind-{NAME}" in lab.user_kubeconfig.read_text()

    left = lab.user_kubeconfig.with_name(f"{lab.user_kubeconfig.name}.lock")
    nodes = lab.node_ids()
    left.touch(0)
    os.utime(left, (0, 0))
    assert f"{left}: a killed kind or kubectl left this lock" in lab.fail("delete_cluster")
    assert lab.node_ids() == nodes
    left.unlink()

    assert f"Deleted cluster {NAME}." in lab.run("delete_cluster")
    assert lab.node_ids() == {}
    assert networks.find(f"{NAME}-sriov") is None
    for name in kept:
        with pytest.raises(NotFound):
            client.client().api.inspect_volume(name)
    assert f"kind-{NAME}" not in lab.user_kubeconfig.read_text()
    assert not (lab.checkout.root / "build" / f"cluster-{NAME}").exists()

    assert "Deleted" not in lab.run("delete_cluster")
